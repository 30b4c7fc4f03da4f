"""The simple recurrent network, with any network as its transition."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from throughtime.cells.cell import Cell, activation, checked_options
from throughtime.program import affine


@checked_options
@dataclass(frozen=True)
class RNN(Cell):
    r"""$h_t = a(W_h h_{t-1} + W_x x_t + b)$, or a deeper transition.

    **Arguments:**

    - `activation`: by name or as a function; it is also that of the inner layers.
    - `hidden`: sizes of the inner layers of the transition; none gives the network above.
      `hidden=(64, 64)` makes $f$ a feed-forward network of two inner layers
      (Pascanu et al. 2014, How to construct deep recurrent neural networks, arXiv 1312.6026).
    - `bias`: whether the affine maps have one.
    - `recurrent_init`: how the weight of $h$ starts: `"uniform"`, `"orthogonal"`,
      `"identity"` (with ReLU: Le et al. 2015, arXiv 1504.00941), or another initialiser.

    Elman, Finding structure in time, 1990, doi 10.1207/s15516709cog1402_1.
    """

    activation: str | Callable[..., Any] = "tanh"
    hidden: tuple[int, ...] = ()
    bias: bool = True
    recurrent_init: Any = "uniform"

    states = ("h",)

    def step(self, x, h):
        a = activation(self.activation)
        operands, init = (h, x), {"h": self.recurrent_init}
        for k, size in enumerate(self.hidden):
            inner = affine(f"inner{k}", *operands, size=size, bias=self.bias, init=init)
            operands, init = (a(inner),), {}
        return a(affine("transition", *operands, bias=self.bias, init=init))
