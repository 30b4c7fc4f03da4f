"""Inputs that are known ahead: how much worse forecasts are when one of them is mixed up."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict

import plotly.graph_objects as go
import torch
from torch import Tensor

from throughtime.data import Sequences
from throughtime.data.naming import counted
from throughtime.report.markup import paragraphs
from throughtime.report.rounding import rounded, thinned
from throughtime.report.section import Figure, Part, TestedRun
from throughtime.report.style import COLOURS, INK, figure, named_ticks, plain
from throughtime.tasks import Forecast
from throughtime.tasks.forecast_scores import ForecastScores
from throughtime.training import Model, Run, predict

name, title = "known_inputs", "Inputs known ahead"
PERMUTATIONS = 5
WINDOWS = 500  # that are forecast anew, at most
MOST = 20  # inputs that are drawn
LITTLE = 0.01  # of the loss, that is not worth a word


class Mixed(TypedDict):
    """An input that is known ahead.

    - `among`: `"windows"` or `"steps"`, among which its values at the steps ahead are mixed; `""`
      where they are all the same, so that there is nothing to mix.
    - `losses`: the weighted quantile loss after each permutation.
    """

    name: str
    among: str
    losses: list[float]


class Known(TypedDict):
    """`windows`: that were forecast, `of` so many; `loss`: with the true values."""

    windows: int
    of: int
    loss: float
    inputs: list[Mixed]


def measure(tested: TestedRun) -> Mapping[str, Any]:
    task = tested.model.task
    assert isinstance(task, Forecast)
    if not task.known:
        return {}
    whole = (tested.test.lengths > task.horizon).nonzero()[:, 0]
    if not len(whole):
        return {}
    places = whole[thinned(len(whole), WINDOWS)]
    test = tested.test.select(places)
    known: Known = {
        "windows": len(test),
        "of": len(tested.test),
        "loss": rounded(_loss(tested.model, test)),  # a test may have forecasts of other models
        "inputs": [_mixed(tested.model, test, one) for one in task.known],
    }
    return {"known_inputs": known}


def _mixed(model: Model, test: Sequences, name: str) -> Mixed:
    task = model.task
    assert isinstance(task, Forecast)
    channel = test.channels.index(name)
    rows = test.offsets[1:, None] - torch.arange(task.horizon, 0, -1)  # (S, H)
    ahead = test.values[rows, channel]
    among = varies_among(ahead)
    losses: list[float] = []
    draw = torch.Generator().manual_seed(0)
    for _ in range(PERMUTATIONS if among else 0):
        values = test.values.clone()
        axis = ("windows", "steps").index(among)
        others = elsewhere(ahead.shape[axis], draw)
        values[rows, channel] = ahead.index_select(axis, others)
        losses.append(_loss(model, replace(test, values=values)))
    return {"name": name, "among": among, "losses": rounded(losses)}


def _loss(model: Model, test: Sequences) -> float:
    scores = model.task.scores(predict(model, test), test)
    assert isinstance(scores, ForecastScores)
    return scores.wQL


def varies_among(ahead: Tensor) -> str:
    """Among what values `(S, H)` can be mixed: windows, unless all have the same; else steps."""
    values = ahead.nan_to_num(nan=-torch.inf)
    if (values != values[:1]).any():
        return "windows"
    return "steps" if (values != values[:, :1]).any() else ""


def elsewhere(count: int, draw: torch.Generator) -> Tensor:
    """A permutation that leaves nothing at its place: each of a random circle has its neighbour."""
    order = torch.randperm(count, generator=draw)
    others = torch.empty_like(order)
    others[order] = order.roll(1)
    return others


def write(run: Run, measured: Any) -> Iterator[Part]:
    known: Known | None = (measured or {}).get("known_inputs")
    if known is None:
        return
    sentences = " ".join(says(known))
    if shown(known):
        yield Figure("known_inputs", "Loss with one input mixed up", sentences, mixed_up(known))
    else:
        yield paragraphs([sentences])


def says(known: Known) -> Iterator[str]:
    """Which input matters most, how it was measured, and what could not be."""
    windows = counted(known["windows"], "test window")
    some = f" of {known['of']:,}" if known["windows"] < known["of"] else ""
    yield (
        "The weighted quantile loss when the values of one input at the steps ahead are those of "
        f"another window: the mean of {PERMUTATIONS} permutations of {windows}{some}, the thin "
        f"line from the least to the largest. Dashed: {known['loss']:.4g}, with the true values."
    )
    drawn = shown(known)
    if drawn:
        first = drawn[0]
        times = mean(first) / known["loss"] if known["loss"] else 1.0
        if times >= 1 + LITTLE:
            yield f"Most depends on {plain(first['name'])}: the loss is {times:.3g} times as large."
        else:
            yield f"No input makes the loss larger by {LITTLE:.0%}."
        yield (
            "An input that changes little is not used, or the past of the series and the other "
            "inputs tell the same."
        )
    why = "are the same in all windows" if known["windows"] > 1 else "are those of one window"
    for among, told in (
        ("steps", f"{why}: they are mixed among the steps ahead instead"),
        ("", "are the same at all steps ahead, so what they do cannot be told"),
    ):
        names = [plain(one["name"]) for one in known["inputs"] if one["among"] == among]
        if names:
            yield f"The values of {', '.join(names)} {told}."


def mean(one: Mixed) -> float:
    return sum(one["losses"]) / len(one["losses"])


def shown(known: Known) -> Sequence[Mixed]:
    """The inputs that could be mixed, the one that matters most first."""
    return sorted((one for one in known["inputs"] if one["losses"]), key=mean, reverse=True)[:MOST]


def mixed_up(known: Known) -> go.Figure:
    """The loss with each input mixed up as a bar, beside that with the true values."""
    inputs = shown(known)
    means = [mean(one) for one in inputs]
    drawn = figure(96 + 34 * len(inputs), hovermode="closest", showlegend=False)
    drawn.add_bar(
        x=rounded(means), y=[*range(len(inputs))], orientation="h", width=0.6, name="mixed up",
        marker={"color": COLOURS[0]},
        error_x={
            "type": "data", "symmetric": False, "thickness": 1.2, "width": 4, "color": INK,
            "array": [max(one["losses"]) - m for one, m in zip(inputs, means, strict=True)],
            "arrayminus": [m - min(one["losses"]) for one, m in zip(inputs, means, strict=True)],
        },
    )  # fmt: skip
    drawn.add_vline(known["loss"], line={"color": INK, "dash": "dash", "width": 1.5})
    drawn.update_xaxes(title="weighted quantile loss", rangemode="tozero")
    drawn.update_yaxes(
        autorange="reversed", showgrid=False, **named_ticks([one["name"] for one in inputs])
    )
    return drawn
