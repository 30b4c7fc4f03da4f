"""How series are divided in time: training, validation and test part, drawn."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import plotly.graph_objects as go
from torch import Tensor

from throughtime.data import Sequences
from throughtime.data.classes import is_number
from throughtime.data.series import described
from throughtime.report.markup import table
from throughtime.report.section import Figure, Part, TestedRun
from throughtime.report.style import COLOURS, figure, named_ticks, plain
from throughtime.tasks import Forecast
from throughtime.training import Run

name, title = "parts_in_time", "The parts in time"
SERIES = 20  # that are drawn, at most
PARTS = ("training", "validation", "test")


def measure(tested: TestedRun) -> Mapping[str, Any]:
    """From when to when each part of some series lasts; times as text, or numbers, or places."""
    task, train = tested.model.task, tested.train
    assert isinstance(task, Forecast)
    kept = described(tested.run.details.get("data", {}).get("series"))
    fitted = train if kept is None else kept.aside(train)[0]
    fit = dict(zip(fitted.names, fitted.lengths.tolist(), strict=True))
    last: dict[str, int] = {who: k for k, who in enumerate(tested.test.names)}
    step = max(1, -(-len(train) // SERIES))
    rows = []
    for k in range(0, len(train), step):
        who, n = train.names[k], int(train.lengths[k])
        own = fit.get(who, n)
        begin = int(train.offsets[k])
        bars: list[list[Any] | None] = [_between(train, begin, 0, own)]
        bars.append(_between(train, begin, own, n) if own < n else None)
        window = last.get(who)
        if window is None:
            bars.append(None)
        else:
            count = sum(other == who for other in tested.test.names)
            end = int(tested.test.offsets[window + 1])
            steps = min(count * task.horizon, int(tested.test.lengths[window]))
            bars.append(_between(tested.test, end - steps, 0, steps, place=n))
        rows.append({"series": who, "bars": bars})
    return {"parts_in_time": rows}


def _between(part: Sequences, begin: int, first: int, stop: int, place: int = 0) -> list[Any]:
    """The first and the last time of some steps; their places where there are no times."""
    if part.moments is None or part.times is None or _unknown(part.moments):
        return [place + first, place + stop]
    ends = [float(part.moments[begin + first]), float(part.moments[begin + stop - 1])]
    if is_number(part.times[0]):
        return ends
    start = datetime(1970, 1, 1, tzinfo=UTC)
    return [(start + timedelta(seconds=end)).strftime("%Y-%m-%d %H:%M") for end in ends]


def _unknown(moments: Tensor) -> bool:
    return bool(moments.isnan().any())


def write(run: Run, measured: Any) -> Iterator[Part]:
    rows = measured.get("parts_in_time") if measured else None
    if not rows:
        return
    says = (
        "Each bar is a series. The model was fitted on the first part and validated on the second, "
        "then trained once more on both; the third is what it was tested on."
    )
    cells = [[plain(row["series"]), *map(_span, row["bars"])] for row in rows]
    numbers = table(["series", *PARTS], cells, kind="facts")
    yield Figure("parts_in_time", "From when to when", says, draw(rows), numbers)


def _span(bar: list[Any] | None) -> str | None:
    return None if bar is None else f"{bar[0]} to {bar[1]}"


def draw(rows: list[dict[str, Any]]) -> go.Figure:
    """A bar for each series, of the colour of each part."""
    drawn = figure(110 + 26 * len(rows), hovermode="closest")
    for p, part in enumerate(PARTS):
        x: list[Any] = []
        y: list[Any] = []
        for k, row in enumerate(rows):
            if row["bars"][p]:
                x += [*row["bars"][p], None]
                y += [k, k, None]
        drawn.add_trace(go.Scatter(
            x=x, y=y, mode="lines", name=part, connectgaps=False,
            line={"color": COLOURS[p], "width": 12},
        ))  # fmt: skip
    ticks = named_ticks([plain(row["series"]) for row in rows])
    drawn.update_yaxes(**ticks, autorange="reversed", showgrid=False)
    drawn.update_xaxes(title="time")
    return drawn
