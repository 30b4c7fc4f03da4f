"""An LSTM whose gates, candidate and cell are normalised over their units."""

from torch import sigmoid, tanh

from throughtime import Cell, affine, layer_norm


class LayerNormalisedLSTM(Cell):
    """After Ba, Kiros and Hinton 2016, arXiv 1607.06450."""

    states = ("h", "C")

    def step(self, x, h, C):
        keep = sigmoid(layer_norm("keep", affine("keep", h, x, bias=False)))
        write = sigmoid(layer_norm("write", affine("write", h, x, bias=False)))
        candidate = tanh(layer_norm("candidate", affine("candidate", h, x, bias=False)))
        C = keep * C + write * candidate
        read = sigmoid(layer_norm("read", affine("read", h, x, bias=False)))
        return read * tanh(layer_norm("cell", C)), C
