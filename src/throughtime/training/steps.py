"""What the recurrent layers are given at each of their steps, of the steps of a sequence."""

import torch
from torch import Tensor, nn

from throughtime.errors import OptionError


class Steps(nn.Module):
    """From encoded steps `(T, B, I)` to those of the recurrent layers `(ceil(T / n), B, width)`.

    **Arguments:**

    - `size`: I, the columns of an encoded step.
    - `differences`: whether beside each column stands how much it has changed since the step
      before, in units of the spread of these changes in the training part; 0 at the first step.
    - `at_once`: n, how many steps are read as one, side by side; where the last of them are past
      the end of a sequence they are 0.
    - `noise`: the standard deviation of the normal noise on every number, in training only.

    **Raises:** `OptionError` for a number out of its range.
    """

    spread: Tensor

    def __init__(
        self, size: int, *, differences: bool = False, at_once: int = 1, noise: float = 0.0
    ) -> None:
        super().__init__()
        if at_once < 1:
            raise OptionError(
                f"`Model`: at_once is {at_once}; expected a whole number, 1 or more, because it "
                "counts the steps that are read as one. Set 1 to read each by itself."
            )
        if not 0 <= noise < float("inf"):
            raise OptionError(
                f"`Model`: noise is {noise}; expected a number, 0 or more, because it is a "
                "standard deviation. Set 0 for none."
            )
        self.differences, self.at_once, self.noise = differences, at_once, noise
        self.width = width(size, differences=differences, at_once=at_once)
        if differences:
            self.register_buffer("spread", torch.ones(size))

    def lengths(self, lengths: Tensor) -> Tensor:
        """How many steps of the recurrent layers sequences have, from how many they have."""
        return -(-lengths // self.at_once)

    def forward(self, y: Tensor, lengths: Tensor, mask: Tensor | None = None) -> Tensor:
        """The steps of the recurrent layers; what is past the end of a sequence is not read.

        `mask`: `(T, B)`, true where a step is real; changes are then since the last real one.
        """
        if self.differences:
            y = torch.cat([y, changes(y, mask) / self.spread], -1)
        if self.training and self.noise:
            y = y + self.noise * torch.randn_like(y)
        if self.at_once == 1:
            return y
        real = torch.arange(len(y), device=y.device)[:, None] < lengths
        y = torch.where(real[..., None], y, 0.0)
        steps = -(-len(y) // self.at_once)
        y = nn.functional.pad(y, (0, 0, 0, 0, 0, steps * self.at_once - len(y)))
        return y.unflatten(0, (steps, self.at_once)).transpose(1, 2).flatten(2)

    def extra_repr(self) -> str:
        return f"differences={self.differences}, at_once={self.at_once}, noise={self.noise}"


def width(size: int, *, differences: bool, at_once: int) -> int:
    """The columns of a step of the recurrent layers, for `size` columns of an encoded step."""
    return size * (2 if differences else 1) * at_once


def changes(y: Tensor, mask: Tensor | None = None) -> Tensor:
    """How much each column has changed since the step before, `(T, B, I)`; 0 at the first step.

    `mask`: `(T, B)`, true where a step is real: the step before is then the last real one.
    """
    if mask is None:
        return torch.cat([torch.zeros_like(y[:1]), y[1:] - y[:-1]])
    steps = torch.arange(len(y), device=y.device)[:, None]
    last = torch.where(mask, steps, -1).cummax(0).values  # (T, B), with the step itself
    before = torch.cat([torch.full_like(last[:1], -1), last[:-1]])
    earlier = y.gather(0, before.clamp(min=0)[..., None].expand_as(y))
    return torch.where((before >= 0)[..., None], y - earlier, 0.0)
