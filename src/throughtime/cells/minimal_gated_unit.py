"""The minimal gated unit: one gate."""

from dataclasses import dataclass

from torch import sigmoid, tanh

from throughtime.cells.cell import Cell, checked_options
from throughtime.program import affine


@checked_options
@dataclass(frozen=True)
class MinimalGatedUnit(Cell):
    r"""One gate both forgets and writes.

    $h_t = (1 - f) \odot h_{t-1} + f \odot \tanh(W [f \odot h_{t-1}, x_t] + b)$,
    $f = \sigma(W_f [h_{t-1}, x_t] + b_f)$.

    Zhou et al. 2016, Minimal gated unit for recurrent neural networks, arXiv 1603.09420.
    """

    states = ("h",)

    def step(self, x, h):
        f = sigmoid(affine("gate", h, x))
        return (1 - f) * h + f * tanh(affine("candidate", f * h, x))
