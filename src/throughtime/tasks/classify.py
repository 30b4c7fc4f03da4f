"""One class for each sequence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from throughtime.data import Batch, Sequences
from throughtime.errors import DataError, OptionError
from throughtime.tasks import baselines
from throughtime.tasks.scores import ClassScores, Metric, Scores
from throughtime.tasks.task import Task, TrainingLoss


@dataclass(frozen=True)
class Classify(Task):
    """One of several classes for each sequence: cross-entropy, and the most probable one.

    **Arguments:** `classes`: their names, two or more, in the order of the outputs.

    **Raises:** `OptionError` for fewer classes.
    """

    classes: tuple[str, ...]

    name: ClassVar[str] = "classify"
    metric: ClassVar[Metric] = Metric("accuracy", higher=True, share_of="sequences")
    options: ClassVar[tuple[str, ...]] = ("class_weights", "label_smoothing")
    baseline_titles: ClassVar[Mapping[str, str]] = {
        "majority": "majority class", "linear": "linear (logistic regression)",
    }  # fmt: skip
    sections: ClassVar[tuple[Any, ...]] = ("classify", "confusion")

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))
        if len(self.classes) < 2:
            raise OptionError(
                f"`Classify`: classes has {len(self.classes)}; expected at least 2 names. Name the "
                "classes that are to be told apart."
            )

    @property
    def width(self) -> int:
        return len(self.classes)

    def prepare(self, call: str, sequences: Sequences) -> Sequences:
        if sequences.labels is None:
            raise DataError(
                f"{call}: the sequences have no labels; expected a class for each. Give them."
            )
        if sequences.classes != self.classes:
            raise DataError(
                f"{call}: the sequences have the classes {', '.join(sequences.classes)}; expected "
                f"those of the model, {', '.join(self.classes)}. Read the table with "
                "`classes=model.task.classes`, or build the model with `classes=data.classes`."
            )
        if len(sequences.targets) == 1:
            return sequences
        own = {n: t for n, t in sequences.targets.items() if t.values is sequences.labels}
        return replace(sequences, targets=own)

    def loss(self, out: Tensor, batch: Batch) -> Tensor:
        return F.cross_entropy(out, _labels(batch), reduction="sum")

    def answers(self, batch: Batch) -> Tensor:
        return batch.lengths.new_tensor(len(batch.lengths))

    def training_loss(
        self, train: Sequences, *, class_weights: bool = False, label_smoothing: float = 0.0
    ) -> TrainingLoss:
        """**Arguments:**

        - `class_weights`: weigh each class by the inverse of its share in `train`.
        - `label_smoothing`: the share of the target that is spread over all classes.
        """
        weights = _class_weights(train) if class_weights else None

        def total(out: Tensor, batch: Batch) -> Tensor:
            of_classes = None if weights is None else weights.to(out.device)
            return F.cross_entropy(
                out, _labels(batch), of_classes, reduction="sum", label_smoothing=label_smoothing
            )

        def weight(batch: Batch) -> Tensor:
            if weights is None:
                return self.answers(batch)
            return weights.to(batch.x.device)[_labels(batch)].sum()

        return TrainingLoss(total, weight)

    def predictions(self, out: Tensor) -> Tensor:
        """The probability of each class."""
        return out.softmax(-1)

    def scores(self, predictions: Tensor, sequences: Sequences) -> Scores:
        labels = self.prepare("scores", sequences).labels
        assert labels is not None
        return ClassScores.of(predictions, labels, self.classes)

    def baselines(self, train: Sequences, test: Sequences) -> dict[str, Scores]:
        return {
            "majority": baselines.majority(train, test),
            "linear": baselines.linear(train, test),
        }

    def rows(
        self, predictions: Tensor, sequences: Sequences
    ) -> tuple[list[str], Sequence[Sequence[Any]]]:
        """For each sequence its most probable class, and the probability of each."""
        header = ["sequence", "predicted", *(f"p_{c}" for c in self.classes)]
        chosen = predictions.argmax(-1).tolist()
        each = zip(sequences.names, chosen, predictions.tolist(), strict=True)
        return header, [[n, self.classes[k], *ps] for n, k, ps in each]

    def table_options(self) -> dict[str, Any]:
        return {"classes": self.classes}

    def describe(self) -> dict[str, Any]:
        return {"classes": self.classes}

    @classmethod
    def from_description(cls, data: Mapping[str, Any]) -> "Classify":
        return cls(tuple(data["classes"]))


def _labels(batch: Batch) -> Tensor:
    labels = batch.y
    assert labels is not None  # `prepare` has seen them
    return labels


def _class_weights(train: Sequences) -> Tensor:
    """Inverse shares with mean 1 over the sequences; a class without any has 0."""
    assert train.labels is not None
    counts = torch.bincount(train.labels, minlength=len(train.classes)).float()
    return torch.where(counts > 0, len(train) / (counts.clamp(min=1) * (counts > 0).sum()), 0.0)
