"""A program: the equations of a cell as data, saved with the weights."""

import functools
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from throughtime.errors import RunError
from throughtime.program.graph import Graph, Node, ancestors
from throughtime.program.parameters import Parameter, from_data, to_data

FORMAT = 1


@dataclass(frozen=True)
class Program:
    """One step of a cell, or the step backward of one.

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

    def __hash__(self) -> int:
        return id(self)

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
        found, column = {}, 0
        for a in self.affines:
            node = self.nodes[a]
            found[node.attributes["name"]] = slice(column, column + node.width)
            column += node.width
        return found

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

    def __str__(self) -> str:
        from throughtime.program.show import show

        return show(self)

    @functools.cached_property
    def json(self) -> str:
        """The program as one line of JSON; numbers survive exactly."""
        return json.dumps(
            {
                "format": FORMAT,
                "cell": self.cell,
                "input_size": self.input_size,
                "hidden_size": self.hidden_size,
                "nodes": [{k: v for k, v in asdict(n).items() if v} for n in self.nodes],
                "outputs": self.outputs,
                "states": self.states,
                "parameters": {
                    name: {"shape": p.shape, "init": to_data(p.init)}
                    for name, p in self.parameters.items()
                },
            },
            separators=(",", ":"),
        )

    @staticmethod
    def from_json(text: str) -> "Program":
        """The program that `json` wrote. **Raises:** `RunError` on what cannot be one."""
        from throughtime.program.check import check

        try:
            data = json.loads(text)
            if data["format"] != FORMAT:
                raise RunError(
                    f"program: format has {data['format']!r}; expected {FORMAT}. "
                    "Read it with the version of throughtime that wrote it."
                )
            nodes = tuple(
                Node(
                    n["op"],
                    tuple(n.get("args", ())),
                    n["width"],
                    {k: _frozen(v) for k, v in n.get("attributes", {}).items()},
                    n.get("name"),
                )
                for n in data["nodes"]
            )
            parameters = {
                name: Parameter(tuple(p["shape"]), from_data(p["init"]))
                for name, p in data["parameters"].items()
            }
            program = Program(
                data["cell"],
                data["input_size"],
                data["hidden_size"],
                nodes,
                data["outputs"],
                data["states"],
                parameters,
            )
            check(program)
            return program
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as e:
            if isinstance(e, RunError):
                raise
            raise RunError(
                f"program: the JSON is damaged ({type(e).__name__}: {e}); expected what "
                "`Program.json` wrote. Take it from the run folder again."
            ) from e


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


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
