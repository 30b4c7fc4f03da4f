"""A class or a number at every step; one of them or several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from throughtime.data import Batch, Sequences
from throughtime.data.naming import quote, quote_all
from throughtime.errors import DataError, OptionError
from throughtime.tasks.scores import Metric, Scores
from throughtime.tasks.step_baselines import Windows
from throughtime.tasks.step_target import StepClass, StepNumber, StepTarget
from throughtime.tasks.step_weights import check_weights, weighed
from throughtime.tasks.tag_scores import Steps, TagScores
from throughtime.tasks.task import Task, TrainingLoss

ALONE = "tag"  # the name of the target where only its classes are given


@dataclass(frozen=True)
class Tag(Task):
    """One or more things at every step, each a class or a number.

    The loss is the cross-entropy of classes plus the squared error of numbers, each in units of its
    own spread. What is not known at a step, -1 of a class and nan of a number, is neither trained
    nor scored there.

    **Arguments:**

    - `targets`: by name the classes of each, two or more in the order of the outputs; none, `()` or
      None, of a number. Classes alone are those of one target of the name `"tag"`.
    - `weights`: the name of a target of numbers, 0 or more, by which the loss of each step is
      multiplied in training. Scores do not weigh.
    - `spans`: whether runs of equal tags are scored as spans, see `throughtime.tasks.spans`; those
      of BIO and BIOES tags always are.
    - `mean`, `std`: of each number in the training part; `fit` sets them.

    **Raises:** `OptionError` without a target, or for fewer than two classes.
    """

    targets: Mapping[str, Sequence[str] | None] | Sequence[str]
    weights: str | None = None
    spans: bool = False
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    name: ClassVar[str] = "tag"
    each_step: ClassVar[bool] = True
    sections: ClassVar[tuple[Any, ...]] = ("result", "tags")

    def __post_init__(self) -> None:
        of = self.targets if isinstance(self.targets, Mapping) else {ALONE: self.targets}
        object.__setattr__(self, "targets", {name: _classes(name, of[name]) for name in of})
        if not of:
            raise OptionError(
                "`Tag`: targets is empty; expected the classes of 1 or more targets. Write "
                '`Tag({"phase": ("stance", "swing"), "force": None})`, or `Tag.of(data)`.'
            )
        if self.spans and not any(self.classes.values()):
            raise OptionError(
                "`Tag`: spans is given; expected a class among the targets, because spans are runs "
                "of equal classes. Leave out spans."
            )
        if self.weights in self.classes:
            raise OptionError(
                f"`Tag`: weights is {self.weights!r}, which is a target; expected another name. "
                "Weigh by a column of its own."
            )

    @classmethod
    def of(cls, data: Sequences, *, weights: str | None = None, spans: bool = False) -> "Tag":
        """The task that has as targets all those of each step that sequences have."""
        steps = {n: t.classes for n, t in data.targets.items() if t.each_step and n != weights}
        return cls(steps, weights, spans)

    @property
    def classes(self) -> dict[str, tuple[str, ...]]:
        """By the name of each target its classes; none of a number."""
        assert isinstance(self.targets, Mapping)
        return {name: tuple(classes or ()) for name, classes in self.targets.items()}

    @property
    def parts(self) -> list[StepTarget]:
        """Each target by itself, in the order of the outputs."""
        numbers = iter(range(len(self.classes)))
        return [
            StepClass(name, classes, self.spans) if classes else self._number(name, next(numbers))
            for name, classes in self.classes.items()
        ]

    def _number(self, name: str, k: int) -> StepNumber:
        return StepNumber(name, self.mean[k], self.std[k]) if self.std else StepNumber(name)

    @property
    def width(self) -> int:
        return sum(part.width for part in self.parts)

    @property
    def metric(self) -> Metric:
        """The mean over the targets of the accuracy of a class and the R2 of a number."""
        kinds = {part.metric for part in self.parts}
        return Metric(kinds.pop() if len(kinds) == 1 else "mean_score", higher=True)

    @property
    def options(self) -> tuple[str, ...]:
        """Those of classes, where there are any."""
        return ("class_weights", "label_smoothing") if any(self.classes.values()) else ()

    @property
    def baseline_titles(self) -> Mapping[str, str]:
        constant = {"accuracy": "commonest class", "R2": "mean of training"}
        linear = {"accuracy": "logistic", "R2": "ridge"}
        kinds = dict.fromkeys(part.metric for part in self.parts)
        return {
            "constant": ", ".join(constant[kind] for kind in kinds),
            "linear": f"{' and '.join(linear[kind] for kind in kinds)} regression on steps -2 to 2",
        }

    def prepare(self, call: str, sequences: Sequences) -> Sequences:
        own = {}
        for part in self.parts:
            target = sequences.targets.get(part.name)
            classes = self.classes[part.name]
            if target is None or not target.each_step or bool(target.classes) != bool(classes):
                there = quote_all(sequences.targets) if sequences.targets else "none"
                raise DataError(
                    f"{call}: the sequences have the targets {there} and no "
                    f"{'class' if classes else 'number'} {quote(part.name)} of each step; expected "
                    f"{quote_all(self.classes)}. Read the table with `tags=`, or give them in "
                    "`Sequences.from_list(targets=...)`, an array for each sequence."
                )
            if target.classes != classes:
                raise DataError(
                    f"{call}: the target {quote(part.name)} has the classes "
                    f"{quote_all(target.classes)}; expected those of the model, "
                    f"{quote_all(classes)}. Read the table with `tags=model.task.classes`, or "
                    "give them as `Sequences.from_list(classes=model.task.classes)`."
                )
            if not part.known(target.values).any():
                raise DataError(
                    f"{call}: the target {quote(part.name)} is not known at any step; expected it "
                    "at some. Fill it in, or leave this target out."
                )
            own[part.name] = target
        weighed = {n: t for n, t in sequences.targets.items() if n == self.weights}
        return replace(sequences, targets=own | weighed)

    def fitted(self, train: Sequences) -> "Tag":
        if self.weights is not None:
            check_weights(train, self.weights)
        numbers = [train.targets[n].values.double() for n, c in self.classes.items() if not c]
        mean = [float(values.nanmean()) for values in numbers]
        apart = zip(numbers, mean, strict=True)
        std = [float((values - m).square().nanmean().sqrt()) for values, m in apart]
        # a number that never changes is learned as its mean
        return replace(self, mean=tuple(mean), std=tuple(s or 1.0 for s in std))

    def loss(self, out: Tensor, batch: Batch) -> Tensor:
        sums = [part.losses(own, batch.targets[part.name]).sum() for part, own in self._split(out)]
        return torch.stack(sums).sum()

    def answers(self, batch: Batch) -> Tensor:
        return torch.stack([p.known(batch.targets[p.name]).sum() for p in self.parts]).sum()

    def training_loss(
        self, train: Sequences, *, class_weights: bool = False, label_smoothing: float = 0.0
    ) -> TrainingLoss:
        """**Arguments:**

        - `class_weights`: weigh each class by the inverse of its share of the known steps.
        - `label_smoothing`: the share of the target that is spread over all classes.
        """
        if self.weights is not None:
            check_weights(train, self.weights)
        of_classes = {
            part.name: part.class_weights(train.targets[part.name].values)
            for part in self.parts
            if class_weights and isinstance(part, StepClass)
        }

        def total(out: Tensor, batch: Batch) -> Tensor:
            sums = []
            for part, own in self._split(out):
                wanted = batch.targets[part.name]
                if isinstance(part, StepClass):
                    shares = of_classes.get(part.name)
                    shares = None if shares is None else shares.to(own)
                    losses = part.losses(own, wanted, shares, label_smoothing)
                else:
                    losses = part.losses(own, wanted)
                sums.append(weighed(losses, batch, self.weights).sum())
            return torch.stack(sums).sum()

        def weight(batch: Batch) -> Tensor:
            sums = []
            for part in self.parts:
                wanted = batch.targets[part.name]
                each = part.known(wanted).float()
                if part.name in of_classes:
                    each = each * of_classes[part.name].to(each.device)[wanted.clamp(min=0)]
                sums.append(weighed(each, batch, self.weights).sum())
            return torch.stack(sums).sum()

        return TrainingLoss(total, weight)

    def _split(self, out: Tensor) -> list[tuple[StepTarget, Tensor]]:
        """Each target with its columns of `(..., width)`."""
        columns = out.split([part.width for part in self.parts], -1)
        return list(zip(self.parts, columns, strict=True))

    def predictions(self, out: Tensor) -> Tensor:
        """The probability of each class, and numbers in their own units, side by side."""
        return torch.cat([part.predictions(own) for part, own in self._split(out)], -1)

    def scores(self, predictions: Tensor, sequences: Sequences) -> Scores:
        targets = self.prepare("scores", sequences).targets
        each = {}
        for part, own in self._split(predictions):
            values = targets[part.name].values
            steps = Steps(values, part.known(values), sequences.lengths)
            each[part.name] = part.scores(own, steps)
        return TagScores.of(self.metric.name, sequences.lengths, each)

    def baselines(self, train: Sequences, test: Sequences) -> dict[str, Scores]:
        windows, others = Windows(train, train), Windows(test, train)
        constant, linear = [], []
        for part in self.parts:
            wanted = train.targets[part.name].values
            constant.append(part.constant(wanted, len(others)))
            linear.append(part.linear(windows, wanted)(others))
        both = {"constant": constant, "linear": linear}
        return {name: self.scores(torch.cat(each, -1), test) for name, each in both.items()}

    def rows(
        self, predictions: Tensor, sequences: Sequences
    ) -> tuple[list[str], Sequence[Sequence[Any]]]:
        """A row for each step, in the order of the rows of the table that it came from: sequence,
        time (or the number of the step, from 0), and for each target the class and the probability
        of each, or the number."""
        lengths = sequences.lengths
        order = torch.arange(len(predictions))
        if sequences.rows is not None:
            order = sequences.rows.argsort()
        owner = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
        times: Sequence[Any] = (
            sequences.times or (torch.arange(len(owner)) - sequences.offsets[owner]).tolist()
        )
        header = ["sequence", "step" if sequences.times is None else "time"]
        parts = self._split(predictions[order])
        header += [column for p in self.parts for column in p.columns(len(parts) == 1)]
        names = [sequences.names[k] for k in owner[order].tolist()]
        each = zip(*(part.cells(own) for part, own in parts), strict=True)
        steps = zip(names, [times[k] for k in order.tolist()], each, strict=True)
        return header, [[name, time, *sum(map(list, cells), [])] for name, time, cells in steps]

    def table_options(self) -> dict[str, Any]:
        return {"tags": self.classes}

    def describe(self) -> dict[str, Any]:
        return {"targets": self.classes, "weights": self.weights, "spans": self.spans,
                "mean": self.mean, "std": self.std}  # fmt: skip

    @classmethod
    def from_description(cls, data: Mapping[str, Any]) -> "Tag":
        targets = {name: tuple(classes) for name, classes in data["targets"].items()}
        mean, std = tuple(data["mean"]), tuple(data["std"])
        return cls(targets, data["weights"], data["spans"], mean, std)


def _classes(name: str, classes: Sequence[str] | None) -> tuple[str, ...]:
    if isinstance(classes, str) or len(classes or ()) == 1:
        raise OptionError(
            f"`Tag`: the target {quote(name)} has {classes!r}; expected at least 2 names of "
            "classes, or None for a number. Name the classes that are to be told apart."
        )
    return tuple(classes or ())
