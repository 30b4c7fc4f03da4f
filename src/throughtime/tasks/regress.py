"""One or more numbers for each sequence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from throughtime.data import Batch, Sequences
from throughtime.data.naming import quote, quote_all
from throughtime.errors import DataError, OptionError
from throughtime.tasks import baselines, quantiles
from throughtime.tasks.scores import Metric, NumberScores, Scores
from throughtime.tasks.task import Task


@dataclass(frozen=True)
class Regress(Task):
    """One or more numbers for each sequence: squared error, each in units of its own spread.

    A number that is not known, nan in the target, is neither trained nor scored. With `quantiles`
    the loss is the pinball loss, and what is scored as the number is the quantile nearest to 0.5.

    **Arguments:**

    - `targets`: the names of the numbers, in the order of the outputs.
    - `mean`, `std`: of each in the training part; `fit` sets them.
    - `quantiles`: the levels of those to predict, between 0 and 1; none unless given.
    - `shifts`: what is added to each quantile, in units of the spread, `(K, Q)`; `fit` sets them
      where there is a validation part, see `quantiles.calibration`.

    **Raises:** `OptionError` without a name, with one twice, or for quantiles that are none.
    """

    targets: tuple[str, ...]
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    quantiles: tuple[float, ...] = ()
    shifts: tuple[tuple[float, ...], ...] = ()

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
        object.__setattr__(self, "quantiles", quantiles.checked("Regress", self.quantiles))

    @property
    def width(self) -> int:
        return len(self.targets) * max(len(self.quantiles), 1)

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
        return replace(self, mean=tuple(mean.tolist()), std=tuple(std.tolist()), shifts=())

    def calibrated(self, predictions: Tensor, validation: Sequences) -> "Regress":
        if not self.quantiles:
            return self
        actual = _values(validation.targets, self.targets)
        _, std = self._moments(actual)
        shifts = quantiles.calibration(predictions, actual, self.quantiles) / std[:, None]
        if self.shifts:  # of an earlier training, which the predictions have
            shifts = shifts + shifts.new_tensor(self.shifts)
        return replace(self, shifts=tuple(tuple(row) for row in shifts.tolist()))

    def with_calibration(self, other: Task) -> "Regress":
        return replace(self, shifts=other.shifts) if isinstance(other, Regress) else self

    def loss(self, out: Tensor, batch: Batch) -> Tensor:
        mean, std = self._moments(out)
        wanted = (self._wanted(batch) - mean) / std
        if self.quantiles:
            ordered = quantiles.ordered(out, self.quantiles)
            return quantiles.pinball(ordered, wanted, self.quantiles).sum()
        error = (out - wanted.to(out.dtype)).where(wanted.isfinite(), 0.0)
        return error.square().sum()  # squared last: the gradient of a square of nan is nan

    def answers(self, batch: Batch) -> Tensor:
        return self._wanted(batch).isfinite().sum()

    def predictions(self, out: Tensor) -> Tensor:
        """The numbers in their own units, `(..., K)`; with quantiles these, `(..., K, Q)`."""
        mean, std = self._moments(out)
        if not self.quantiles:
            return out * std + mean
        units = quantiles.ordered(out, self.quantiles)
        if self.shifts:
            units = quantiles.shifted(units, out.new_tensor(self.shifts))
        return units * std[:, None] + mean[:, None]

    def numbers(self, predictions: Tensor) -> Tensor:
        """Of predictions the one number for each target that is scored, `(..., K)`."""
        if not self.quantiles:
            return predictions
        return predictions[..., quantiles.middle(self.quantiles)]

    def scores(self, predictions: Tensor, sequences: Sequences) -> Scores:
        return self._scores(self.numbers(predictions), predictions, sequences)

    def _scores(self, numbers: Tensor, predictions: Tensor, sequences: Sequences) -> Scores:
        actual = _values(self.prepare("scores", sequences).targets, self.targets)
        _, spread = self._moments(actual)
        levels = self.quantiles
        of = quantiles.QuantileScores.of(predictions, actual, levels, spread) if levels else None
        return NumberScores.of(numbers, actual, self.targets, spread, of)

    def baselines(self, train: Sequences, test: Sequences) -> dict[str, Scores]:
        """Each with the quantiles of its residuals in training, where quantiles are predicted."""
        actual = _values(train.targets, self.targets)
        mean = actual.nanmean(0)
        numbers = {
            "mean": lambda part: mean.expand(len(part), -1),
            "ridge": lambda part: baselines.ridge(train, part, actual),
        }
        scores = {}
        for name, of in numbers.items():
            others, levels = of(test), self.quantiles
            all_of = quantiles.around(others, actual - of(train), levels) if levels else others
            scores[name] = self._scores(others, all_of, test)
        return scores

    def rows(
        self, predictions: Tensor, sequences: Sequences
    ) -> tuple[list[str], Sequence[Sequence[Any]]]:
        """For each sequence its numbers, and beside each its quantiles."""
        places = [k for k in range(len(self.quantiles)) if k != quantiles.middle(self.quantiles)]
        others = tuple(self.quantiles[k] for k in places)
        header = [c for name in self.targets for c in (name, *quantiles.columns(name, others))]
        shown = self.numbers(predictions)[..., None]
        if places:
            shown = torch.cat([shown, predictions[..., places]], -1)
        each = zip(sequences.names, shown.flatten(1).tolist(), strict=True)
        return ["sequence", *header], [[name, *values] for name, values in each]

    def describe(self) -> dict[str, Any]:
        own = {"targets": self.targets, "mean": self.mean, "std": self.std}
        if not self.quantiles:
            return own
        return own | {"quantiles": self.quantiles, "shifts": self.shifts}

    @classmethod
    def from_description(cls, data: Mapping[str, Any]) -> "Regress":
        targets, mean, std = (tuple(data[name]) for name in ("targets", "mean", "std"))
        shifts = tuple(tuple(row) for row in data.get("shifts", ()))
        return cls(targets, mean, std, tuple(data.get("quantiles", ())), shifts)

    def _moments(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """The mean and the spread of each in training; 0 and 1 before `fit`."""
        mean = self.mean or (0.0,) * len(self.targets)
        std = self.std or (1.0,) * len(self.targets)
        return like.new_tensor(mean), like.new_tensor(std)

    def _wanted(self, batch: Batch) -> Tensor:
        """The targets of a batch side by side, `(B, K)`."""
        return torch.stack([batch.targets[name] for name in self.targets], -1)


def _values(targets: Mapping[str, Any], names: tuple[str, ...]) -> Tensor:
    """The targets side by side, `(S, K)`."""
    return torch.stack([targets[name].values for name in names], -1)
