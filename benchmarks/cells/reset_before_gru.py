"""A GRU whose reset gate comes before the product: two products in a row in every step."""

from torch import sigmoid, tanh

from throughtime import Cell, affine


class ResetBeforeGRU(Cell):
    """Cho et al. 2014, arXiv 1406.1078v3; to be timed beside `GRU(reset="after")`."""

    states = ("h",)

    def step(self, x, h):
        update = sigmoid(affine("update", h, x))
        reset = sigmoid(affine("reset", h, x))
        candidate = tanh(affine("candidate", reset * h, x))
        return (1 - update) * h + update * candidate
