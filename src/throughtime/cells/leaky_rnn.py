"""The continuous-time RNN of neuroscience."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.nn.utils.parametrize import register_parametrization

from throughtime.cells import connections
from throughtime.cells.cell import Cell, activation, checked_options, no_sizes
from throughtime.errors import OptionError
from throughtime.program import Balanced, affine, noise


@checked_options
@dataclass(frozen=True)
class LeakyRNN(Cell):
    r"""Euler's method on $\tau \dot h = -h + a(W_h h + W_x x + b + \text{noise})$.

    $h_t = (1 - \alpha) h_{t-1} + \alpha\, a(W_h h_{t-1} + W_x x_t + b + \sqrt{2/\alpha}\,
    \sigma\, \xi_t)$ with $\alpha = \Delta t / \tau$ and $\xi_t \sim N(0, 1)$.

    With excitatory and inhibitory units $W_h$ has one sign in each column: $W_{h,ij} = s_j
    |V_{ij}|$, where $V$ is learned and $s_j$ is 1 or -1, the sign of what unit $j$ sends; see
    `Connections`.

    **Arguments:**

    - `alpha`: the step size over the time constant, in (0, 1].
    - `noise`: $\sigma$; drawn anew at each step in training mode, 0 in eval mode.
    - `activation`: by name or as a function.
    - `recurrent_init`: how the weight of $h$ starts; unless given orthogonal, or with one of the
      options that follow `Balanced(spectral_radius)` of `throughtime.program`.
    - `excitatory`: the share of the units, the first ones, that excite; the others inhibit.
    - `density`: the share of the recurrent connections that exist, drawn when a layer is made.
    - `self_connections`: whether units may be connected to themselves.
    - `spectral_radius`: the largest modulus of an eigenvalue of the weight of $h$ at the start;
      unless given 1.5 with `excitatory` and else 1.1, as the code of Song et al. has it.

    Yang et al. 2019, Task representations in neural networks trained to perform many
    cognitive tasks, doi 10.1038/s41593-018-0310-2, eq. 8. Song, Yang and Wang 2016, Training
    excitatory-inhibitory recurrent neural networks for cognitive tasks,
    doi 10.1371/journal.pcbi.1004792.
    """

    alpha: float = 0.2
    noise: float = 0.0
    activation: str | Callable[..., Any] = "relu"
    recurrent_init: Any = None
    excitatory: float | None = None
    density: float = 1.0
    self_connections: bool = True
    spectral_radius: float | None = None

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
        connections.check("LeakyRNN", self.excitatory, self.density, self.spectral_radius)
        if self.spectral_radius is not None and self.recurrent_init is not None:
            raise OptionError(
                "`LeakyRNN`: recurrent_init and spectral_radius are given; expected one of the "
                "two, because both say how the weight of h starts. Leave one out."
            )

    def step(self, x, h):
        drive = affine("transition", h, x, init={"h": self._recurrent_init()})
        if self.noise:
            drive = drive + math.sqrt(2 / self.alpha) * self.noise * noise()
        return (1 - self.alpha) * h + self.alpha * activation(self.activation)(drive)

    def constrain(self, layer: nn.Module) -> None:
        those = connections.drawn(
            getattr(layer, "transition_h"),  # noqa: B009
            excitatory=self.excitatory,
            density=self.density,
            self_connections=self.self_connections,
        )
        if those is not None:
            register_parametrization(layer, "transition_h", those)

    def _recurrent_init(self) -> Any:
        if self.recurrent_init is not None:
            return self.recurrent_init
        if self.spectral_radius is not None:
            return Balanced(self.spectral_radius)
        if self.excitatory is not None:
            return Balanced(1.5)
        restricted = self.density < 1 or not self.self_connections
        return Balanced(1.1) if restricted else "orthogonal"
