"""A recurrent network whose transition is itself a network of two inner layers."""

from torch import tanh

from throughtime import Cell, affine


class FeedForward(Cell):
    """Pascanu et al. 2014, arXiv 1312.6026; to be timed beside `RNN`, for each operation."""

    states = ("h",)

    def step(self, x, h):
        inner = tanh(affine("inner", h, x))
        inner = tanh(affine("deeper", inner))
        return tanh(affine("transition", inner))
