"""The parts in time: what of each series was trained on, validated on and tested on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

import plotly.graph_objects as go
import torch
from markupsafe import Markup

from throughtime.data import Sequences
from throughtime.data.series import described
from throughtime.report.markup import table
from throughtime.report.rounding import thinned
from throughtime.report.section import Figure, Part, TestedRun
from throughtime.report.style import COLOURS, PAPER, figure, named_ticks, plain, safe
from throughtime.tasks import Forecast
from throughtime.training import Run

name, title = "parts_in_time", "The parts in time"
SERIES = 20  # that are drawn, at most
TICKS = 7  # times that are spelled on the axis, at most
PARTS = {"train": "training", "validation": "validation", "test": "test"}


class Stretch(TypedDict):
    """Some steps of a series that follow each other.

    - `start`, `stop`: where it begins and ends: the moments of its first step and of the one after
      its last, or steps of the series where there is no time.
    - `first`, `last`: how the table spells the time of its first and its last step; or steps,
      counted from 1.
    """

    start: float
    stop: float
    first: str
    last: str


class Divided(TypedDict):
    """A series and its parts, those that it has."""

    name: str
    parts: dict[str, Stretch]


class Parts(TypedDict):
    """What is drawn of `of` series.

    - `clock`: whether places are moments, or else steps of each series.
    - `validated`: whether the run had a validation part; `found`: whether it is told where.
    - `ticks`: some places with how the time there is spelled.
    """

    of: int
    clock: bool
    validated: bool
    found: bool
    ticks: list[tuple[float, str]]
    series: list[Divided]


def measure(tested: TestedRun) -> Mapping[str, Any]:
    train, test, task = tested.train, tested.test, tested.model.task
    assert isinstance(task, Forecast)
    names = [*dict.fromkeys((*train.names, *test.names))]
    clock = all(part.moments is not None and part.times is not None for part in (train, test))
    told = described((tested.run.details.get("data") or {}).get("series"))
    fitted = None if told is None else told.aside(train)[0]
    series = [
        Divided(name=names[k], parts=_parts(names[k], train, test, fitted, task.horizon, clock))
        for k in thinned(len(names), SERIES)
    ]
    parts: Parts = {
        "of": len(names),
        "clock": clock,
        "validated": any("validation_loss" in row for row in tested.run.history),
        "found": fitted is not None,
        "ticks": _ticks(series) if clock else [],
        "series": series,
    }
    return {"parts_in_time": parts}


def _parts(
    name: str,
    train: Sequences,
    test: Sequences,
    fitted: Sequences | None,
    horizon: int,
    clock: bool,
) -> dict[str, Stretch]:
    """The parts of a series that there are."""
    parts: dict[str, Stretch] = {}
    n = 0
    if name in train.names:
        k = train.names.index(name)
        first, n = int(train.offsets[k]), int(train.lengths[k])
        learned = n if fitted is None else int(fitted.lengths[fitted.names.index(name)])
        ends = {"train": (0, learned), "validation": (learned, n)}
        for part, (start, stop) in ends.items():
            if start < stop:
                rows = torch.arange(first + start, first + stop)
                parts[part] = _of_rows(train, rows) if clock else _of_steps(start, stop)
    windows = torch.tensor([k for k, own in enumerate(test.names) if own == name])
    if len(windows):
        rows = test.offsets[windows + 1, None] - torch.arange(horizon, 0, -1)
        stop = n + len(windows) * horizon
        parts["test"] = _of_rows(test, rows.flatten()) if clock else _of_steps(n, stop)
    return parts


def _of_steps(start: int, stop: int) -> Stretch:
    return {"start": start, "stop": stop, "first": str(start + 1), "last": str(stop)}


def _of_rows(part: Sequences, rows: torch.Tensor) -> Stretch:
    """The stretch of time that rows cover; the last lasts as long as the step before it."""
    assert part.moments is not None and part.times is not None
    moments = part.moments[rows]
    low, high = int(rows[moments.argmin()]), int(rows[moments.argmax()])
    once = moments.unique()
    step = float(once.diff().median()) if len(once) > 1 else 0.0
    return {
        "start": float(part.moments[low]), "stop": float(part.moments[high]) + step,
        "first": part.times[low], "last": part.times[high],
    }  # fmt: skip


def _ticks(series: Sequence[Divided]) -> list[tuple[float, str]]:
    """Some of the places where a part begins, well apart; those of the test part come first."""
    parts = [(part, one) for divided in series for part, one in divided["parts"].items()]
    earliest = min(parts, key=lambda of: of[1]["start"])
    later_first = sorted(parts, key=lambda of: [*PARTS].index(of[0]), reverse=True)
    apart = (max(one["stop"] for _, one in parts) - earliest[1]["start"]) / TICKS
    kept: dict[float, str] = {}
    for _, one in (earliest, *later_first):
        if all(abs(one["start"] - place) >= apart for place in kept):
            kept[one["start"]] = one["first"]
    return sorted(kept.items())


def write(run: Run, measured: Any) -> Iterator[Part]:
    parts: Parts | None = (measured or {}).get("parts_in_time")
    again = bool(run.history) and "again" in run.history[-1]
    if parts is not None:
        sentences = " ".join(says(parts, again))
        yield Figure(name, "From when to when", sentences, bars(parts), _table(parts))


def says(parts: Parts, again: bool) -> Iterator[str]:
    """What is drawn, and what is not told.

    `again`: whether the network was fitted to all of the training part in the end.
    """
    if parts["of"] > len(parts["series"]):
        yield f"{len(parts['series'])} of {parts['of']:,} series."
    yield ("Each row is a series, trained on from its start and tested on its last steps.")
    if parts["found"]:
        yield (
            "How long to train was chosen on the validation part."
            + (" In the end the network was fitted once more, on that part too." if again else "")
        )
    elif parts["validated"]:
        yield "There was a validation part within the training part; it is not told where."
    if not parts["clock"]:
        yield (
            "The data has no times, so steps are counted from the start of each series, and test "
            "windows are drawn one after the other."
        )


def bars(parts: Parts) -> go.Figure:
    """A row for each series, with a bar for each of its parts."""
    series = parts["series"]
    drawn = figure(110 + 22 * len(series), hovermode="closest", barmode="overlay", bargap=0.25)
    for k, part in enumerate(PARTS):
        own = [(row, one["parts"][part]) for row, one in enumerate(series) if part in one["parts"]]
        if not own:
            continue
        pattern = {"shape": ("", ".", "/")[k], "fillmode": "overlay", "fgcolor": PAPER, "size": 6}
        drawn.add_bar(
            y=[row for row, _ in own], base=[s["start"] for _, s in own],
            x=[s["stop"] - s["start"] for _, s in own], orientation="h", name=PARTS[part],
            text=[safe(f"{s['first']} to {s['last']}", 80) for _, s in own], textposition="none",
            hovertemplate=f"{PARTS[part]}: %{{text}}<extra></extra>",
            marker={"color": COLOURS[k], "pattern": pattern},
        )  # fmt: skip
    if parts["clock"]:
        places, texts = zip(*parts["ticks"], strict=True)
        drawn.update_xaxes(tickvals=list(places), ticktext=[safe(one) for one in texts])
    else:
        drawn.update_xaxes(title="step")
    names = [one["name"] for one in series]
    drawn.update_yaxes(autorange="reversed", showgrid=False, **named_ticks(names))
    return drawn


def _table(parts: Parts) -> Markup:
    there = [part for part in PARTS if any(part in one["parts"] for one in parts["series"])]
    rows = [
        [plain(one["name"]), *(_told(one["parts"].get(part)) for part in there)]
        for one in parts["series"]
    ]
    return table(["series", *(PARTS[part] for part in there)], rows, kind="facts")


def _told(stretch: Stretch | None) -> str | None:
    return None if stretch is None else f"{plain(stretch['first'])} to {plain(stretch['last'])}"
