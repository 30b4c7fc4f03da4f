"""The equations of the built-in LSTM, copied: a user's file costs nothing."""

from torch import sigmoid, tanh

from throughtime import Cell, affine


class CopiedLSTM(Cell):
    """Line for line what `throughtime.LSTM` computes."""

    states = ("h", "C")

    def step(self, x, h, C):
        keep = sigmoid(affine("keep", h, x))
        write = sigmoid(affine("write", h, x))
        candidate = tanh(affine("candidate", h, x))
        C = keep * C + write * candidate
        read = sigmoid(affine("read", h, x))
        return read * tanh(C), C
