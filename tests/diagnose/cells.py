"""Cells that are not built in."""

from torch import sigmoid, tanh

from throughtime import Cell, affine, parameter


class Linear(Cell):
    """h_t = W h_{t-1} + U x_t."""

    states = ("h",)

    def step(self, x, h):
        return affine("map", h, x, bias=False)


class Own(Cell):
    """Two states of two widths, a vector, and a gate that is not called one."""

    states = {"h": None, "m": 2}

    def step(self, x, h, m):
        door = sigmoid(affine("door", h, x, m, size=2))
        m = door * m + (1 - door) * tanh(affine("in", h, x, size=2))
        return tanh(affine("out", m, x) + parameter("own") * h), m
