"""Fans: the quantiles of some forecasts, after what was known and beside what came."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypedDict

import plotly.graph_objects as go
import torch
from markupsafe import Markup

from throughtime.report.markup import table
from throughtime.report.rounding import rounded, thinned
from throughtime.report.section import Figure, Part, TestedRun
from throughtime.report.style import COLOURS, GREY, INK, panels, plain, safe
from throughtime.tasks import Forecast
from throughtime.tasks.quantiles import middle
from throughtime.training import Run

name, title = "fans", "Forecasts"
LEAST, MOST = 20, 400  # steps of history that are drawn
TICKS = 6  # times that are spelled on an axis, at most


class Fan(TypedDict):
    """A forecast that is drawn. Steps are counted from the last known one, which is 0.

    - `series`, `target`: whose it is.
    - `score`, `error`: `MASE` of all windows of the series, or `MAE` of this window alone.
    - `past`, `history`: steps up to 0, and the values there, None where one is not known.
    - `ahead`, `came`: steps from 1 on, and the values there.
    - `levels`, `quantiles`: for each level its quantile at each step ahead.
    - `times`: how the table spells the time of each step of `past` and `ahead`; None without.
    """

    series: str
    target: str
    score: str
    error: float
    past: list[int]
    history: list[float | None]
    ahead: list[int]
    came: list[float | None]
    levels: list[float]
    quantiles: list[list[float]]
    times: list[str] | None


class Place(NamedTuple):
    """A window and a target, by their places, with the error that it is chosen by."""

    window: int
    target: int
    score: str
    error: float


def measure(tested: TestedRun) -> Mapping[str, Any]:
    places = _by_series(tested) if len({*tested.test.names}) > 1 else _by_window(tested)
    places = sorted(places, key=lambda place: place.error, reverse=True)
    few = dict.fromkeys([0, len(places) // 2, len(places) - 1]) if places else {}
    return {"fans": [_fan(tested, places[k]) for k in few]}


def _by_series(tested: TestedRun) -> list[Place]:
    """The last window of each series and target, with the MASE of all its windows."""
    test, task = tested.test, tested.model.task
    assert isinstance(task, Forecast)
    own = task.scores(tested.predictions, test).to_dict()["by_series"]
    kept = tested.run.results.get("test", {}).get("by_series", own)
    if [*kept["series"]] == [*own["series"]]:
        own = kept  # that of whole series: what is seen here may have lost its start
    last = {series: window for window, series in enumerate(test.names)}
    each = [(last[s], k) for s in dict.fromkeys(test.names) for k in range(len(task.targets))]
    errors = zip(each, own["MASE"], strict=True)
    return [Place(*where, "MASE", error) for where, error in errors if error is not None]


def _by_window(tested: TestedRun) -> list[Place]:
    """Each window of the only series, for its first target, with its mean absolute error."""
    task = tested.model.task
    assert isinstance(task, Forecast)
    m = middle(task.quantiles)
    error = (tested.predictions[:, 0, :, m] - task.actual(tested.test)[:, 0]).abs().nanmean(-1)
    return [Place(k, 0, "MAE", e) for k, e in enumerate(rounded(error)) if e is not None]


def _fan(tested: TestedRun, place: Place) -> Fan:
    task = tested.model.task
    assert isinstance(task, Forecast)
    test, H = tested.test, task.horizon
    window = replace(test.select([place.window]), targets={})
    known = int(window.lengths[0]) - H
    shown = min(max(2 * H, 3 * task.season, LEAST), MOST, known)
    past, at = [*range(1 - shown, 1)], thinned(H, MOST)
    ahead = [h + 1 for h in at]
    values = window[0][:, test.channels.index(task.targets[place.target])]
    rows = [known - 1 + step for step in (*past, *ahead)]
    quantiles = tested.predictions[place.window, place.target][torch.tensor(at)]  # (H, Q)
    return {
        "series": test.names[place.window],
        "target": task.targets[place.target],
        "score": place.score,
        "error": rounded(place.error),
        "past": past,
        "history": rounded(values[rows[:shown]]),
        "ahead": ahead,
        "came": rounded(values[rows[shown:]]),
        "levels": [*task.quantiles],
        "quantiles": rounded(quantiles.T),
        "times": None if window.times is None else [window.times[row] for row in rows],
    }


def write(run: Run, measured: Any) -> Iterator[Part]:
    fans: Sequence[Fan] = (measured or {}).get("fans", [])
    if fans:
        yield Figure("fans", "What was forecast, and what came", " ".join(says(fans)), drawn(fans),
                     Markup().join(map(_numbers, fans)))  # fmt: skip


def says(fans: Sequence[Fan]) -> Iterator[str]:
    """Which forecasts are drawn, and how many of the values lie in the outermost band."""
    if fans[0]["score"] == "MAE":
        which = ["The window with the largest error", "one in the middle", "the one with the least"]
    else:
        which = [
            "The last window of the series with the largest MASE", "of one in the middle",
            "of the one with the least",
        ]  # fmt: skip
    if len(fans) == 1:
        yield "The forecast of the last window."
    else:
        yield (
            f"{', '.join(which[: len(fans) - 1])} and {which[2]}."
            if len(fans) == 3
            else (f"{which[0]} and {which[2]}.")
        )
    low, high = fans[0]["levels"][0], fans[0]["levels"][-1]
    if low < high:
        inside, count = map(sum, zip(*map(_inside, fans), strict=True))
        yield (
            f"Bands reach from a quantile to its opposite; the widest, from {low:g} to {high:g}, "
            f"should hold {high - low:.0%} of what came, and holds {inside} of {count} values here."
        )


def _inside(fan: Fan) -> tuple[int, int]:
    """How many values lie in the widest band, and of how many."""
    known = [
        (low, came, high)
        for low, came, high in zip(fan["quantiles"][0], fan["came"], fan["quantiles"][-1],
                                   strict=True) if came is not None
    ]  # fmt: skip
    return sum(low <= came <= high for low, came, high in known), len(known)


def drawn(fans: Sequence[Fan]) -> go.Figure:
    """A panel for each forecast, one below the other."""
    height = 100 + 240 * len(fans)
    several = len({fan["target"] for fan in fans}) > 1
    figure = panels(
        len(fans), height, 70, shared_xaxes=False, subplot_titles=[_title(f, several) for f in fans]
    )
    figure.update_annotations(font_size=13, x=0, xanchor="left")
    figure.update_layout(margin_t=32, margin_r=36, legend_y=1 + 26 / height, hovermode="closest")
    for row, fan in enumerate(fans, 1):
        at: Any = {"row": row, "col": 1}
        for trace in _traces(fan):
            figure.add_trace(trace.update(legendgroup=trace.name, showlegend=row == 1), **at)
        figure.update_xaxes(**_ticks(fan), **at)
        figure.update_yaxes(title=safe(fan["target"], 24), **at)
        figure.add_vline(0, line={"color": GREY, "dash": "dot", "width": 1}, **at)
    if fans[0]["times"] is None:
        figure.update_xaxes(title="steps from the last known one", row=len(fans), col=1)
    return figure


def _title(fan: Fan, several: bool) -> str:
    of = f", {plain(fan['target'])}" if several else ""
    return safe(f"{plain(fan['series'])}{of}: {fan['score']} {fan['error']:.3g}", 90)


def _traces(fan: Fan) -> Iterator[Any]:
    """Bands, the widest first; history, what came, the middle quantile. All ahead begin at the last
    known value, where there is one."""
    levels, ahead = fan["levels"], fan["ahead"]
    times = fan["times"] or [f"step {step}" for step in (*fan["past"], *ahead)]
    spelled = [safe(one) for one in times]
    n = len(fan["past"])
    last = fan["history"][-1]
    start = [] if last is None else [last]
    at = [0] * len(start) + ahead
    for k in range(len(levels) // 2):
        low, high = (start + fan["quantiles"][j] for j in (k, len(levels) - 1 - k))
        yield go.Scatter(
            x=at + at[::-1], y=high + low[::-1], mode="lines", fill="toself",
            fillcolor=f"rgba(0,114,178,{0.12 + 0.06 * k:.2f})",
            line={"width": 0, "color": COLOURS[0]}, hoverinfo="skip",
            name=f"{levels[k]:g} to {levels[-1 - k]:g}",
        )  # fmt: skip
    m = middle(tuple(levels))
    for called, x, y, text, style in (
        ("history", fan["past"], fan["history"], spelled[:n], {"color": INK, "width": 1.5}),
        ("what came", at, start + fan["came"], spelled[n - len(start) :],
         {"color": COLOURS[1], "width": 2}),
        (f"quantile {levels[m]:g}", at, start + fan["quantiles"][m], spelled[n - len(start) :],
         {"color": COLOURS[0], "width": 2, "dash": "dash"}),
    ):  # fmt: skip
        yield go.Scatter(
            x=x, y=y, mode="lines+markers" if len(ahead) < 3 and x is at else "lines", name=called,
            line=style, text=text, hovertemplate=f"%{{text}}<br>{called} %{{y}}<extra></extra>",
        )  # fmt: skip


def _ticks(fan: Fan) -> dict[str, Any]:
    """Some times, as they are spelled."""
    if fan["times"] is None:
        return {}
    steps = [*fan["past"], *fan["ahead"]]
    some = thinned(len(steps), TICKS)
    return {"tickvals": [steps[k] for k in some], "ticktext": [safe(fan["times"][k]) for k in some]}


def _numbers(fan: Fan) -> Markup:
    """What was forecast, at each step ahead."""
    levels = fan["levels"]
    few = sorted({0, middle(tuple(levels)), len(levels) - 1})
    columns = [fan["quantiles"][k] for k in few]
    titles = [f"quantile {levels[k]:g}" for k in few]
    times = [plain(one) for one in (fan["times"] or [])[len(fan["past"]) :]]
    where = [times] if times else []
    head = [*(["time"] if times else []), "steps ahead", "what came", *titles]
    rows = zip(*where, fan["ahead"], fan["came"], *columns, strict=True)
    return table(head, rows, f"{plain(fan['series'])}, {plain(fan['target'])}")
