"""What each input that is known ahead does for a forecast: the loss without what it says."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from throughtime.data import Sequences
from throughtime.report.markup import paragraphs, table
from throughtime.report.rounding import rounded
from throughtime.report.section import Part, TestedRun
from throughtime.report.style import plain
from throughtime.tasks import Forecast
from throughtime.tasks.forecast_scores import ForecastScores
from throughtime.training import Run, predict

name, title = "known_inputs", "What is known ahead"
WINDOWS = 200  # that are forecast again and again, at most
TIMES = 5


def measure(tested: TestedRun) -> Mapping[str, Any]:
    """The weighted quantile loss with the values of each known input at the steps ahead in another
    order: those of another window, or of one window alone in another order of its steps."""
    task = tested.model.task
    assert isinstance(task, Forecast)
    if not task.known:
        return {"known_inputs": None}
    test = tested.test
    if len(test) > WINDOWS:
        chosen = torch.linspace(0, len(test) - 1, WINDOWS).long()
        test = test.select(chosen)
    generator = torch.Generator().manual_seed(0)
    losses = {}
    for known in task.known:
        each = [_loss(tested, _shuffled(test, task, known, generator)) for _ in range(TIMES)]
        losses[known] = rounded(sum(each) / TIMES)
    return {
        "known_inputs": {"true": rounded(_loss(tested, test)), "shuffled": losses,
                         "windows": len(test)},
    }  # fmt: skip


def _loss(tested: TestedRun, test: Sequences) -> float:
    scores = tested.model.task.scores(predict(tested.model, test), test)
    assert isinstance(scores, ForecastScores)
    return scores.wQL


def _shuffled(test: Sequences, task: Forecast, known: str, generator: torch.Generator) -> Sequences:
    rows = test.offsets[1:, None] - torch.arange(task.horizon, 0, -1)
    values, column = test.values.clone(), test.channels.index(known)
    ahead = values[rows, column]  # (S, H)
    order = lambda n: torch.randperm(n, generator=generator)  # noqa: E731
    moved: Tensor = ahead[order(len(ahead))] if len(ahead) > 1 else ahead[:, order(task.horizon)]
    values[rows, column] = moved
    return replace(test, values=values)


def write(run: Run, measured: Any) -> Iterator[Part]:
    of = measured.get("known_inputs") if measured else None
    if not of:
        return
    order = sorted(of["shuffled"], key=of["shuffled"].__getitem__, reverse=True)
    other = "that of another window" if of["windows"] > 1 else "its own in another order of steps"
    yield paragraphs(
        [
            "What becomes of the weighted quantile loss when the forecast is told something wrong "
            f"of one input at the steps ahead, {other}; the mean of {TIMES} draws on "
            f"{of['windows']:,} windows. An input without which it is no worse can be left out."
        ]
    )
    true = of["true"]
    rows = [
        [plain(known), of["shuffled"][known], f"{of['shuffled'][known] / true - 1:+.1%}"]
        if true else [plain(known), of["shuffled"][known], None]
        for known in order
    ]  # fmt: skip
    yield table(["input", "wQL without it", "change"], [["none", true, None], *rows])
