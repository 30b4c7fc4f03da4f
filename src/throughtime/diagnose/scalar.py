"""One unit in closed form: h_t = a_s(v h_{t-1} + w x_t), y_t = a_o(u h_t)."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from throughtime.errors import OptionError, ShapeError

ACTIVATIONS = ("tanh", "sigmoid", "relu", "linear")


class Replica(NamedTuple):
    """Derivatives for the replicas k = 0 ... t-1 steps back from the last step, `(t,)` each.

    - `factor`: a_s'(z) v at each step back: whether the product of these vanishes or explodes
      depends on their size, not on that of the slope alone.
    - `slope`: a_s'(z).
    - `closed`: the derivative for each replica of w, by the formula; `autograd`: by autograd, of
      a network with t copies of w.
    """

    factor: Tensor
    slope: Tensor
    closed: Tensor
    autograd: Tensor

    def __repr__(self) -> str:
        t, apart = len(self.closed), (self.closed - self.autograd).abs().max()
        return (
            f"Replica({t} replicas; closed form and autograd differ by {float(apart):.1g} at most)"
        )


@dataclass(frozen=True)
class Scalar:
    """The model for weights v, w, u, with h_0 = 0 and the loss e = y_t at the last step.

    The derivative for the replica of w at t-k is

    a_o'(u h_t) u  *  prod_{d=0}^{k-1} [a_s'(z_{t-d}) v]  *  a_s'(z_{t-k}) x_{t-k},

    with z_t = v h_{t-1} + w x_t. The last input is the one that the replica met.

    **Arguments:** `activation`, `output`: a_s and a_o: tanh, sigmoid, relu or linear.

    **Raises:** `OptionError` for another.
    """

    v: float
    w: float = 1.0
    u: float = 1.0
    activation: str = "tanh"
    output: str = "linear"

    def __post_init__(self) -> None:
        for name in ("activation", "output"):
            if getattr(self, name) not in ACTIVATIONS:
                raise OptionError(
                    f"`Scalar`: {name} is {getattr(self, name)!r}; expected one of "
                    f"{', '.join(ACTIVATIONS)}. Choose one of these."
                )

    def states(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z and h at each step of `x (t,)`, `(t,)` each, float64."""
        h, zs, hs = x.new_zeros((), dtype=torch.float64), [], []
        for value in x.double():
            zs.append(self.v * h + self.w * value)
            h = _value(self.activation, zs[-1])
            hs.append(h)
        return torch.stack(zs), torch.stack(hs)

    def replicas(self, x: Tensor) -> Replica:
        """The derivative of the last output for each replica of w, two ways.

        **Raises:** `ShapeError` unless x is `(t,)` with a step at least.
        """
        if x.dim() != 1 or not len(x):
            raise ShapeError(
                f"`Scalar.replicas`: x has shape {tuple(x.shape)}; expected (t,) with 1 step or "
                "more. Give one number a step."
            )
        z, h = self.states(x)
        slope = _slope(self.activation, z)
        factor = slope * self.v
        leading = _slope(self.output, self.u * h[-1]) * self.u
        back = torch.cat([torch.ones_like(factor[:1]), factor.flip(0)[:-1]]).cumprod(0)
        closed = leading * back * slope.flip(0) * x.double().flip(0)

        copies = [torch.tensor(self.w, dtype=torch.float64, requires_grad=True) for _ in x]
        state = x.new_zeros((), dtype=torch.float64)
        with torch.enable_grad():
            for copy, value in zip(copies, x.double(), strict=True):
                state = _value(self.activation, self.v * state + copy * value)
            y = _value(self.output, self.u * state)
            of_copies = torch.autograd.grad(y, copies)
        return Replica(factor.flip(0), slope.flip(0), closed, torch.stack(of_copies).flip(0))


def _value(name: str, z: Tensor) -> Tensor:
    return z if name == "linear" else getattr(torch, name)(z)


def _slope(name: str, z: Tensor) -> Tensor:
    if name == "linear":
        return torch.ones_like(z)
    if name == "relu":
        return (z > 0).to(z.dtype)
    y = _value(name, z)
    return 1 - y * y if name == "tanh" else y * (1 - y)
