"""The loss of a batch as back-propagation through time asks for it: piece by piece."""

from typing import Any

import torch
from torch import Tensor

from throughtime import bptt
from throughtime.data import Batch
from throughtime.data.target import MISSING
from throughtime.errors import DataError
from throughtime.layers.mask import compact, hold
from throughtime.layers.recurrent import State
from throughtime.tasks import TrainingLoss
from throughtime.training.model import Model, recurrent


class Objective:
    """What a model is to make small on one batch.

    `read` is told of the outputs of the recurrent layers piece by piece, `loss` of what was read
    and of the final states, see `bptt.backward`. A task that answers at each step adds up the
    losses of the pieces, so that no more than one piece of outputs is kept. Of a batch with a mask
    only the real steps are learned from.
    """

    def __init__(self, model: Model, loss: TrainingLoss, batch: Batch) -> None:
        self.model, self.of, self.batch = model, loss, of_real_steps(batch)
        batch = self.batch
        encoded, self.side = model.encoded(batch.x, batch.before, batch.resets)
        every = model.read_lengths(batch.lengths)
        self.x, self.lengths = model.steps(encoded, every), model.steps.lengths(every)
        each = model.readout.each_step or model.task.learns_each_step
        self.in_pieces = each and model.task.in_pieces

    def read(self, total: Any, y: Tensor, start: int) -> Any:
        model, batch = self.model, self.batch
        if not self.in_pieces:
            return model.readout.read(total, y, start, self.lengths)
        piece = batch.piece(start, len(y))
        if self.side is None:
            value = self.of.total(model.answer(y), piece)
        else:  # a wide answer: only where one is learned from
            steps, rows = model.task.learned(piece).nonzero(as_tuple=True)
            out = model.answer(y[steps, rows], self.side.at(start + steps, rows))
            value = self.of.total(out, piece.at(steps, rows))
        return value if total is None else total + value

    def loss(self, total: Any, state: list[State]) -> Tensor:
        """The mean over the answers whose target is known."""
        if not self.in_pieces:
            model, batch = self.model, self.batch
            out = model.answer(model.shown(total, state[-1], self.lengths))
            if model.statistics is not None:
                # encoded once more: a mode may go back through the loss several times
                out = out + model.statistics(model.encoder(batch.x), batch.lengths)
            total = self.of.total(out, batch)
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


def of_real_steps(batch: Batch) -> Batch:
    """The real steps of a batch as sequences without a mask.

    **Raises:** `DataError` for a window, whose resets may be where nothing is real.
    """
    if batch.mask is None:
        return batch
    if batch.resets is not None:
        raise DataError(
            "fit: a batch has both resets and a mask; expected one of the two, because the states "
            "of a window are carried on. Leave masked steps out: `sequences.real_steps()`."
        )
    held = hold(batch.mask, batch.lengths, None)
    behind = torch.arange(len(held.order), device=batch.x.device)[:, None] >= held.lengths

    def moved(values: Tensor) -> Tensor:
        unknown = torch.nan if values.is_floating_point() else MISSING
        return compact(held, values).masked_fill(
            behind.view(*behind.shape, *[1] * (values.dim() - 2)), unknown
        )

    targets = {n: moved(v) if n in batch.each_step else v for n, v in batch.targets.items()}
    return Batch(compact(held, batch.x), held.lengths, batch.indices, targets, batch.each_step)
