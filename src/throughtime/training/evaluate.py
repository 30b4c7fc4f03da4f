"""What a model says of sequences, and how good it is."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from throughtime.data import Batches, Sequences
from throughtime.errors import DataError
from throughtime.tasks import Scores
from throughtime.training import given
from throughtime.training.model import Model
from throughtime.training.overlap import KEY, shared


@torch.no_grad()
def predict(model: Model, sequences: Sequences, *, batch_size: int = 256) -> Tensor:
    """What the task of a model predicts: of `Classify` the probability of each class.

    **Returns:** `(S, K)`, a row for each sequence, in their order; of a task that answers at each
    step `(N, K)`, a row for each step of the sequences end to end, also at those that are masked:
    what the states say that are held there.

    **Raises:** `DataError` if the channels are not those of the model, `CallError` for another
    kind of argument.
    """
    given.model("predict", model)
    given.sequences("predict", "sequences", sequences)
    check_channels("predict", model, sequences)
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    rows = len(sequences.values) if model.task.each_step else len(sequences)
    predictions: Tensor | None = None
    try:
        for batch in Batches(sequences, batch_size, shuffle=False).epoch(0):
            on_device = batch.to(device)
            out = (
                model.task.predictions(model(on_device.x, on_device.lengths, on_device.mask))
                .float()
                .cpu()
            )
            places = batch.indices
            if model.task.each_step:
                steps = torch.arange(len(out))[:, None]
                real = steps < batch.lengths  # (T, B)
                places = (sequences.offsets[batch.indices] + steps)[real]
                out = out[real]
            if predictions is None:
                predictions = out.new_zeros(rows, *out.shape[1:])
            predictions[places] = out
    finally:
        model.train(training)
    assert predictions is not None  # there is at least one sequence
    return predictions


def evaluate(model: Model, sequences: Sequences, *, batch_size: int = 256) -> Scores:
    """How good a model is on sequences with targets: of `Classify` accuracy, loss and confusion.

    **Raises:** `DataError` for sequences without targets of the model's task, or with other
    channels than the model's, `CallError` for another kind of argument.
    """
    given.model("evaluate", model)
    given.sequences("evaluate", "sequences", sequences)
    prepared = model.task.prepare("evaluate", sequences.real_steps())
    return model.task.scores(predict(model, prepared, batch_size=batch_size), prepared)


@dataclass(frozen=True)
class Tested:
    """A model tested beside what it has to beat.

    - `results`: plain data, as `Run.record` takes it: `test`, the scores of the model, and those
      of each baseline of its task by name.
    - `predictions`: what `predict` said of the test sequences.
    """

    results: dict[str, Any]
    predictions: Tensor


def tested(model: Model, train: Sequences, test: Sequences) -> Tested:
    """Test a model and the baselines of its task on the test sequences.

    **Raises:** as `evaluate`.
    """
    prepare = model.task.prepare
    predictions = predict(model, prepare("tested", test))
    scored = of_real_steps(model, predictions, test)
    train, test = (prepare("tested", part.real_steps()) for part in (train, test))
    own = model.task.scores(scored, test).to_dict()
    others = model.task.baselines(train, test)
    results = {"test": own | {KEY: shared(train, test)}}
    return Tested(results | {name: s.to_dict() for name, s in others.items()}, predictions)


def of_real_steps(model: Model, predictions: Tensor, sequences: Sequences) -> Tensor:
    """What of predictions for sequences is at steps that are real, as `Task.scores` takes it."""
    masked = model.task.each_step and sequences.mask is not None
    return predictions[sequences.mask] if masked else predictions


def check_channels(call: str, model: Model, sequences: Sequences) -> None:
    """**Raises:** `DataError` unless the channels of sequences are those of a model."""
    if sequences.channels != model.channels:
        raise DataError(
            f"{call}: sequences has channels {', '.join(sequences.channels)}; expected those of "
            f"the model, {', '.join(model.channels)}. Read the table with "
            "`channels=model.channels`."
        )
