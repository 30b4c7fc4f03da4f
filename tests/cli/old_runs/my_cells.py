from torch import sigmoid, tanh

from throughtime import Cell, affine, parameter


class Fading(Cell):
    """h fades towards tanh of a sum, at a rate of its own and a gate."""

    states = ("h",)

    def step(self, x, h):
        rate = sigmoid(parameter("rate"))
        gate = sigmoid(affine("gate", h, x))
        return rate * h + (1 - rate) * gate * tanh(affine("sum", h, x))
