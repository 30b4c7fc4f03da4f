"""The continuous-time RNN of neuroscience."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from throughtime.cells.cell import Cell, activation, checked_options, no_sizes
from throughtime.errors import OptionError
from throughtime.program import affine, noise


@checked_options
@dataclass(frozen=True)
class LeakyRNN(Cell):
    r"""Euler's method on $\tau \dot h = -h + a(W_h h + W_x x + b + \text{noise})$.

    $h_t = (1 - \alpha) h_{t-1} + \alpha\, a(W_h h_{t-1} + W_x x_t + b + \sqrt{2/\alpha}\,
    \sigma\, \xi_t)$ with $\alpha = \Delta t / \tau$ and $\xi_t \sim N(0, 1)$.

    **Arguments:**

    - `alpha`: the step size over the time constant, in (0, 1].
    - `noise`: $\sigma$; drawn anew at each step in training mode, 0 in eval mode.
    - `activation`: by name or as a function.
    - `recurrent_init`: how the weight of $h$ starts.

    Yang et al. 2019, Task representations in neural networks trained to perform many
    cognitive tasks, doi 10.1038/s41593-018-0310-2, eq. 8.
    """

    alpha: float = 0.2
    noise: float = 0.0
    activation: str | Callable[..., Any] = "relu"
    recurrent_init: Any = "orthogonal"

    states = ("h",)

    def __post_init__(self):
        if not 0 < self.alpha <= 1:
            raise OptionError(
                f"`LeakyRNN`: alpha is {self.alpha}; expected a number in (0, 1]. "
                "It is the time step divided by the time constant: make the step smaller. "
                + no_sizes("LeakyRNN")
            )
        if not self.noise >= 0:
            raise OptionError(
                f"`LeakyRNN`: noise is {self.noise}; expected a standard deviation, 0 or more."
            )

    def step(self, x, h):
        drive = affine("transition", h, x, init={"h": self.recurrent_init})
        if self.noise:
            drive = drive + math.sqrt(2 / self.alpha) * self.noise * noise()
        return (1 - self.alpha) * h + self.alpha * activation(self.activation)(drive)
