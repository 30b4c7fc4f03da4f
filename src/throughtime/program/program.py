"""A program: the equations of a cell as data, saved with the weights."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass

from throughtime.program import saved
from throughtime.program.check import check
from throughtime.program.graph import Graph, Node, ancestors
from throughtime.program.show import show
from throughtime.program.structure import Structure


@dataclass(frozen=True, eq=False)
class Program(Structure):
    """One step of a cell, or the step backward of one, that can be printed and saved.

    Its fields are those of `Structure`. A program is equal to itself only: whether two of them
    have the same equations, `a.json == b.json` says.
    """

    def __str__(self) -> str:
        return show(self)

    @functools.cached_property
    def json(self) -> str:
        """The program as one line of JSON; numbers survive exactly."""
        return saved.write(self)

    @staticmethod
    def from_json(text: str) -> "Program":
        """The program that `json` wrote. **Raises:** `RunError` on what cannot be one."""
        with saved.damage_is_an_error():
            program = Program(**saved.read(text))
            check(program)
            return program


def rebuild(program: Program, graph: Graph, outputs: dict[str, int], used: Iterable[int] = ()):
    """A program from a graph: nodes that no output needs are left out.

    Nodes in `used` stay whatever needs them. Affine maps, vectors and noise keep their order.
    """
    keep = ancestors(graph.nodes, [*outputs.values(), *used])
    order = {old: new for new, old in enumerate(sorted(keep))}
    nodes = tuple(
        Node(n.op, tuple(order[a] for a in n.args), n.width, n.attributes, n.name)
        for n in (graph.nodes[i] for i in sorted(keep))
    )
    return Program(
        program.cell,
        program.input_size,
        program.hidden_size,
        nodes,
        {name: order[i] for name, i in outputs.items()},
        program.states,
        program.parameters,
    ), order
