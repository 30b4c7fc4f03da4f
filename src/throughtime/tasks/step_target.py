"""One of the things that `Tag` says of every step: a class or a number."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from throughtime.tasks import step_baselines as baselines
from throughtime.tasks.spans import are_bio
from throughtime.tasks.tag_scores import ClassTagScores, NumberTagScores, Steps


class StepTarget(ABC):
    """A target of each step: what of it is known, its losses, predictions, scores and baselines.

    Outputs are `(..., width)` and targets `(...)`.

    - `name`: of the target.
    - `width`: of its outputs.
    """

    name: str
    metric: ClassVar[str]

    @property
    @abstractmethod
    def width(self) -> int: ...

    @abstractmethod
    def known(self, wanted: Tensor) -> Tensor:
        """Where the target is known."""

    @abstractmethod
    def losses(self, out: Tensor, wanted: Tensor) -> Tensor:
        """The loss of each answer, 0 where the target is not known."""

    @abstractmethod
    def predictions(self, out: Tensor) -> Tensor:
        """Probabilities, or the number in its own units; `(..., width)`."""

    @abstractmethod
    def scores(self, predictions: Tensor, steps: Steps) -> ClassTagScores | NumberTagScores:
        """Of predictions `(N, width)` beside what is true."""

    @abstractmethod
    def constant(self, wanted: Tensor, count: int) -> Tensor:
        """The best prediction that is always the same, `(count, width)`."""

    @abstractmethod
    def linear(self, windows: baselines.Windows, wanted: Tensor) -> baselines.Linear:
        """A linear model on windows of steps, fitted where the target is known."""

    @abstractmethod
    def columns(self, alone: bool) -> list[str]:
        """The columns of a table of predictions; `alone` where there is no other target."""

    @abstractmethod
    def cells(self, predictions: Tensor) -> Sequence[Sequence[Any]]:
        """What stands in them, a row for each step."""


@dataclass(frozen=True)
class StepClass(StepTarget):
    """One of several classes at each step: cross-entropy, and the most probable one.

    - `spans`: whether spans are scored although the classes are not BIO.
    """

    name: str
    classes: tuple[str, ...]
    spans: bool = False

    metric: ClassVar[str] = "accuracy"

    @property
    def width(self) -> int:
        return len(self.classes)

    def known(self, wanted: Tensor) -> Tensor:
        return wanted >= 0

    def losses(
        self, out: Tensor, wanted: Tensor, of_classes: Tensor | None = None, smoothing: float = 0.0
    ) -> Tensor:
        """**Arguments:** `of_classes`: the weight of each; `smoothing`: of labels."""
        each = F.cross_entropy(
            out.flatten(0, -2), wanted.flatten(), of_classes, ignore_index=-1, reduction="none",
            label_smoothing=smoothing,
        )  # fmt: skip
        return each.view(wanted.shape)

    def class_weights(self, wanted: Tensor) -> Tensor:
        """Inverse shares with mean 1 over the known steps; a class without any has 0."""
        counts = torch.bincount(wanted[wanted >= 0], minlength=self.width).float()
        return torch.where(
            counts > 0, counts.sum() / (counts.clamp(min=1) * (counts > 0).sum()), 0.0
        )

    def predictions(self, out: Tensor) -> Tensor:
        return out.softmax(-1)

    def scores(self, predictions: Tensor, steps: Steps) -> ClassTagScores:
        return ClassTagScores.of(
            predictions, steps, self.classes, spans=self.spans or are_bio(self.classes)
        )

    def constant(self, wanted: Tensor, count: int) -> Tensor:
        """The share of each class, of which the commonest is the most probable."""
        counts = torch.bincount(wanted[wanted >= 0], minlength=self.width)
        return (counts / counts.sum()).expand(count, -1)

    def linear(self, windows: baselines.Windows, wanted: Tensor) -> baselines.Linear:
        return baselines.logistic(windows, wanted, self.width)

    def columns(self, alone: bool) -> list[str]:
        if alone:
            return ["predicted", *(f"p_{c}" for c in self.classes)]
        return [self.name, *(f"p_{self.name}_{c}" for c in self.classes)]

    def cells(self, predictions: Tensor) -> Sequence[Sequence[Any]]:
        each = zip(predictions.argmax(-1).tolist(), predictions.tolist(), strict=True)
        return [[self.classes[k], *ps] for k, ps in each]


@dataclass(frozen=True)
class StepNumber(StepTarget):
    """A number at each step: squared error, in units of its spread in training.

    - `mean`, `std`: in the training part.
    """

    name: str
    mean: float = 0.0
    std: float = 1.0

    metric: ClassVar[str] = "R2"
    width: int = field(default=1, init=False)

    def known(self, wanted: Tensor) -> Tensor:
        return wanted.isfinite()

    def losses(self, out: Tensor, wanted: Tensor) -> Tensor:
        error = out[..., 0] - ((wanted - self.mean) / self.std).to(out.dtype)
        # squared last: the gradient of a square of nan is nan
        return error.where(wanted.isfinite(), 0.0).square()

    def predictions(self, out: Tensor) -> Tensor:
        return out * self.std + self.mean

    def scores(self, predictions: Tensor, steps: Steps) -> NumberTagScores:
        return NumberTagScores.of(predictions[:, 0], steps, self.std)

    def constant(self, wanted: Tensor, count: int) -> Tensor:
        return wanted.nanmean().expand(count, 1)

    def linear(self, windows: baselines.Windows, wanted: Tensor) -> baselines.Linear:
        return baselines.ridge(windows, wanted)

    def columns(self, alone: bool) -> list[str]:
        return [self.name]

    def cells(self, predictions: Tensor) -> Sequence[Sequence[Any]]:
        return predictions.tolist()
