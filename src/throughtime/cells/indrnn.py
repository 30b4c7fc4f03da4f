"""The independently recurrent network: each unit sees only itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from throughtime.cells.cell import Cell, activation, checked_options
from throughtime.program import Range, affine, parameter


@checked_options
@dataclass(frozen=True)
class IndRNN(Cell):
    r"""$h_t = a(W x_t + u \odot h_{t-1} + b)$ with a vector $u$.

    **Arguments:** `activation`: by name or as a function.

    Li et al. 2018, Independently recurrent neural network, arXiv 1803.04831; u starts
    uniform in [0, 1], as there.
    """

    activation: str | Callable[..., Any] = "relu"

    states = ("h",)

    def step(self, x, h):
        u = parameter("recurrent", init=Range(0.0, 1.0))
        return activation(self.activation)(affine("transition", x) + u * h)
