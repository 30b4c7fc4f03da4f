"""What a network is trained to say: the seam between a model and the kind of its answers.

A task is a small frozen object. Everything that differs between a class for each sequence, a number
at each step and the next symbol is in it; models, training, run folders, the command line and
reports ask it and nothing else. `classify.py` is one to read; CONTRIBUTING says what a new one
needs.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from torch import Tensor

from throughtime.data import Batch, Batches, BatchSource, Sequences
from throughtime.tasks.ahead import Ahead
from throughtime.tasks.scores import Metric, Scores
from throughtime.tasks.truth import true_columns


class TrainingLoss(NamedTuple):
    """The loss that training makes small: a sum over what is known, and what to divide it by.

    - `total`: of the outputs of the model and a batch, one number. Of a task at each step, the sum
      of the losses of the pieces of a batch is that of the batch.
    - `weight`: of a batch, what its total is divided by: the number of answers, or the sum of
      their weights.
    """

    total: Callable[[Tensor, Batch], Tensor]
    weight: Callable[[Batch], Tensor]


class Task(ABC):
    """The kind of answer that a network gives of sequences.

    - `name`: in the configuration of a run.
    - `each_step`: whether it answers at each step: then the outputs of the model are
      `(T, B, width)`; otherwise one for each sequence, `(B, width)`.
    - `learns_each_step`: of one that answers once for each sequence, whether training asks it at
      each step all the same, as the state there has seen a shorter sequence: `batches` then gives
      targets of steps.
    - `in_pieces`: whether, at each step, the losses of the pieces of a sequence add up to its loss,
      so that no more than one piece of outputs is kept. Otherwise `loss` is told of all steps at
      once, as CTC must be.
    - `carries_state`: whether the recurrent layers go on at each batch with the states that they
      had after the batch before, from the first batch of an epoch to the last. `batches` then gives
      windows that go on where the last one stopped; the layers run forward in time.
    - `metric`: the number of `Scores` that decides.
    - `options`: the options of training that `training_loss` takes, by name.
    - `baseline_titles`: the titles of `baselines`, by the names of their results.
    - `sections`: what of a report is about this task: names of sections in `report/sections`, or
      `report.Section` objects. The first opens the report, the others follow the learning curves.
    """

    name: ClassVar[str]
    each_step: ClassVar[bool] = False
    learns_each_step: ClassVar[bool] = False
    in_pieces: ClassVar[bool] = True
    carries_state: ClassVar[bool] = False
    metric: ClassVar[Metric]
    options: ClassVar[tuple[str, ...]] = ()
    baseline_titles: ClassVar[Mapping[str, str]] = {}
    sections: ClassVar[tuple[Any, ...]] = ()

    @property
    @abstractmethod
    def width(self) -> int:
        """The numbers that the output network puts out for each answer."""

    @abstractmethod
    def prepare(self, call: str, sequences: Sequences) -> Sequences:
        """Sequences with the targets of this task, to train and to score on.

        A forecast makes them from the values of later steps; most tasks have them from a table and
        only check them. What it has prepared it prepares to the same again. `call` is what an
        error begins with.

        **Raises:** `DataError` for sequences whose targets are not of this task.
        """

    @property
    def ahead(self) -> Ahead | None:
        """Which steps to come are asked for; None of a task that says something of the steps that
        the model is given."""
        return None

    def seen(self, sequences: Sequences) -> Sequences:
        """What of sequences the model is given to answer once for each: all of them."""
        return sequences

    def scales(self, sequences: Sequences) -> Tensor:
        """Of a task with `ahead`, what errors of each sequence are measured in, `(S, K)`."""
        raise NotImplementedError

    def learned(self, batch: Batch) -> Tensor:
        """Of a task with `ahead`, at which steps of a batch an answer is learned from: bool,
        `(T, B)`."""
        raise NotImplementedError

    def fitted(self, train: Sequences) -> "Task":
        """The task with all that it takes from the training part, such as the scale of a number."""
        return self

    def batches(self, train: Sequences, batch_size: int, seed: int) -> BatchSource:
        """The batches of training: of sequences of similar length, in another order each epoch."""
        return Batches(train, batch_size, seed=seed)

    @abstractmethod
    def loss(self, out: Tensor, batch: Batch) -> Tensor:
        """The sum of the losses of all answers whose target is known, one number."""

    @abstractmethod
    def answers(self, batch: Batch) -> Tensor:
        """How many answers `loss` is the sum over, one number."""

    def training_loss(self, train: Sequences, **options: Any) -> TrainingLoss:
        """What training makes small; `options`: the values of `Task.options`."""
        return TrainingLoss(self.loss, self.answers)

    @abstractmethod
    def predictions(self, out: Tensor) -> Tensor:
        """What the outputs of the model say, `(..., K)`: probabilities, numbers, quantiles."""

    def calibrated(self, predictions: Tensor, validation: Sequences) -> "Task":
        """The task with all that it takes from the validation part once training is over.

        `predictions`: those of the trained model for these sequences.
        """
        return self

    def with_calibration(self, other: "Task") -> "Task":
        """This task with what another of its kind took from a validation part, see `calibrated`."""
        return self

    @abstractmethod
    def scores(self, predictions: Tensor, sequences: Sequences) -> Scores:
        """How good predictions are.

        `predictions`: `(S, K)` in the order of the sequences, or of each step `(N, K)`, in the
        order of their steps.
        """

    def baselines(self, train: Sequences, test: Sequences) -> dict[str, Scores]:
        """What anybody would try first, by the names of `baseline_titles`, on the test part."""
        return {}

    def left_out(self, test: Sequences) -> dict[str, str]:
        """Which of `baseline_titles` are not among `baselines`, and why, in a sentence each."""
        return {}

    @abstractmethod
    def rows(
        self, predictions: Tensor, sequences: Sequences
    ) -> tuple[list[str], "Sequence[Sequence[Any]]"]:
        """Predictions as a table: the names of its columns, and its rows of texts and numbers.

        One row for each sequence, in their order; of a task that answers at each step one for each
        step, in the order of `sequences.rows` where the sequences come from a table.
        """

    def truth(self, sequences: Sequences) -> tuple[list[str], "Sequence[Sequence[Any]]"]:
        """What is true beside each of `rows`: the names of the columns, and the rows."""
        return true_columns(sequences)

    def table_options(self) -> dict[str, Any]:
        """What `read_table` is to be told so that it reads targets as in training."""
        return {}

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """The task as plain data; `from_description` makes it again."""

    @classmethod
    @abstractmethod
    def from_description(cls, data: Mapping[str, Any]) -> "Task":
        """The task that `describe` described."""
