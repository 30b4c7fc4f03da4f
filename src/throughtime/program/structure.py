"""What a program consists of, and what follows from that alone.

Checking, scheduling and printing read this and no more, so that a `Program` can offer them.
"""

import functools
from dataclasses import dataclass, field

from throughtime.program.graph import Node
from throughtime.program.parameters import Parameter


@dataclass(frozen=True, eq=False)
class Structure:
    """What a program consists of: one step of a cell, or the step backward of one.

    - `nodes`: in order of evaluation, see `graph.py`.
    - `outputs`: name to node. A cell: the new value of each state, the cell's output first.
      An adjoint: see `adjoint.py`.
    - `states`: name to width, in the order of the cell.
    - `parameters`: name to shape and initialiser; the operand k of the affine map `keep` has
      the weight `keep_<operand>`, its bias is `keep_bias`.
    """

    cell: str
    input_size: int
    hidden_size: int
    nodes: tuple[Node, ...]
    outputs: dict[str, int]
    states: dict[str, int]
    parameters: dict[str, Parameter] = field(default_factory=dict)

    def find(self, op: str) -> list[int]:
        """The nodes of one kind, in order."""
        return [i for i, node in enumerate(self.nodes) if node.op == op]

    @functools.cached_property
    def affines(self) -> tuple[int, ...]:
        """The affine maps in the order of the cell: the order of their packed columns."""
        return tuple(self.find("affine"))

    @functools.cached_property
    def columns(self) -> dict[str, slice]:
        """The columns of each affine map, by its name, in a packed gradient `dz`."""
        columns, column = {}, 0
        for a in self.affines:
            node = self.nodes[a]
            columns[node.attributes["name"]] = slice(column, column + node.width)
            column += node.width
        return columns

    @functools.cached_property
    def affine_width(self) -> int:
        """The summed size of all affine maps: the columns of a packed gradient `dz`."""
        return sum(self.nodes[a].width for a in self.affines)

    @functools.cached_property
    def vectors(self) -> tuple[str, ...]:
        """The names of the parameters that are vectors, in order."""
        return tuple(self.nodes[i].attributes["name"] for i in self.find("parameter"))

    @functools.cached_property
    def randoms(self) -> tuple[Node, ...]:
        """Its noise and masks, in the order in which an engine is given them."""
        return tuple(self.nodes[i] for i in self.find("random"))

    @property
    def output(self) -> str:
        """The state that is the output of the cell."""
        return next(iter(self.states))
