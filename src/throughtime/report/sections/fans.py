"""Forecasts drawn over time: what was known, what came, and how sure the forecast was."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

import plotly.graph_objects as go
import torch
from markupsafe import Markup
from torch import Tensor

from throughtime.data import Sequences
from throughtime.report.markup import heading, table
from throughtime.report.rounding import rounded
from throughtime.report.section import Choice, Figure, Part, TestedRun
from throughtime.report.style import COLOURS, INK, figure, one_of, plain, safe
from throughtime.tasks import Forecast, quantiles
from throughtime.training import Run

name, title = "fans", "Forecasts"
WINDOWS = 3  # of a series, in one figure
BLUE = "0,114,178"


class Fan(TypedDict):
    """The last windows of one series, and what was known before the first of them.

    - `times`: of all steps that are drawn, as they are spelled, or their places.
    - `values`: what was known, and what came, one for each time; None where it is missing.
    - `windows`: of each where it begins among the times, and its quantiles, a row for each level.
    """

    title: str
    times: list[Any]
    values: list[float | None]
    windows: list[dict[str, Any]]


def measure(tested: TestedRun) -> Mapping[str, Any]:
    """The series with the largest error, one in the middle, and that with the least; of a single
    series its windows, ordered so."""
    task, test = tested.model.task, tested.test
    assert isinstance(task, Forecast)
    fans: list[Fan] = []
    for k, target in enumerate(task.targets):
        true = test.targets[target].values
        middle = tested.predictions[:, k, :, quantiles.middle(task.quantiles)]
        error = (middle - true).abs().nanmean(-1) / _size(test, task, target)
        fans += [
            _fan(tested, task, k, chosen, f"{said}{_of(task, target)}")
            for chosen, said in _chosen(test, error)
        ]
    return {"fans": fans}


def _of(task: Forecast, target: str) -> str:
    return f", {plain(target)}" if len(task.targets) > 1 else ""


def _size(test: Sequences, task: Forecast, target: str) -> Tensor:
    """What errors of each window are measured in."""
    column = task.targets.index(target)
    stops = (test.lengths - task.horizon).clamp(min=1)
    return task.scales(test.cut(torch.zeros_like(stops), stops))[:, column]


def _chosen(test: Sequences, error: Tensor) -> list[tuple[list[int], str]]:
    """The windows of the worst, a middle and the best series, and what to call them."""
    owners: dict[str, list[int]] = {}
    for k, who in enumerate(test.names):
        if not error[k].isnan():
            owners.setdefault(who, []).append(k)
    if len(owners) == 1:
        ((who, each),) = owners.items()
        groups = {f"window {i + 1}": [k] for i, k in enumerate(each)}
    else:
        groups = owners
    order = sorted(groups, key=lambda who: float(error[groups[who]].mean()), reverse=True)
    places = dict.fromkeys([0, len(order) // 2, len(order) - 1]) if order else {}
    words = {0: "worst", len(order) - 1: "best"}
    return [
        (groups[order[p]][-WINDOWS:], f"{words.get(p, 'middle')}: {plain(order[p])}")
        for p in places
    ]


def _fan(tested: TestedRun, task: Forecast, k: int, chosen: list[int], said: str) -> Fan:
    test, H = tested.test, task.horizon
    column = test.channels.index(task.targets[k])
    last, first = test[chosen[-1]], test[chosen[0]]
    ends = [len(last) - H * (len(chosen) - 1 - i) for i in range(len(chosen))]
    back = min(len(first) - H, max(2 * task.season, 2 * H, 12))
    begin = max(0, ends[0] - H - back)
    values = last[begin:, column].tolist()
    stop = int(test.offsets[chosen[-1] + 1])
    times: Sequence[Any] = range(1, len(values) + 1)
    if test.times is not None:
        times = test.times[stop - len(values) : stop]
    return {
        "title": said,
        "times": list(times),
        "values": [None if v != v else rounded(v) for v in values],
        "windows": [
            {
                "begin": end - H - begin,
                "quantiles": rounded(tested.predictions[window, k].T),
            }
            for window, end in zip(chosen, ends, strict=True)
        ],
    }


def write(run: Run, measured: Any) -> Iterator[Part]:
    fans: Sequence[Fan] = measured.get("fans", ()) if measured else ()
    task = run.model.task
    if not fans or not isinstance(task, Forecast):
        return
    choices: list[Choice] = [
        ("fan", "series", [(str(k), safe(fan["title"], 60)) for k, fan in enumerate(fans)])
    ]
    says = (
        "What was known and what came as a dark line, the forecast in blue; each band lies between "
        "two quantiles, and the narrower ones are darker. Dotted lines are the origins."
    )
    drawn = one_of([draw(fan, task.quantiles) for fan in fans], "fan")
    numbers = Markup().join(_numbers(fan, task.quantiles) for fan in fans)
    yield Figure("fans", "The worst, a middle and the best", says, drawn, numbers, choices)


def _numbers(fan: Fan, levels: Sequence[float]) -> Markup:
    """The forecasts of a fan as a table, beside what came."""
    m = quantiles.middle(tuple(levels))
    rows = [
        [fan["times"][at], fan["values"][at], *(float(of[h]) for of in (q[m], q[0], q[-1]))]
        for window in fan["windows"]
        for q in [window["quantiles"]]
        for h, at in enumerate(range(window["begin"], window["begin"] + len(q[0])))
    ]
    head = ["time", "what came", "forecast", f"quantile {levels[0]:g}", f"quantile {levels[-1]:g}"]
    return heading(fan["title"]) + table(head, rows)


def draw(fan: Fan, levels: Sequence[float]) -> go.Figure:
    """One fan: history, what came, the middle quantile and the bands."""
    drawn = figure(380)
    m, times = quantiles.middle(tuple(levels)), fan["times"]
    pairs = [(k, len(levels) - 1 - k) for k in range(len(levels) // 2)]
    for w, window in enumerate(fan["windows"]):
        rows = window["quantiles"]
        at = times[window["begin"] : window["begin"] + len(rows[0])]
        for p, (low, high) in enumerate(pairs):
            drawn.add_trace(go.Scatter(
                x=[*at, *reversed(at)], y=[*rows[high], *reversed(rows[low])], fill="toself",
                fillcolor=f"rgba({BLUE},{0.12 + 0.08 * p:.2f})", line={"width": 0},
                hoverinfo="skip", name=f"{levels[low]:g} to {levels[high]:g}",
                legendgroup=f"band{p}", showlegend=w == 0, mode="lines",
            ))  # fmt: skip
        drawn.add_trace(go.Scatter(
            x=at, y=rows[m], mode="lines", name="forecast", legendgroup="forecast",
            showlegend=w == 0, line={"color": COLOURS[0], "width": 2},
        ))  # fmt: skip
        drawn.add_trace(go.Scatter(
            x=[times[window["begin"] - 1]] * 2, y=[min(map(min, rows)), max(map(max, rows))],
            mode="lines", line={"color": INK, "width": 1, "dash": "dot"}, hoverinfo="skip",
            name="origin", legendgroup="origin", showlegend=w == 0,
        ))  # fmt: skip
    drawn.add_trace(go.Scatter(
        x=times, y=fan["values"], mode="lines", name="what came",
        line={"color": INK, "width": 1.5},
    ))  # fmt: skip
    drawn.update_xaxes(title="time")
    return drawn
