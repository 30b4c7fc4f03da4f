"""What of the outputs of the recurrent layers an output network is shown."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from throughtime.errors import OptionError
from throughtime.layers import Recurrent
from throughtime.layers.recurrent import State


class Readout(ABC):
    """Reads the outputs of the last recurrent layers piece by piece, then shows what it has.

    `each_step`: whether the output network sees every step, not one row for each sequence.
    """

    name: ClassVar[str]
    each_step: ClassVar[bool] = False

    def width(self, layer: Recurrent) -> int:
        """The columns of what the output network sees."""
        return layer.output_size

    @abstractmethod
    def read(self, total: Tensor | None, y: Tensor, start: int, lengths: Tensor) -> Tensor | None:
        """What is kept of the outputs `y (n, B, width)` of the steps from `start` on, added to the
        `total` that is kept of other steps; None as long as nothing is.
        """

    @abstractmethod
    def shown(
        self, total: Tensor | None, layer: Recurrent, state: State, lengths: Tensor
    ) -> Tensor:
        """What the output network sees, `(B, width)`, once all was read; `state` is the final one
        of the last recurrent layers."""


class Last(Readout):
    """The output state of each direction at the last real step that it runs over."""

    name = "last"

    def width(self, layer: Recurrent) -> int:
        programs = [direction.program for direction in layer.directions[-1]]
        return sum(program.states[program.output] for program in programs)

    def read(self, total, y, start, lengths):
        return None

    def shown(self, total, layer, state, lengths):
        directions = zip(layer.directions[-1], state[-1], strict=True)
        return torch.cat([named[d.program.output] for d, named in directions], -1)


class Mean(Readout):
    """The mean over the real steps."""

    name = "mean"

    def read(self, total, y, start, lengths):
        new = y.sum(0)  # y is 0 past the lengths
        return new if total is None else total + new

    def shown(self, total, layer, state, lengths):
        assert total is not None
        return total / lengths.clamp(min=1)[:, None]


class Max(Readout):
    """The largest of each column over the real steps; 0 of a sequence that has none."""

    name = "max"

    def read(self, total, y, start, lengths):
        real = torch.arange(start, start + len(y), device=y.device)[:, None] < lengths
        new = torch.where(real[..., None], y, -torch.inf).amax(0)
        return new if total is None else torch.maximum(total, new)

    def shown(self, total, layer, state, lengths):
        assert total is not None
        return torch.where(lengths[:, None] > 0, total, 0.0)


class EachStep(Readout):
    """Every step by itself, for a task that answers at each."""

    name = "each step"
    each_step = True

    def read(self, total, y, start, lengths):
        return y if total is None else torch.cat([total, y])

    def shown(self, total, layer, state, lengths):
        """`(T, B, width)`."""
        assert total is not None
        return total


READOUTS: dict[str, Readout] = {r.name: r for r in (Last(), Mean(), Max(), EachStep())}


def readout(pooling: str | None, each_step: bool) -> Readout:
    """The readout of a name, for a task that answers at each step or once for each sequence.

    None is `"each step"` for the first and `"last"` for the second.

    **Raises:** `OptionError` for another name, or one of the other kind.
    """
    if pooling is None:
        pooling = "each step" if each_step else "last"
    names = [name for name, r in READOUTS.items() if r.each_step == each_step]
    if pooling not in names:
        why = "at each step" if each_step else "once for each sequence"
        raise OptionError(
            f"`Model`: pooling is {pooling!r}; expected one of {', '.join(map(repr, names))} "
            f"because its task answers {why}."
        )
    return READOUTS[pooling]
