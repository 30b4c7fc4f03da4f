"""Which values of a program get an equation of their own, and what each value is called."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from throughtime.program import Program, schedule
from throughtime.program.graph import LEAVES, Node
from throughtime.program.pointwise import POINTWISE
from throughtime.report.svg import plain


@dataclass(frozen=True)
class Name:
    """A name with its subscripts: `keep_bias` is keep with the subscript bias, `inner0` is
    inner with 0. `time` is `"t"`, `"t-1"`, or `""` for what does not change with it; `primes`
    tell two of one name apart.
    """

    pieces: tuple[str, ...]
    time: str = ""
    primes: int = 0


class Names:
    """What the values of a cell's program are called in its equations.

    - `nodes`: those of the program, with what `expand` repeats in its place.
    - `of`: node to name, for each node that has one.
    - `parameters`: the weights and biases of the affine maps to their names, W and b.
    - `lines`: the equations in order: a name, and the node or the other name that it equals.
    - `draws`: the nodes that are noise or masks.
    """

    def __init__(self, program: Program) -> None:
        self.nodes = tuple(
            replace(n, args=tuple(_repeated(program.nodes, a) for a in n.args))
            for n in program.nodes
        )
        self.of: dict[int, Name] = {}
        self.parameters: dict[str, Name] = {}
        self.lines: list[tuple[Name, int | Name]] = []
        self.draws: list[int] = []
        self._taken: set[Name] = set()
        self._numbers = itertools.count(1)
        self._given = {i: "x" for i in program.find("input")}
        self._given |= {i: program.nodes[i].attributes["name"] for i in program.find("state")}
        self._timeless = schedule(program).timeless
        outputs: dict[int, list[str]] = {}
        for state, i in program.outputs.items():
            outputs.setdefault(_repeated(program.nodes, i), []).append(state)
        self._users = _users(self.nodes, outputs)
        self._name_what_is_given()
        for i in sorted(self._users):
            self._line(i, outputs.get(i, []))

    def _name_what_is_given(self) -> None:
        for i, text in self._given.items():  # first, so that another of this name gets a prime
            self.of[i] = self._name(text, "t" if text == "x" else "t-1")
        for i, node in enumerate(self.nodes):
            given = node.attributes
            if i not in self._users:
                continue
            if node.op == "parameter":
                self.of[i] = self._name(given["name"])
            elif node.op == "random":
                normal = given["distribution"] == "normal"
                text = "xi" if normal else given["name"].rstrip("0123456789")
                self.of[i] = self._name(node.name or text, self._time(i))
                self.draws.append(i)
            elif node.op == "affine":
                name, weights = given["name"], given["weights"]
                for w in weights:
                    self.parameters[w] = self._name(f"W_{name if len(weights) == 1 else w}")
                if given["bias"]:
                    self.parameters[f"{name}_bias"] = self._name(f"b_{name}")

    def _line(self, i: int, states: list[str]) -> None:
        node = self.nodes[i]
        for state in states:
            name = Name(_pieces(state), "t")
            self.lines.append((name, self.of.get(i, i)))
            self.of.setdefault(i, name)
        if i not in self.of and node.op not in LEAVES and self._deserves_a_line(i):
            name = self._name(node.name or self._suggested(i), self._time(i))
            self.lines.append((name, i))
            self.of[i] = name

    def _deserves_a_line(self, i: int) -> bool:
        """What the cell's author named, what stands in several places, and an operand of one
        affine map that holds another.
        """
        users = [self.nodes[k] for k in self._users[i]]
        operand = any(user.op == "affine" for user in users)
        return bool(self.nodes[i].name) or len(users) > 1 or (operand and bool(self._maps(i)))

    def _suggested(self, i: int) -> str:
        """A name where the author gave none: after the only thing that it is made of."""
        maps = self._maps(i)
        if len(maps) == 1:
            return maps.pop() if self._activates_a_map(i) else f"z_{maps.pop()}"
        given = {a for k in self._inlined(i) for a in self.nodes[k].args if a in self._given}
        if len(given) == 1 and not maps:  # a prime will tell the two apart
            return self._given[given.pop()]
        return f"v{next(self._numbers)}"

    def _activates_a_map(self, i: int) -> bool:
        node = self.nodes[i]
        while node.op in POINTWISE and len(node.args) == 1:
            node = self.nodes[node.args[0]]
        return node.op == "affine" and node is not self.nodes[i]

    def _maps(self, i: int) -> set[str]:
        inside = (self.nodes[k] for k in self._inlined(i))
        return {node.attributes["name"] for node in inside if node.op == "affine"}

    def _inlined(self, i: int) -> Iterator[int]:
        """A node and all that is written inside its expression."""
        yield i
        for a in self.nodes[i].args:
            if a not in self.of:
                yield from self._inlined(a)

    def _time(self, i: int) -> str:
        return "" if i in self._timeless else "t"

    def _name(self, text: str, time: str = "") -> Name:
        name = Name(_pieces(text))
        while name in self._taken:
            name = replace(name, primes=name.primes + 1)
        self._taken.add(name)
        return replace(name, time=time)


def _repeated(nodes: tuple[Node, ...], i: int) -> int:
    return _repeated(nodes, nodes[i].args[0]) if nodes[i].op == "expand" else i


def _users(nodes: tuple[Node, ...], outputs: dict[int, list[str]]) -> dict[int, list[int]]:
    """The nodes that a new state depends on, each with those that use it."""
    users: dict[int, list[int]] = {i: [] for i in outputs}
    for i in reversed(range(len(nodes))):
        for a in {*nodes[i].args} if i in users else ():
            users.setdefault(a, []).append(i)
    return users


def _pieces(text: str) -> tuple[str, ...]:
    """The base and the subscripts; what cannot be printed is left out."""
    text = plain(text)
    first, *others = [piece for piece in text.split("_") if piece] or [text or "?"]
    base = first.rstrip("0123456789") or first
    return tuple(piece for piece in (base, first[len(base) :], *others) if piece)
