"""How good the answers of `Tag` are: of each target by itself, and of all together."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from throughtime.data.naming import counted
from throughtime.tasks.confusion import confusion_of, precision_recall_f1
from throughtime.tasks.scores import NumberScores, Scores, Table
from throughtime.tasks.spans import SpanScores, scheme, span_scores


class Steps(NamedTuple):
    """What is true of the steps of some sequences, end to end.

    - `values`: `(N,)`, places of classes or numbers; -1 or nan where not known.
    - `known`: `(N,)`, where it is known.
    - `lengths`: of the sequences, `(S,)`.
    """

    values: Tensor
    known: Tensor
    lengths: Tensor


@dataclass(frozen=True)
class ClassTagScores:
    """How good the classes of steps are, over the steps whose class is known.

    - `known`: how many these are.
    - `accuracy`: the share whose most probable class is theirs.
    - `macro_F1`: the mean of the F1 of the classes that are true or predicted at some step.
    - `whole`: the share of sequences of which every known step is right, among those with any.
    - `loss`: cross-entropy, nats a step.
    - `precision`, `recall`, `F1`: of each class, 0 where it is never predicted or never true.
    - `confusion`: `confusion[i][j]` steps of class i were taken for class j.
    - `spans`: the scores of spans, where the tags tell spans or these were asked for.
    """

    known: int
    accuracy: float
    macro_F1: float
    whole: float
    loss: float
    classes: tuple[str, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    F1: tuple[float, ...]
    confusion: tuple[tuple[int, ...], ...]
    spans: SpanScores | None = None

    @classmethod
    def of(
        cls, probabilities: Tensor, steps: Steps, classes: tuple[str, ...], *, spans: bool
    ) -> "ClassTagScores":
        """Of probabilities `(N, classes)` beside what is true; with `spans`, of spans too."""
        known = steps.known
        true, chosen = steps.values[known], probabilities.argmax(-1)[known]
        owner = torch.repeat_interleave(torch.arange(len(steps.lengths)), steps.lengths)[known]
        wrong = torch.bincount(owner[chosen != true], minlength=len(steps.lengths))
        there = torch.bincount(owner, minlength=len(steps.lengths)) > 0
        confusion = confusion_of(true, chosen, len(classes))
        likelihood = probabilities[known].gather(1, true[:, None]).double().clamp(min=1e-30)
        precision, recall, f1 = precision_recall_f1(confusion.tolist())
        occurs = (confusion.sum(0) + confusion.sum(1)) > 0
        return cls(
            len(true),
            float((chosen == true).double().mean()),
            float(torch.tensor(f1, dtype=torch.float64)[occurs].mean()),
            float((wrong[there] == 0).double().mean()),
            float(-likelihood.log().mean()),
            classes, precision, recall, f1,
            tuple(tuple(row) for row in confusion.tolist()),
            _span_scores(chosen, true, steps, classes) if spans else None,
        )  # fmt: skip

    @property
    def decides(self) -> float:
        return self.accuracy

    def summary(self) -> str:
        spans = "" if self.spans is None else f", span F1 {self.spans.F1:.4f}"
        return (
            f"accuracy {self.accuracy:.4f}, macro F1 {self.macro_F1:.4f}{spans}, "
            f"{self.whole:.1%} of the sequences wholly right, loss {self.loss:.4f} nats a step"
        )

    def tables(self, name: str) -> list[Table]:
        counts = [sum(row) for row in self.confusion]
        each = zip(self.classes, self.precision, self.recall, self.F1, counts, strict=True)
        tables = [
            Table(f"{name}: each class", ("", "precision", "recall", "F1", "steps"), _rows(each)),
            Table(
                f"{name}: rows: true class, columns: predicted",
                ("", *self.classes),
                tuple(
                    (one, *(str(n) if n else "·" for n in row))
                    for one, row in zip(self.classes, self.confusion, strict=True)
                ),
            ),
        ]
        if self.spans is None:
            return tables
        s = self.spans
        each = zip(s.types, s.precision_each, s.recall_each, s.F1_each, s.true, strict=True)
        whole = [("all", s.precision, s.recall, s.F1, sum(s.true))]
        head = ("", "precision", "recall", "F1", "spans")
        return [*tables, Table(f"{name}: spans of each type", head, _rows([*whole, *each]))]


@dataclass(frozen=True)
class NumberTagScores:
    """How near the numbers of steps are, over the steps whose number is known.

    - `known`: how many these are.
    - `RMSE`, `MAE`: in the units of the number; `R2`: see `NumberScores`.
    - `loss`: the mean squared error, in units of the spread in training.
    """

    known: int
    RMSE: float
    MAE: float
    R2: float
    loss: float

    @classmethod
    def of(cls, predictions: Tensor, steps: Steps, spread: float) -> "NumberTagScores":
        """Of predictions `(N,)` beside what is true."""
        one = NumberScores.of(
            predictions[:, None], steps.values[:, None], ("",), torch.tensor([spread])
        )
        return cls(one.known[0], one.RMSE[0], one.MAE[0], one.R2, one.loss)

    @property
    def decides(self) -> float:
        return self.R2

    def summary(self) -> str:
        return f"RMSE {self.RMSE:.4g}, MAE {self.MAE:.4g}, R2 {self.R2:.4f}"


@dataclass(frozen=True)
class TagScores(Scores):
    """How good answers at every step are; steps whose target is not known do not count.

    - `sequences`, `steps`: how many.
    - `loss`: the mean loss of an answer: nats of a class, squared error of a number in units of its
      spread in training.
    - `metric`: the name of the number that decides, `score`: the mean over the targets of the
      accuracy of a class and the R2 of a number. The name is `accuracy` or `R2` where all targets
      are of one kind, and `mean_score` otherwise.
    - `targets`: the scores of each.
    """

    sequences: int
    steps: int
    loss: float
    metric: str
    targets: Mapping[str, ClassTagScores | NumberTagScores]

    @classmethod
    def of(
        cls,
        metric: str,
        lengths: Tensor,
        targets: Mapping[str, ClassTagScores | NumberTagScores],
    ) -> "TagScores":
        answers = sum(one.known for one in targets.values())
        loss = sum(one.loss * one.known for one in targets.values()) / max(answers, 1)
        return cls(len(lengths), int(lengths.sum()), loss, metric, dict(targets))

    @property
    def score(self) -> float:
        """The number that decides."""
        return sum(one.decides for one in self.targets.values()) / len(self.targets)

    def to_dict(self) -> dict[str, Any]:
        """`targets` has the scores of each; the number that decides stands under its name."""
        own = {"sequences": self.sequences, "steps": self.steps, "loss": self.loss}
        each = {name: asdict(one) for name, one in self.targets.items()}
        return {**own, self.metric: self.score, "targets": each}

    def in_history(self) -> dict[str, float]:
        return {"loss": self.loss, self.metric: self.score}

    def summary(self) -> str:
        says = f"{counted(self.steps, 'step')} of {counted(self.sequences, 'sequence')}: "
        if len(self.targets) == 1:
            return says + next(iter(self.targets.values())).summary()
        each = "; ".join(f"{name}: {one.summary()}" for name, one in self.targets.items())
        return says + each

    def tables(self) -> list[Table]:
        tables = []
        for name, one in self.targets.items():
            tables += one.tables(name) if isinstance(one, ClassTagScores) else []
        numbers = {n: o for n, o in self.targets.items() if isinstance(o, NumberTagScores)}
        if len(self.targets) > 1 and numbers:
            rows = _rows((n, o.RMSE, o.MAE, o.R2, o.known) for n, o in numbers.items())
            tables.append(Table("each number", ("", "RMSE", "MAE", "R2", "known"), rows))
        return tables


def _span_scores(
    chosen: Tensor, true: Tensor, steps: Steps, classes: tuple[str, ...]
) -> SpanScores:
    """Of the known steps; no span goes on from one sequence to the next or over an unknown step."""
    begins = ~steps.known.roll(1)
    begins[steps.lengths.cumsum(0) - steps.lengths] = True
    return span_scores(chosen, true, begins[steps.known], scheme(classes))


def _rows(each: Any) -> tuple[tuple[str, ...], ...]:
    """Rows of a name, numbers and a count, as texts."""
    return tuple((name, *(f"{v:.4g}" for v in values), str(n)) for name, *values, n in each)
