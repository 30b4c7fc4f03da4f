"""An LSTM whose gates also see the cell."""

from torch import sigmoid, tanh

from throughtime import Cell, affine, parameter


class PeepholeLSTM(Cell):
    """Gers and Schmidhuber 2000, doi 10.1109/IJCNN.2000.861302."""

    states = ("h", "C")

    def step(self, x, h, C):
        keep = sigmoid(affine("keep", h, x) + parameter("keep_peephole") * C)
        write = sigmoid(affine("write", h, x) + parameter("write_peephole") * C)
        C = keep * C + write * tanh(affine("candidate", h, x))
        read = sigmoid(affine("read", h, x) + parameter("read_peephole") * C)
        return read * tanh(C), C
