"""How much each step weighs in training."""

import torch
from torch import Tensor

from throughtime.data import Batch, Sequences
from throughtime.data.naming import quote
from throughtime.errors import DataError


def check_weights(train: Sequences, name: str) -> None:
    """**Raises:** `DataError` unless the target `name` is a number, 0 or more, of each step."""
    target = train.targets.get(name)
    if target is None or not target.each_step or target.classes or target.values.dim() > 1:
        raise DataError(
            f"Tag: the sequences have no number {quote(name)} of each step; expected one, because "
            "it weighs the steps in training. Give it as a target, or leave out weights."
        )
    bad = ~(target.values >= 0)  # nan too
    if bad.any():
        step = int(bad.nonzero()[0])
        place = int(torch.searchsorted(train.offsets, step, right=True)) - 1
        raise DataError(
            f"Tag: the weight {quote(name)} of step {step - int(train.offsets[place])} of sequence "
            f"{quote(train.names[place])} is {target.values[step]:g}; expected a number, 0 or "
            "more, for every step. Fill it in; 0 leaves a step out of training."
        )
    if not target.values.any():
        raise DataError(
            f"Tag: the weight {quote(name)} is 0 at every step; expected more at some, because "
            "nothing is learned at such a step. Correct it, or leave out weights."
        )


def weighed(each: Tensor, batch: Batch, name: str | None) -> Tensor:
    """A number for each step `(T, B)`, times the weight of the step; as it is without weights."""
    if name is None:
        return each
    return each * batch.targets[name].nan_to_num().to(each.dtype)  # nan: padding
