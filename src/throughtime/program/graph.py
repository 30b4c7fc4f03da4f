"""A small graph of row operations: what the equations of a cell become.

Every node stands for one value of shape `(B, width)` at one time step. A node of width 1
broadcasts against any other. The same graph describes a cell (`trace.py`) and its
backward step (`adjoint.py`), and every engine runs it.

| op | meaning | attributes |
|---|---|---|
| `input` | x at this step | |
| `state` | a state before this step | `name` |
| `parameter` | a vector | `name` |
| `constant` | a number | `value` |
| `random` | noise or a mask | `name`, `distribution`, `probability`, `scope` |
| `affine` | W·stack(args) + b | `name`, `bias` |
| `mean`, `variance`, `sum` | over the units of a row: width 1 | `correction` (variance) |
| `expand` | a row of width 1, repeated | |
| `saved` | adjoint only: a forward value | `node` |
| `gradient` | adjoint only: what reaches a new state | `name` |
| `transposed` | adjoint only: the sum of Wᵀ·arg over the maps that see one row | `weights` |
| others | pointwise, see `pointwise.py` | as named there |
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

LEAVES = ("input", "state", "parameter", "constant", "random", "saved", "gradient")
REDUCTIONS = ("mean", "variance", "sum")
PRODUCTS = ("affine", "transposed")
# what a cell declares, which stays in its program whether anything uses it or not
DECLARED = ("input", "state", "parameter", "random", "affine")


@dataclass(frozen=True)
class Node:
    """One value of shape `(B, width)`; `args` are indices of earlier nodes."""

    op: str
    args: tuple[int, ...]
    width: int
    attributes: dict[str, Any] = field(default_factory=dict)
    name: str | None = None

    def key(self) -> tuple[Any, ...]:
        # repr, because 0.0 == -0.0 and 1 == 1.0 == True
        return self.op, self.args, self.width, repr(sorted(self.attributes.items()))


def ancestors(nodes: Sequence[Node], wanted: Iterable[int], known: Container[int] = ()) -> set[int]:
    """The nodes wanted and all that they are computed from; nothing above a node in `known`."""
    needed = {*wanted}
    for i in reversed(range(len(nodes))):
        if i in needed and i not in known:
            needed.update(nodes[i].args)
    return needed


class Graph:
    """Nodes in order of evaluation; a node that is already there is not added again."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._known: dict[tuple[Any, ...], int] = {}

    def add(self, op: str, args: Sequence[int] = (), width: int = 1, **attributes: Any) -> int:
        simpler = self._simplify(op, tuple(args), width)
        if simpler is not None:
            return simpler
        node = Node(op, tuple(args), width, attributes)
        if node.key() not in self._known:
            self._known[node.key()] = len(self.nodes)
            self.nodes.append(node)
        return self._known[node.key()]

    def constant(self, value: float) -> int:
        return self.add("constant", value=float(value))

    def declared(self) -> list[int]:
        """The nodes that the cell declares, see `DECLARED`."""
        return [i for i, node in enumerate(self.nodes) if node.op in DECLARED]

    def value(self, index: int) -> float | None:
        """The number a node stands for, if it is a constant, repeated or not."""
        node = self.nodes[index]
        if node.op == "expand":
            return self.value(node.args[0])
        return node.attributes["value"] if node.op == "constant" else None

    def _simplify(self, op: str, args: tuple[int, ...], width: int) -> int | None:
        """What can be left out without changing a result, nan and inf included."""
        values = [self.value(a) for a in args]
        if op in _FOLD and None not in values:
            folded = self.constant(_FOLD[op](*values))
            alone = all(self.nodes[a].op == "constant" for a in args)
            return folded if alone else self.add("expand", [folded], width)
        neutral = {"add": 0.0, "mul": 1.0}.get(op)
        for a, value in zip(args, reversed(values), strict=True) if neutral is not None else ():
            if value == neutral and self.nodes[a].width == width:
                return a
        if op in ("sub", "div") and values[1] == (0.0 if op == "sub" else 1.0):
            return args[0] if self.nodes[args[0]].width == width else None
        return None


_FOLD = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "neg": lambda a: -a,
}
