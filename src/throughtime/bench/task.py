"""What is timed, and the numbers that every contestant is given."""

from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn

from throughtime.bench.shapes import Shape
from throughtime.cells import Cell
from throughtime.layers import Recurrent

TORCH_CELLS = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}
"""The layers that the other libraries have too, by what stands for them in `Task.cell`."""


def label(cell: str | Cell) -> str:
    """A cell as a table names it: its class, with the options that are not the usual ones."""
    if isinstance(cell, str):
        return cell
    options = fields(cell) if is_dataclass(cell) else ()
    given = [(f.name, getattr(cell, f.name)) for f in options if getattr(cell, f.name) != f.default]
    listed = ", ".join(f"{name}={value!r}" for name, value in given)
    return type(cell).__name__ + (f"({listed})" if listed else "")


@dataclass(frozen=True)
class Task:
    """One layer, or several, over one batch.

    - `cell`: `"lstm"`, `"gru"` or `"rnn"` with torch's equations, or any cell of one's own.
    - `training`: forward and the gradients of all parameters; forward alone else.
    - `ragged`: lengths of 1 to T, longest first; all T else.
    - `beside`: for a cell of one's own, another cell that is timed at the same shape.
    """

    cell: str | Cell
    shape: Shape
    training: bool = False
    layers: int = 1
    both: bool = False
    ragged: bool = False
    dtype: torch.dtype = torch.float32
    beside: Cell | None = None
    seed: int = 0

    def module(
        self, cell: Cell | None = None, *, library: Any = nn, engine: str | None = None
    ) -> nn.Module:
        """The layers, with the weights of the seed: of torch.nn or its like, or `Recurrent`.

        Of the task's own cell, or of `cell`.
        """
        chosen, sizes = cell or self.cell, self.shape[2:]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            if isinstance(chosen, str):
                layer = getattr(library, TORCH_CELLS[chosen])
                made = layer(*sizes, num_layers=self.layers, bidirectional=self.both)
            else:
                direction = "both" if self.both else "forward"
                made = Recurrent(
                    chosen, *sizes, layers=self.layers, direction=direction, engine=engine,
                    initial_state="zeros",
                )  # fmt: skip
        return made.to(self.dtype).eval()  # masks and noise are their means


@dataclass(frozen=True)
class Material:
    """Drawn once for a task, from its seed; the same numbers in every dtype.

    - `x`: `(T, B, I)`. `dy`: the gradient at the output, `(T, B, width)`, 0 past a length.
    - `lengths`: int64 `(B,)`, or None.
    - `weights`: by torch's names, or by those of `Recurrent`.
    """

    x: Tensor
    dy: Tensor
    lengths: Tensor | None
    weights: dict[str, Tensor]


def draw(task: Task) -> Material:
    """What the contestants of a task are given."""
    T, B, inputs, hidden = task.shape
    generator = torch.Generator().manual_seed(task.seed)
    module = task.module()
    directions = 2 if task.both else 1
    width = module.output_size if isinstance(module, Recurrent) else directions * hidden
    x, dy = (torch.randn(T, B, w, generator=generator) for w in (inputs, width))
    lengths = None
    if task.ragged:
        lengths = torch.randint(1, T + 1, (B,), generator=generator)
        lengths[0] = T
        lengths = lengths.sort(descending=True).values
        dy *= torch.arange(T)[:, None, None] < lengths[None, :, None]
    return Material(x.to(task.dtype), dy.to(task.dtype), lengths, module.state_dict())


def operations(task: Task, material: Material, cell: Cell | None = None) -> int:
    """Multiplications and additions in the matrix products of one pass; of `cell` if given.

    Training adds the gradient of every weight and of every operand but the input itself.
    """
    steps = task.shape.T * task.shape.B
    if material.lengths is not None:
        steps = int(material.lengths.sum())
    module = task.module(cell)
    total = sum(p.numel() for p in module.parameters() if p.dim() == 2)
    if not task.training:
        return 2 * steps * total
    return 2 * steps * (3 * total - _of_input(module))


def _of_input(module: nn.Module) -> int:
    """Elements of the weights that meet the input of the first layer."""
    if not isinstance(module, Recurrent):
        return sum(p.numel() for n, p in module.named_parameters() if "weight_ih_l0" in n)
    names = set()
    for direction in module.directions[0]:
        program = direction.program
        for i in program.affines:
            node = program.nodes[i]
            pairs = zip(node.args, node.attributes["weights"], strict=True)
            names |= {weight for arg, weight in pairs if arg in program.find("input")}
    return sum(
        getattr(direction, name).numel() for direction in module.directions[0] for name in names
    )
