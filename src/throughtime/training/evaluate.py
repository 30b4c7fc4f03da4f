"""What a model says of sequences, and how good it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from throughtime.data import Batches, Sequences
from throughtime.data.naming import quote, quote_all
from throughtime.errors import DataError
from throughtime.tasks import Scores
from throughtime.tasks.verdict import verdict
from throughtime.training import gaps, given
from throughtime.training.model import Model, cell_name
from throughtime.training.overlap import shared


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
    sequences = model.task.seen(sequences)
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

    - `results`: plain data, as `Run.record` takes it: `verdict`, what they come to in a sentence;
      `counts` of the sequences, their steps and their classes in both parts; `test`, the scores of
      the model, and those of each baseline of its task by name.
    - `predictions`: what `predict` said of the test sequences.
    """

    results: dict[str, Any]
    predictions: Tensor


def tested(
    model: Model, train: Sequences, test: Sequences, predictions: Tensor | None = None
) -> Tested:
    """Test a model and the baselines of its task on the test sequences.

    `predictions`: for the test sequences, where not the model makes them, see `walk_forward`.

    **Raises:** as `evaluate`.
    """
    prepare = model.task.prepare
    if predictions is None:
        predictions = predict(model, prepare("tested", test))
    scored = of_real_steps(model, predictions, test)
    train, test = (prepare("tested", part.real_steps()) for part in (train, test))
    own = model.task.scores(scored, test).to_dict()
    others = model.task.baselines(train, test)
    scores = {"test": own | shared(train, test) | {gaps.KEY: gaps.counted(model, test)}}
    scores |= {name: s.to_dict() for name, s in others.items()}
    counts = {"training": _counted(train), "test": _counted(test)}
    missing = model.task.left_out(test)
    scores |= {"left_out": missing} if missing else {}
    return Tested({"verdict": verdict_of(model, scores), "counts": counts, **scores}, predictions)


def verdict_of(model: Model, results: Mapping[str, Any]) -> str:
    """Whether a model beats its baselines, in one sentence, from `test` and theirs in results."""
    task = model.task
    return verdict(results, task.metric, task.baseline_titles, f"throughtime {cell_name(model)}")


def _counted(part: Sequences) -> dict[str, Any]:
    counted: dict[str, Any] = {"sequences": len(part), "steps": len(part.values)}
    if part.labels is not None:
        known = part.labels[part.labels >= 0]
        counted["classes"] = torch.bincount(known, minlength=len(part.classes)).tolist()
    return counted


def of_real_steps(model: Model, predictions: Tensor, sequences: Sequences) -> Tensor:
    """What of predictions for sequences is at steps that are real, as `Task.scores` takes it."""
    masked = model.task.each_step and sequences.mask is not None
    return predictions[sequences.mask] if masked else predictions


def check_channels(call: str, model: Model, sequences: Sequences) -> None:
    """**Raises:** `DataError` unless channels and categories of sequences are those of a model."""
    if sequences.channels != model.channels:
        raise DataError(
            f"{call}: sequences has channels {', '.join(sequences.channels)}; expected those of "
            f"the model, {', '.join(model.channels)}. Read the table with "
            "`channels=model.channels`."
        )
    texts = model.encoder.texts
    if sequences.categories == texts:
        return
    own = {**sequences.categories}
    if {*own} == {*texts}:
        name = next(name for name in texts if own[name] != texts[name])
        got, expected = f"other texts in the category {quote(name)}", "those of the model"
    else:
        got = f"the categories {quote_all(own) or 'none'}"
        expected = f"those of the model, {quote_all(texts) or 'none'}"
    raise DataError(
        f"{call}: sequences has {got}; expected {expected}. Read the table with "
        "`categories=model.encoder.texts`, or build the model with `encoder=Encoder.of(sequences)`."
    )
