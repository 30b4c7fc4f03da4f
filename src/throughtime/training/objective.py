"""The loss of a batch as back-propagation through time asks for it: piece by piece."""

from typing import Any

from torch import Tensor

from throughtime import bptt
from throughtime.data import Batch
from throughtime.layers.recurrent import State
from throughtime.tasks import TrainingLoss
from throughtime.training.model import Model, recurrent


class Objective:
    """What a model is to make small on one batch.

    `read` is told of the outputs of the recurrent layers piece by piece, `loss` of what was read
    and of the final states, see `bptt.backward`. A task that answers at each step adds up the
    losses of the pieces, so that no more than one piece of outputs is kept.
    """

    def __init__(self, model: Model, loss: TrainingLoss, batch: Batch) -> None:
        self.model, self.of, self.batch = model, loss, batch
        self.x, self.lengths = model.given(batch.x, batch.lengths)

    def read(self, total: Any, y: Tensor, start: int) -> Any:
        model, batch = self.model, self.batch
        if not model.readout.each_step:
            return model.readout.read(total, y, start, self.lengths)
        value = self.of.total(model.answer(y), batch.piece(start, len(y)))
        return value if total is None else total + value

    def loss(self, total: Any, state: list[State]) -> Tensor:
        """The mean over the answers whose target is known."""
        if not self.model.readout.each_step:
            model, batch = self.model, self.batch
            out = model.answer(model.shown(total, state[-1], self.lengths))
            total = self.of.total(out + model.beside(batch.x, batch.lengths), batch)
        weight = self.of.weight(self.batch)
        return total / weight.where(weight > 0, 1)  # where no target is known the total is 0

    def backward(
        self, mode: bptt.Mode, *, scale_by_replicas: bool, state: list[State] | None = None
    ) -> tuple[Tensor, list[State]]:
        """The loss, with its gradient in `.grad`, and the final states, see `bptt.backward`.

        `state`: to start from; the initial states unless given.
        """
        return bptt.backward(
            mode,
            recurrent(self.model),
            self.x,
            read=self.read,
            loss=self.loss,
            lengths=None if self.batch.resets is not None else self.lengths,
            resets=self.batch.resets,
            state=state,
            scale_by_replicas=scale_by_replicas,
        )
