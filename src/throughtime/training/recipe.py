"""What a person need not say: the size, how long to train, and what the layers are given."""

from dataclasses import dataclass
from typing import Any

from throughtime.tasks import Task


@dataclass(frozen=True)
class Recipe:
    """What `throughtime train` does unless told otherwise.

    - `hidden`: units of each state.
    - `updates`: steps of the optimiser that a small set gets; `least`: epochs of a large one.
    - `longest`: steps of the recurrent layers that the longest sequence has, at most; None for any.
    - `statistics`, `differences`, `noise`: of the `Model`.
    """

    hidden: int
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
    hidden=64, updates=300, least=15, longest=64, statistics=True, differences=True, noise=0.2
)
OF_STEPS = Recipe(
    hidden=128, updates=200, least=30, longest=None, statistics=False, differences=False, noise=0.0
)


def recipe(task: Task) -> Recipe:
    """That of tasks with one answer for each sequence, or at each step."""
    return OF_STEPS if task.each_step else OF_SEQUENCES
