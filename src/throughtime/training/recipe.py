"""What a person need not say: the cell, its size, how to train, and what the layers are given."""

from dataclasses import dataclass
from typing import Any

from throughtime.tasks import Task


@dataclass(frozen=True)
class Recipe:
    """What `throughtime train` does unless told otherwise.

    - `cell`: as the command line names it; `hidden`: units of each state.
    - `dropout`: of the `Model` and between layers; `learning_rate`: the largest one.
    - `updates`: steps of the optimiser that a small set gets; `least`: epochs of a large one.
    - `longest`: steps of the recurrent layers that the longest sequence has, at most; None for any.
    - `statistics`, `differences`, `noise`: of the `Model`.
    """

    cell: str
    hidden: int
    dropout: float
    learning_rate: float
    updates: int
    least: int
    longest: int | None
    statistics: bool
    differences: bool
    noise: float

    def epochs(self, sequences: int, batch_size: int) -> int:
        """A number of epochs does not suit both 30 sequences, one step an epoch, and 10,000."""
        batches = -(-sequences // batch_size)
        return max(self.least, -(-self.updates // batches))

    def of_model(self, longest: int) -> dict[str, Any]:
        """The options of a `Model`, where the longest sequence to train on has so many steps."""
        return {
            "statistics": self.statistics, "differences": self.differences, "noise": self.noise,
            "at_once": 1 if self.longest is None else max(1, -(-longest // self.longest)),
        }  # fmt: skip


# Chosen by validation on fourteen data sets, see benchmarks/default_recipe.py.
OF_SEQUENCES = Recipe(
    cell="LSTM", hidden=64, dropout=0.3, learning_rate=3e-3, updates=300, least=15, longest=64,
    statistics=True, differences=True, noise=0.2,
)  # fmt: skip
OF_STEPS = Recipe(
    cell="LSTM", hidden=128, dropout=0.3, learning_rate=3e-3, updates=200, least=30, longest=None,
    statistics=False, differences=False, noise=0.0,
)  # fmt: skip
# Chosen on validation parts of the made data sets. Their answers are exact, so nothing is dropped.
OF_MADE = Recipe(
    cell="GRU", hidden=64, dropout=0.0, learning_rate=1e-2, updates=600, least=10, longest=None,
    statistics=False, differences=False, noise=0.0,
)  # fmt: skip

# Chosen on validation windows of the sets of benchmarks/forecast_sets.py. An epoch is at least 20
# steps of the optimiser, whatever the series, and the linear map is there from the start.
OF_SERIES = Recipe(
    cell="LSTM", hidden=32, dropout=0.1, learning_rate=2e-3, updates=0, least=20, longest=None,
    statistics=False, differences=False, noise=0.0,
)  # fmt: skip


def recipe(task: Task, *, made: bool = False) -> Recipe:
    """That of tasks with one answer for each sequence, at each step, or of the steps to come; or of
    `made` data sets."""
    if made:
        return OF_MADE
    if task.ahead is not None:
        return OF_SERIES
    return OF_STEPS if task.each_step else OF_SEQUENCES
