"""Long short-term memory."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from throughtime.cells.cell import Cell, activation, checked_options
from throughtime.cells.normalisation import layer_norm
from throughtime.program import Chrono, Negative, affine, parameter


@checked_options
@dataclass(frozen=True)
class LSTM(Cell):
    r"""A memory cell $C$ that gates keep, write to and read from.

    $$
    \begin{aligned}
    C_t &= \text{keep} \odot C_{t-1} + \text{write} \odot \tanh(W_c [h_{t-1}, x_t] + b_c) \\
    h_t &= \text{read} \odot \tanh(C_t), \quad
    \text{gate} = \sigma(W [h_{t-1}, x_t] + b)
    \end{aligned}
    $$

    **Arguments:**

    - `peephole`: the gates also see the cell: keep and write see $C_{t-1}$, read sees $C_t$
      (Gers and Schmidhuber 2000, doi 10.1109/IJCNN.2000.861302).
    - `layer_norm`: each gate, the candidate and the cell where it is read are normalised
      over their units (after Ba et al. 2016, arXiv 1607.06450, which normalises the gates
      together); the biases are then the shifts.
    - `projection`: width of the output, a linear map of read * tanh(C)
      (Sak et al. 2014, arXiv 1402.1128).
    - `keep_bias`: where the bias of the keep gate starts (1: Jozefowicz et al. 2015); or
      `Chrono(steps)`, which also starts the write gate at its negative (arXiv 1804.11188).
    - `bias`: whether the gates have one.
    - `activation`, `gate`: the functions in place of tanh and the sigmoid.

    Hochreiter and Schmidhuber 1997, doi 10.1162/neco.1997.9.8.1735; with the keep gate of
    Gers et al. 2000, doi 10.1162/089976600300015015.
    """

    peephole: bool = False
    layer_norm: bool = False
    projection: int | None = None
    keep_bias: float | Chrono = 1.0
    bias: bool = True
    activation: str | Callable[..., Any] = "tanh"
    gate: str | Callable[..., Any] = "sigmoid"

    @property
    def states(self):
        return {"h": self.projection, "C": None}

    def step(self, x, h, C):
        a, gate = activation(self.activation), activation(self.gate)
        write_bias = "uniform"
        if isinstance(self.keep_bias, Chrono):
            write_bias = Negative("keep_shift" if self.layer_norm else "keep_bias")

        keep = gate(self._map("keep", h, x, seen=C, bias_init=self.keep_bias))
        write = gate(self._map("write", h, x, seen=C, bias_init=write_bias))
        candidate = a(self._map("candidate", h, x))
        C = keep * C + write * candidate
        read = gate(self._map("read", h, x, seen=C))
        h = read * a(layer_norm("cell", C) if self.layer_norm else C)
        return (h if self.projection is None else self._project(h)), C

    def _map(self, name, *operands, seen=None, bias_init: Any = "uniform"):
        """The pre-activation of a gate; `seen` is the cell that a peephole looks at."""
        bias = self.bias and not self.layer_norm
        z = affine(name, *operands, bias=bias, bias_init=bias_init)
        if self.peephole and seen is not None:
            z = z + parameter(f"{name}_peephole") * seen
        if self.layer_norm:
            z = layer_norm(name, z, shift=0.0 if bias_init == "uniform" else bias_init)
        return z

    def _project(self, h):
        return affine("projection", h, size=self.projection, bias=False)
