"""What a model says of sequences, and how often it is right."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from throughtime.data import Batches, Sequences
from throughtime.errors import DataError
from throughtime.training import given
from throughtime.training.model import Model


@dataclass(frozen=True)
class Scores:
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

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@torch.no_grad()
def predict(model: Model, sequences: Sequences, *, batch_size: int = 256) -> Tensor:
    """The probability of each class for each sequence, `(S, classes)`, in their order.

    **Raises:** `DataError` if the channels are not those of the model, `CallError` for another
    kind of argument.
    """
    given.model("predict", model)
    given.sequences("predict", "sequences", sequences)
    _check(model, sequences)
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    try:
        out = torch.zeros(len(sequences), len(model.classes))
        for batch in Batches(sequences, batch_size, shuffle=False).epoch(0):
            batch_ = batch.to(device)
            scores = model(batch_.x, batch_.lengths)
            out[batch.indices] = scores.softmax(-1).float().cpu()
        return out
    finally:
        model.train(training)


def evaluate(model: Model, sequences: Sequences, *, batch_size: int = 256) -> Scores:
    """Accuracy, loss and confusion on labelled sequences.

    **Raises:** `DataError` without labels, or with other classes or channels than the model's,
    `CallError` for another kind of argument.
    """
    given.model("evaluate", model)
    given.sequences("evaluate", "sequences", sequences)
    if sequences.labels is None:
        raise DataError("evaluate: sequences has no labels; expected a class for each. Give them.")
    if sequences.classes != model.classes:
        raise DataError(
            f"evaluate: sequences has classes {', '.join(sequences.classes)}; expected those of "
            f"the model, {', '.join(model.classes)}. Read the table with `classes=model.classes`."
        )
    probabilities = predict(model, sequences, batch_size=batch_size)
    return score(probabilities, sequences.labels, model.classes)


def score(probabilities: Tensor, labels: Tensor, classes: tuple[str, ...]) -> Scores:
    """`Scores` of probabilities `(S, classes)` beside labels `(S,)`."""
    n = len(classes)
    chosen = probabilities.argmax(-1)
    confusion = torch.bincount(labels * n + chosen, minlength=n * n).view(n, n)
    likelihood = probabilities.gather(1, labels[:, None]).double().clamp(min=1e-30)
    return Scores(
        len(labels),
        float((chosen == labels).double().mean()),
        float(-likelihood.log().mean()),
        classes,
        tuple(tuple(row) for row in confusion.tolist()),
    )


def _check(model: Model, sequences: Sequences) -> None:
    if sequences.channels != model.channels:
        raise DataError(
            f"predict: sequences has channels {', '.join(sequences.channels)}; expected those of "
            f"the model, {', '.join(model.channels)}. Read the table with "
            "`channels=model.channels`."
        )
