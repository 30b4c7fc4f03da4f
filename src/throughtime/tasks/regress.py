"""One or more numbers for each sequence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from throughtime.data import Batch, Sequences
from throughtime.data.naming import quote, quote_all
from throughtime.errors import DataError, OptionError
from throughtime.tasks import baselines
from throughtime.tasks.scores import Metric, NumberScores, Scores
from throughtime.tasks.task import Task


@dataclass(frozen=True)
class Regress(Task):
    """One or more numbers for each sequence: squared error, each in units of its own spread.

    A number that is not known, nan in the target, is neither trained nor scored.

    **Arguments:**

    - `targets`: the names of the numbers, in the order of the outputs.
    - `mean`, `std`: of each in the training part; `fit` sets them.

    **Raises:** `OptionError` without a name, or with one twice.
    """

    targets: tuple[str, ...]
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    name: ClassVar[str] = "regress"
    metric: ClassVar[Metric] = Metric("R2", higher=True)
    baseline_titles: ClassVar[Mapping[str, str]] = {
        "mean": "mean of training", "ridge": "ridge (linear regression)",
    }  # fmt: skip
    sections: ClassVar[tuple[Any, ...]] = ("result", "numbers")

    def __post_init__(self) -> None:
        if isinstance(self.targets, str) or not self.targets:
            raise OptionError(
                f"`Regress`: targets is {self.targets!r}; expected 1 or more names of numbers. "
                'Write `Regress(("yield",))`.'
            )
        object.__setattr__(self, "targets", tuple(self.targets))
        if len({*self.targets}) < len(self.targets):
            raise OptionError(
                f"`Regress`: targets has {', '.join(self.targets)}; expected every name once. Name "
                "each once."
            )

    @property
    def width(self) -> int:
        return len(self.targets)

    def prepare(self, call: str, sequences: Sequences) -> Sequences:
        own = {}
        for name in self.targets:
            target = sequences.targets.get(name)
            numbers = target is not None and not target.classes and target.values.dim() == 1
            if target is None or not numbers or target.each_step:
                there = quote_all(sequences.targets) if sequences.targets else "none"
                raise DataError(
                    f"{call}: the sequences have the targets {there} and no number "
                    f"{quote(name)} of each sequence; expected {quote_all(self.targets)}. Read the "
                    "table with `targets=`, or give them in `Sequences.from_list(targets=...)`."
                )
            if target.values.isnan().all():
                raise DataError(
                    f"{call}: the target {quote(name)} is not known for any sequence; expected a "
                    "number for some. Fill it in, or leave this target out."
                )
            own[name] = target
        return replace(sequences, targets=own)

    def fitted(self, train: Sequences) -> "Regress":
        values = _values(train.targets, self.targets).double()
        mean = values.nanmean(0)
        std = (values - mean).square().nanmean(0).sqrt()
        std = std.where(std > 0, 1.0)  # a number that never changes is learned as its mean
        return replace(self, mean=tuple(mean.tolist()), std=tuple(std.tolist()))

    def loss(self, out: Tensor, batch: Batch) -> Tensor:
        mean, std = self._moments(out)
        wanted = (self._wanted(batch) - mean) / std
        error = (out - wanted.to(out.dtype)).where(wanted.isfinite(), 0.0)
        return error.square().sum()  # squared last: the gradient of a square of nan is nan

    def answers(self, batch: Batch) -> Tensor:
        return self._wanted(batch).isfinite().sum()

    def predictions(self, out: Tensor) -> Tensor:
        """The numbers, in their own units."""
        mean, std = self._moments(out)
        return out * std + mean

    def scores(self, predictions: Tensor, sequences: Sequences) -> Scores:
        actual = _values(self.prepare("scores", sequences).targets, self.targets)
        return NumberScores.of(predictions, actual, self.targets, self._moments(actual)[1])

    def baselines(self, train: Sequences, test: Sequences) -> dict[str, Scores]:
        actual = _values(train.targets, self.targets)
        return {
            "mean": self.scores(actual.nanmean(0).expand(len(test), -1), test),
            "ridge": self.scores(baselines.ridge(train, test, actual), test),
        }

    def rows(
        self, predictions: Tensor, sequences: Sequences
    ) -> tuple[list[str], Sequence[Sequence[Any]]]:
        """For each sequence its numbers."""
        each = zip(sequences.names, predictions.tolist(), strict=True)
        return ["sequence", *self.targets], [[n, *(f"{v:.6g}" for v in vs)] for n, vs in each]

    def describe(self) -> dict[str, Any]:
        return {"targets": self.targets, "mean": self.mean, "std": self.std}

    @classmethod
    def from_description(cls, data: Mapping[str, Any]) -> "Regress":
        return cls(*(tuple(data[name]) for name in ("targets", "mean", "std")))

    def _moments(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """The mean and the spread of each in training; 0 and 1 before `fit`."""
        mean = self.mean or (0.0,) * self.width
        std = self.std or (1.0,) * self.width
        return like.new_tensor(mean), like.new_tensor(std)

    def _wanted(self, batch: Batch) -> Tensor:
        """The targets of a batch side by side, `(B, K)`."""
        return torch.stack([batch.targets[name] for name in self.targets], -1)


def _values(targets: Mapping[str, Any], names: tuple[str, ...]) -> Tensor:
    """The targets side by side, `(S, K)`."""
    return torch.stack([targets[name].values for name in names], -1)
