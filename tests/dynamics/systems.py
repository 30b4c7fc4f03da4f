"""Networks and maps whose behaviour is known."""

import math

import torch
from torch import Tensor

from throughtime import RNN, Cell, LeakyRNN, Recurrent, affine
from throughtime.dynamics import Map


def network(weight, bias=None, *, activation="tanh", inputs=1, write=None) -> Recurrent:
    """h_t = a(W h_{t-1} + V x_t + b) with given weights."""
    weight = torch.as_tensor(weight, dtype=torch.float64)
    layer = Recurrent(RNN(activation), inputs, len(weight), dtype=torch.float64)
    direction = layer.directions[0][0]
    with torch.no_grad():
        direction.transition_h.copy_(weight)
        direction.transition_x.zero_()
        direction.transition_bias.zero_()
        if bias is not None:
            direction.transition_bias.copy_(torch.as_tensor(bias))
        if write is not None:
            direction.transition_x.copy_(torch.as_tensor(write))
    return layer


def rotation(angle: float, gain: float = 1.0) -> Tensor:
    """The matrix that turns two units by an angle."""
    c, s = math.cos(angle), math.sin(angle)
    return gain * torch.tensor([[c, -s], [s, c]], dtype=torch.float64)


def flip_flop_by_hand(bits: int, w: float = 2.0) -> Recurrent:
    """Units that each keep the sign of the last pulse, and know nothing of each other."""
    eye = torch.eye(bits, dtype=torch.float64)
    return network(w * eye, inputs=bits, write=4 * eye)


class Logistic(Map):
    """s -> r s (1 - s)."""

    size = 1

    def __init__(self, r: float) -> None:
        self.r = r

    def step(self, s: Tensor) -> Tensor:
        return self.r * s * (1 - s)

    def jacobian(self, s: Tensor) -> Tensor:
        return (self.r * (1 - 2 * s))[..., None]


class LogisticCell(Cell):
    """The same as equations of a cell, r being the input."""

    states = ("h",)

    def step(self, x, h):
        return x * h * (1 - h)


class LeakyPair(Cell):
    """Two states of two widths, one of which only fades."""

    states = {"h": None, "trace": 2}

    def step(self, x, h, trace):
        seen = affine("seen", h, x, size=2)
        return torch.tanh(affine("move", h, x, trace)), 0.9 * trace + 0.1 * seen


LEAKY = LeakyRNN(0.3, activation="tanh")
