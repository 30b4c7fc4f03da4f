"""How good the answers of a model are, as plain data and in the words that a person reads."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Metric(NamedTuple):
    """A number by which models are compared.

    - `name`: in `Scores.to_dict` and in the tables of results.
    - `higher`: whether more is better.
    """

    name: str
    higher: bool


class Table(NamedTuple):
    """Numbers for a person: a title, the names of the columns, and rows of texts."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Scores(ABC):
    """How good a model is on some sequences.

    - `sequences`: how many.
    - `loss`: the mean loss of an answer; early stopping keeps the weights where it is least.
    """

    sequences: int
    loss: float

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """As plain data: `sequences`, `loss`, the metric of the task and more."""

    @abstractmethod
    def in_history(self) -> dict[str, float]:
        """Which of these stand in the history of a run after each epoch; `loss` among them."""

    @abstractmethod
    def summary(self) -> str:
        """All in one line."""

    def tables(self) -> list[Table]:
        """What does not fit on a line."""
        return []


@dataclass(frozen=True)
class ClassScores(Scores):
    """How a model does on labelled sequences.

    - `accuracy`: the share of sequences whose most probable class is theirs.
    - `loss`: cross-entropy, nats a sequence.
    - `confusion`: `confusion[i][j]` sequences of class i were taken for class j.
    """

    sequences: int
    accuracy: float
    loss: float
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, probabilities: Tensor, labels: Tensor, classes: tuple[str, ...]) -> "ClassScores":
        """Of probabilities `(S, classes)` beside labels `(S,)`."""
        n = len(classes)
        chosen = probabilities.argmax(-1)
        confusion = torch.bincount(labels * n + chosen, minlength=n * n).view(n, n)
        likelihood = probabilities.gather(1, labels[:, None]).double().clamp(min=1e-30)
        return cls(
            len(labels),
            float((chosen == labels).double().mean()),
            float(-likelihood.log().mean()),
            classes,
            tuple(tuple(row) for row in confusion.tolist()),
        )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def in_history(self) -> dict[str, float]:
        return {"loss": self.loss, "accuracy": self.accuracy}

    def summary(self) -> str:
        return (
            f"{self.sequences} sequences: accuracy {self.accuracy:.4f}, "
            f"loss {self.loss:.4f} nats a sequence"
        )

    def tables(self) -> list[Table]:
        rows = zip(self.classes, self.confusion, strict=True)
        return [
            Table(
                "rows: true class, columns: predicted",
                ("", *self.classes),
                tuple((name, *(str(n) if n else "·" for n in row)) for name, row in rows),
            )
        ]
