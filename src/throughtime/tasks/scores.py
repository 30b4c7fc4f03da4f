"""How good the answers of a model are, as plain data and in the words that a person reads."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from torch import Tensor

from throughtime.tasks.confusion import confusion_of, precision_recall_f1
from throughtime.tasks.quantiles import QuantileScores


class Metric(NamedTuple):
    """A number by which models are compared.

    - `name`: in `Scores.to_dict` and in the tables of results.
    - `higher`: whether more is better.
    - `share_of`: where it is a share of answers that are independent of each other, the name of
      their number in `Scores.to_dict`: how far chance alone moves such a share is then known.
    """

    name: str
    higher: bool
    share_of: str | None = None


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
    - `precision`, `recall`, `F1`: of each class, see `throughtime.tasks.precision_recall_f1`.
    - `macro_F1`: the mean F1 of the classes that are true or predicted of any sequence.
    """

    sequences: int
    accuracy: float
    loss: float
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, probabilities: Tensor, labels: Tensor, classes: tuple[str, ...]) -> "ClassScores":
        """Of probabilities `(S, classes)` beside labels `(S,)`."""
        chosen = probabilities.argmax(-1)
        confusion = confusion_of(labels, chosen, len(classes))
        likelihood = probabilities.gather(1, labels[:, None]).double().clamp(min=1e-30)
        return cls(
            len(labels),
            float((chosen == labels).double().mean()),
            float(-likelihood.log().mean()),
            classes,
            tuple(tuple(row) for row in confusion.tolist()),
        )

    @property
    def precision(self) -> tuple[float, ...]:
        return precision_recall_f1(self.confusion)[0]

    @property
    def recall(self) -> tuple[float, ...]:
        return precision_recall_f1(self.confusion)[1]

    @property
    def F1(self) -> tuple[float, ...]:
        return precision_recall_f1(self.confusion)[2]

    @property
    def macro_F1(self) -> float:
        columns = zip(*self.confusion, strict=True)
        met = [any(row) or any(column) for row, column in zip(self.confusion, columns, strict=True)]
        return sum(self.F1) / max(sum(met), 1)  # a class that is not met has 0

    def to_dict(self) -> dict[str, Any]:
        each = {name: getattr(self, name) for name in ("precision", "recall", "F1", "macro_F1")}
        return asdict(self) | each

    def in_history(self) -> dict[str, float]:
        return {"loss": self.loss, "accuracy": self.accuracy}

    def summary(self) -> str:
        return (
            f"{self.sequences} sequences: accuracy {self.accuracy:.4f}, "
            f"loss {self.loss:.4f} nats a sequence, macro F1 {self.macro_F1:.4f}"
        )

    def tables(self) -> list[Table]:
        rows = zip(self.classes, self.confusion, strict=True)
        return [
            Table(
                "rows: true class, columns: predicted",
                ("", *self.classes),
                tuple((name, *(str(n) if n else "·" for n in row)) for name, row in rows),
            ),
            each_class(self.classes, self.confusion),
        ]


def each_class(classes: Sequence[str], confusion: Sequence[Sequence[int]]) -> Table:
    """Precision, recall and F1 of each class, and how many sequences are of it."""
    shares = zip(*precision_recall_f1(confusion), strict=True)
    rows = zip(classes, shares, map(sum, confusion), strict=True)
    texts = tuple((name, *(f"{v:.4f}" for v in one), str(count)) for name, one, count in rows)
    return Table("each class", ("", "precision", "recall", "F1", "sequences"), texts)


@dataclass(frozen=True)
class NumberScores(Scores):
    """How near the numbers of a model are, on the sequences for which they are known.

    - `R2`: the mean over the targets of 1 - squared errors / squared deviations from their mean: 1
      is exact, 0 as good as the mean of the sequences that are scored. Of a target that is always
      the same it is 1 where all predictions are exact, and otherwise 0.
    - `loss`: the mean squared error, each target in units of its spread in training; the mean
      pinball loss in the same units where there are quantiles.
    - `targets`: their names; `RMSE`, `MAE`, in the units of each, `R2_each`, and of how many
      sequences each is known.
    - `quantiles`: the scores of these, where the model predicts them.
    """

    sequences: int
    R2: float
    loss: float
    targets: tuple[str, ...]
    RMSE: tuple[float, ...]
    MAE: tuple[float, ...]
    R2_each: tuple[float, ...]
    known: tuple[int, ...]
    quantiles: QuantileScores | None = None

    @classmethod
    def of(
        cls,
        predictions: Tensor,
        actual: Tensor,
        targets: tuple[str, ...],
        spread: Tensor,
        quantiles: QuantileScores | None = None,
    ) -> "NumberScores":
        """Of predictions beside what is true, `(S, K)` both, nan where that is not known."""
        known = ~actual.isnan()
        error = (predictions - actual).double()
        squared, absolute = error.square().nanmean(0), error.abs().nanmean(0)
        deviation = (actual.double() - actual.double().nanmean(0)).square().nanmean(0)
        constant = deviation == 0
        R2 = (1 - squared / deviation.where(~constant, 1.0)).where(~constant, (squared == 0) * 1.0)
        in_units = (error / spread.double()).square()
        return cls(
            len(actual),
            float(R2.mean()),
            float(in_units[known].mean()) if quantiles is None else quantiles.loss,
            targets,
            *(tuple(v.tolist()) for v in (squared.sqrt(), absolute, R2, known.sum(0))),
            quantiles=quantiles,
        )

    def to_dict(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}

    def in_history(self) -> dict[str, float]:
        return {"loss": self.loss, "R2": self.R2}

    def summary(self) -> str:
        if len(self.targets) == 1:
            return (
                f"{self.sequences} sequences: RMSE {self.RMSE[0]:.4g}, MAE {self.MAE[0]:.4g}, "
                f"R2 {self.R2:.4f}"
            )
        return f"{self.sequences} sequences: R2 {self.R2:.4f}, the mean over {len(self.targets)}"

    def tables(self) -> list[Table]:
        numbers = zip(self.targets, self.RMSE, self.MAE, self.R2_each, self.known, strict=True)
        rows = tuple((n, f"{r:.4g}", f"{m:.4g}", f"{q:.4f}", str(k)) for n, r, m, q, k in numbers)
        numbers = Table("each target", ("", "RMSE", "MAE", "R2", "known"), rows)
        return [numbers] if self.quantiles is None else [numbers, _intervals(self)]


def _intervals(scores: NumberScores) -> Table:
    """The pinball loss of each target, and the share of its numbers in each interval."""
    of = scores.quantiles
    assert of is not None
    heads = (f"in {low:g} to {high:g}" for low, high in of.intervals)
    each = zip(scores.targets, of.pinball, of.coverage, strict=True)
    rows = tuple((n, f"{loss:.4g}", *(f"{s:.1%}" for s in shares)) for n, loss, shares in each)
    return Table("quantiles", ("", "pinball loss", *heads), rows)
