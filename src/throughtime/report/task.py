"""What the report asks of the task of a run."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from throughtime.data import Batch
from throughtime.report.section import Section
from throughtime.training import Run


@dataclass(frozen=True)
class Metric:
    name: str
    higher: bool


@dataclass(frozen=True)
class Classify:
    sections: ClassVar[tuple[str | Section, ...]] = ("classify", "confusion")
    metric: ClassVar[Metric] = Metric("accuracy", True)

    def loss(self, out: Tensor, batch: Batch) -> Tensor:
        assert batch.y is not None
        return torch.nn.functional.cross_entropy(out, batch.y, reduction="sum")


def task_of(run: Run) -> Classify:
    return Classify()
