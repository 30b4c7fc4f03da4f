"""From a program to the instructions of the native engine: the loop forward, and backward.

An instruction works on registers, see `native/program.h`. What a loop reads and writes in
memory has a key here; `cpu.py` gives each key its tensor when the loop is run.
"""

import functools
import math
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from throughtime.engines.backward import inside_nodes, kept_nodes
from throughtime.engines.evaluate import plan
from throughtime.engines.reference import adjoint, saved_nodes
from throughtime.program.graph import Node
from throughtime.program.program import Program

STEP, CHUNK, STATE, FIXED = range(4)  # Life in native/program.h
# the numbers of an operation, in the order of p and q
NUMBERS = {
    "variance": ("correction",), "leaky_relu": ("negative_slope",), "elu": ("alpha", "scale"),
    "softplus": ("beta", "threshold"), "hardtanh": ("min_val", "max_val"),
}  # fmt: skip
NAMES = {"and": "logical_and", "or": "logical_or", "not": "logical_not"}


@dataclass(frozen=True)
class Lowered:
    """A native loop; `arrays` and `matrices` say what it is to be given, in order."""

    native: Any
    arrays: tuple[Hashable, ...]
    matrices: tuple[tuple[str, bool], ...]  # weight, transposed


class _Emitter:
    """Collects registers, instructions and the keys of arrays and matrices."""

    def __init__(
        self,
        program: Program,
        nodes: tuple[Node, ...],
        codes: dict[str, int],
        private: set[int],
    ) -> None:
        self.program, self.nodes, self.codes = program, nodes, codes
        self.registers: list[list[int]] = []
        self.instructions: list[tuple[int, int, int, int, int, float, float]] = []
        self.arrays: dict[Hashable, int] = {}
        self.matrices: dict[tuple[str, bool], int] = {}
        self.shapes: list[tuple[int, int]] = []
        self.preloads: list[tuple[int, int, float]] = []
        self.restarts: list[tuple[int, int]] = []
        self.finals: list[tuple[int, int]] = []
        self.at: dict[int, int] = {}  # node -> register
        self.expanded: dict[tuple[Hashable, int], int] = {}
        self.fused, self.absorbed = _fuse(nodes, private)

    def register(self, width: int, life: int = CHUNK) -> int:
        self.registers.append([width, life])
        return len(self.registers) - 1

    def array(self, key: Hashable) -> int:
        return self.arrays.setdefault(key, len(self.arrays))

    def emit(self, op: str, to: int, a: int = 0, b: int = 0, c: int = 0, p=0.0, q=0.0) -> int:
        self.instructions.append((self.codes[op], to, a, b, c, float(p), float(q)))
        return to

    def load(self, key: Hashable, width: int) -> int:
        return self.emit("load", self.register(width), self.array(key))

    def store(self, key: Hashable, register: int) -> None:
        self.emit("store", 0, self.array(key), register)

    def constant(self, value: float, width: int) -> int:
        key = (("constant", repr(value)), width)
        if key not in self.expanded:
            self.expanded[key] = self.register(width, FIXED)
            self.preloads.append((self.expanded[key], -1, value))
        return self.expanded[key]

    def product(self, to: int, operand: int, weight: str, transposed: bool) -> None:
        key = (weight, transposed)
        if key not in self.matrices:
            self.matrices[key] = len(self.matrices)
            out, in_ = self.program.parameters[weight].shape
            self.shapes.append((in_, out) if transposed else (out, in_))
        self.emit("product", to, operand, self.matrices[key])

    def wide(self, i: int, width: int) -> int:
        """The register of a node as wide as its use."""
        node = self.nodes[i]
        if node.op == "constant":
            return self.constant(node.attributes["value"], width)
        register = self.at[i]
        if self.registers[register][0] == width:
            return register
        if (i, width) not in self.expanded:
            self.expanded[i, width] = self.emit("expand", self.register(width), register)
        return self.expanded[i, width]

    def node(self, i: int) -> None:
        """A node that is neither a leaf nor a product."""
        node = self.nodes[i]
        if i in self.absorbed:
            return
        if i in self.fused:
            op, operands = self.fused[i]
            to = self.emit(
                op, self.register(node.width), *(self.wide(a, node.width) for a in operands)
            )
        elif node.op in ("sum", "mean", "variance"):
            to = self.register(1)
            self.emit(node.op, to, self.at[node.args[0]], p=node.attributes.get("correction", 0))
        elif node.op == "expand":
            to = self.wide(node.args[0], node.width)
        else:
            op, p, q = _spelled(node)
            args = [self.wide(a, node.width) for a in node.args]
            to = self.emit(op, self.register(node.width), *args, p=p, q=q)
        self.at[i] = to

    def finish(self, native: Any, backward: bool) -> Lowered:
        self._lives()
        made = native.lower(
            [tuple(r) for r in self.registers], self.instructions, self.shapes, self.preloads,
            self.restarts, self.finals, backward,
        )  # fmt: skip
        return Lowered(made, tuple(self.arrays), tuple(self.matrices))

    def _lives(self) -> None:
        """A register that a product touches, or that lives across one, needs all its rows."""
        product, load, store = (self.codes[n] for n in ("product", "load", "store"))
        segment, seen = 0, {}
        for op, to, a, b, c, _, _ in self.instructions:
            if op == product:
                segment += 1
            registers = {load: (to,), store: (b,), product: (to, a)}.get(op, (to, a, b, c))
            for r in registers:
                if self.registers[r][1] == CHUNK and (
                    op == product or seen.setdefault(r, segment) != segment
                ):
                    self.registers[r][1] = STEP


def _fuse(
    nodes: tuple[Node, ...], private: set[int]
) -> tuple[dict[int, tuple[str, tuple[int, ...]]], set[int]]:
    """Nodes that one instruction computes together with nodes that only they use.

    **Returns:** for each such node its instruction and operands; the nodes it absorbs.
    Only `private` nodes can be: those of the loop that nothing outside it needs.
    """
    uses = Counter(a for node in nodes for a in node.args)
    fused: dict[int, tuple[str, tuple[int, ...]]] = {}
    absorbed: set[int] = set()

    def inner(i: int, op: str, width: int) -> bool:
        own = i in private and uses[i] == 1 and i not in fused
        return own and nodes[i].op == op and nodes[i].width == width

    def one_minus(i: int) -> int | None:
        """b, where node i is 1 - b of the same width."""
        if nodes[i].op != "sub" or nodes[nodes[i].args[0]].op != "constant":
            return None
        one, b = nodes[i].args
        same = nodes[one].attributes["value"] == 1 and nodes[b].width == nodes[i].width
        return b if same else None

    for i, node in enumerate(nodes):
        if node.op == "mul":
            for g, k in (node.args, node.args[::-1]):
                b = one_minus(k)
                if b is not None and inner(k, "sub", node.width) and inner(b, "mul", node.width):
                    y, again = nodes[b].args
                    if y == again:
                        fused[i] = ("tanh_slope", (g, y))
                        absorbed |= {k, b}
                        break
                if inner(k, "mul", node.width):
                    s, y = nodes[k].args
                    if one_minus(s) == y and inner(s, "sub", node.width):
                        fused[i] = ("sigmoid_slope", (g, y))
                        absorbed |= {k, s}
                        break
        elif node.op == "add":
            for product, c in (node.args, node.args[::-1]):
                if inner(product, "mul", node.width) and product != c:
                    fused[i] = ("multiply_add", (*nodes[product].args, c))
                    absorbed.add(product)
                    break
    return fused, absorbed


def _spelled(node: Node) -> tuple[str, float, float]:
    attributes = node.attributes
    if node.op == "clamp":
        low, high = attributes["min"], attributes["max"]
        return "hardtanh", -math.inf if low is None else low, math.inf if high is None else high
    if node.op == "gelu":
        return "gelu", float(attributes["approximate"] == "tanh"), 0.0
    numbers = [attributes[n] for n in NUMBERS.get(node.op, ())] + [0.0, 0.0]
    return NAMES.get(node.op, node.op), numbers[0], numbers[1]


@functools.cache
def _codes(native: Any) -> dict[str, int]:
    return {name: k for k, name in enumerate(native.operations())}


def _known(e: _Emitter, program: Program, i: int) -> int:
    """A register with a value that is known ahead of the loop; a constant has none."""
    node, timeless = program.nodes[i], plan(program).timeless
    if i not in timeless:
        return e.load(("known", i), node.width)
    rows = _has_rows(program, i)
    register = e.register(node.width, STEP if rows else FIXED)
    e.preloads.append((register, e.array(("known", i)), 0.0))
    return register


def _has_rows(program: Program, i: int) -> bool:
    """Whether a timeless value differs from row to row: a fixed mask does."""
    node = program.nodes[i]
    return node.op == "random" or any(_has_rows(program, a) for a in node.args)


@functools.lru_cache(maxsize=256)
def forward_loop(program: Program, native: Any, save: bool) -> Lowered:
    """The loop forward. Keys: `("start" | "state" | "final" | "initial", name)`,
    `("part", column)`, `("known", node)`, `("saved", node)`."""
    plan_, nodes = plan(program), program.nodes
    collect = set(saved_nodes(program)) if save else set()
    inside = {i for level in plan_.levels for i in level.nodes}
    private = inside - collect - {*program.outputs.values()}
    e = _Emitter(program, nodes, _codes(native), private)
    states: dict[str, int] = {}
    for i in program.find("state"):
        name, width = nodes[i].attributes["name"], nodes[i].width
        e.at[i] = states[name] = e.register(width, STATE)
        e.preloads.append((states[name], e.array(("start", name)), 0.0))
        e.restarts.append((states[name], e.array(("initial", name))))
        e.finals.append((states[name], e.array(("final", name))))
        if i in collect:
            e.store(("saved", i), states[name])
    used = {a for level in plan_.levels for i in level.nodes for a in nodes[i].args}
    used |= {*program.outputs.values()}
    hoisted = set(plan_.ahead.nodes)
    hoisted.update(a for b in plan_.ahead.blocks for a in plan_.blocks[b].affines)
    hoisted.update(i for op in ("input", "parameter", "random") for i in program.find(op))
    for i in sorted(hoisted & used):
        if nodes[i].op != "constant":
            e.at[i] = _known(e, program, i)
    for level in plan_.levels:
        for b in level.blocks:
            column = plan_.blocks[b].columns.start
            for a in plan_.blocks[b].affines:
                e.at[a] = e.load(("part", column), nodes[a].width)
                column += nodes[a].width
    for level in plan_.levels:
        for k in level.products:
            product = plan_.products[k]
            operand = e.wide(product.operand, nodes[product.operand].width)
            for weight in product.weights:
                map_ = next(a for a in program.affines if weight in nodes[a].attributes["weights"])
                e.product(e.at[map_], operand, weight, transposed=False)
        for b in level.blocks:
            for a in plan_.blocks[b].affines:
                if a in collect:
                    e.store(("saved", a), e.at[a])
        for i in level.nodes:
            e.node(i)
            if i in collect:
                e.store(("saved", i), e.at[i])
    new = {}
    for name, i in program.outputs.items():
        new[name] = e.wide(i, program.states[name])
        e.store(("state", name), new[name])
        if new[name] in states.values():  # another state, which may be overwritten first
            new[name] = e.emit("copy", e.register(program.states[name]), new[name])
    for name, register in states.items():
        e.emit("copy", register, new[name])
    return e.finish(native, backward=False)


@functools.lru_cache(maxsize=256)
def backward_loop(program: Program, native: Any, given: tuple[bool, ...]) -> Lowered:
    """The loop backward; `given`: which states have a gradient over time. Keys:
    `("dstate" | "dfinal" | "dstart" | "dinitial", name)`, `("known", node)`, `("saved", node)`,
    `("kept", adjoint node)`."""
    back = adjoint(program)
    loop, kept = set(saved_nodes(program)), set(kept_nodes(program))
    private = {*inside_nodes(program)} - kept - {*back.outputs.values()}
    e = _Emitter(program, back.nodes, _codes(native), private)
    states: dict[str, int] = {}
    entering: dict[str, int] = {}
    for (name, width), over_time in zip(program.states.items(), given, strict=True):
        states[name] = entering[name] = e.register(width, STATE)
        e.preloads.append((states[name], e.array(("dfinal", name)), 0.0))
        e.restarts.append((states[name], e.array(("dinitial", name))))
        e.finals.append((states[name], e.array(("dstart", name))))
        if over_time:
            here = e.load(("dstate", name), width)
            entering[name] = e.emit("add", e.register(width), states[name], here)
    for i in inside_nodes(program):
        node = back.nodes[i]
        if node.op == "constant":
            continue
        if node.op == "gradient":
            e.at[i] = entering[node.attributes["name"]]
        elif node.op == "saved":
            k = node.attributes["node"]
            width = program.nodes[k].width
            e.at[i] = e.load(("saved", k), width) if k in loop else _known(e, program, k)
        elif node.op == "transposed":
            e.at[i] = e.emit("zero", e.register(node.width))
            for dz, weight in zip(node.args, node.attributes["weights"], strict=True):
                size = program.parameters[weight].shape[0]
                e.product(e.at[i], e.wide(dz, size), weight, transposed=True)
        else:
            e.node(i)
        if i in kept:
            e.store(("kept", i), e.at[i])
    leaving = {}
    for name, width in program.states.items():
        if f"dstate_{name}" in back.outputs:
            leaving[name] = e.wide(back.outputs[f"dstate_{name}"], width)
        else:
            leaving[name] = e.constant(0.0, width)
        if leaving[name] in states.values():
            leaving[name] = e.emit("copy", e.register(width), leaving[name])
    for name, register in states.items():
        e.emit("copy", register, leaving[name])
    return e.finish(native, backward=True)
