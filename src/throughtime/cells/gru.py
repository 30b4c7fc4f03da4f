"""The gated recurrent unit, in both forms."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from throughtime.cells.cell import Cell, activation, checked_options
from throughtime.errors import OptionError
from throughtime.program import affine


@checked_options
@dataclass(frozen=True)
class GRU(Cell):
    r"""$h_t = (1 - \text{update}) \odot h_{t-1} + \text{update} \odot \text{candidate}$.

    Here `update` writes; in torch and ONNX the gate z = 1 - update keeps.

    **Arguments:**

    - `reset`: `"before"`: the reset gate is applied before the product, candidate
      $= \tanh(W [\text{reset} \odot h_{t-1}, x_t] + b)$ (Cho et al. 2014, arXiv 1406.1078v3);
      `"after"`: after it, $\tanh(W_x x_t + b_x + \text{reset} \odot (W_h h_{t-1} + b_h))$,
      as cuDNN and torch.
    - `bias`: whether the affine maps have one.
    - `activation`, `gate`: the functions in place of tanh and the sigmoid.
    """

    reset: Literal["before", "after"] = "before"
    bias: bool = True
    activation: str | Callable[..., Any] = "tanh"
    gate: str | Callable[..., Any] = "sigmoid"

    states = ("h",)

    def __post_init__(self):
        if self.reset not in ("before", "after"):
            raise OptionError(
                f'`GRU`: reset is {self.reset!r}; expected "before" (arXiv 1406.1078v3) or '
                '"after" (cuDNN, torch). Choose one of the two.'
            )

    def step(self, x, h):
        a, gate = activation(self.activation), activation(self.gate)
        update = gate(affine("update", h, x, bias=self.bias))
        reset = gate(affine("reset", h, x, bias=self.bias))
        if self.reset == "before":
            candidate = a(affine("candidate", reset * h, x, bias=self.bias))
        else:
            heard = affine("candidate", x, bias=self.bias)
            candidate = a(heard + reset * affine("remembered", h, bias=self.bias))
        return (1 - update) * h + update * candidate
