"""From a program to the instructions of the native engine: the loop forward, and backward.

An instruction works on registers, see `native/program.h`. What a loop reads and writes in
memory are columns of tensors that have a key here; `cpu.py` gives each key its tensor when the
loop is run.
"""

import functools
from typing import Any

from throughtime.engines.cpu.emitter import Emitter, Lowered
from throughtime.engines.cpu.fuse import fuse
from throughtime.engines.derived import (
    LoopMode,
    adjoint,
    loop_kept_nodes,
    loop_maps,
    loop_nodes,
    loop_sums,
    new_values,
    plan,
    stored_columns,
    stored_nodes,
)
from throughtime.program.graph import Node
from throughtime.program.program import Program
from throughtime.program.schedule import AHEAD, node_levels


class _Forward:
    """The values of a program's nodes in a loop, each computed where it is first needed."""

    def __init__(self, e: Emitter, program: Program, mode: LoopMode) -> None:
        self.e, self.program, self.plan = e, program, plan(program, mode.hoist)
        self.at: dict[int, int] = {}
        self.operands: dict[int, int] = {}
        self.fused: dict[int, tuple[str, tuple[int, ...]]] = {}
        self.stored: tuple[int, ...] = ()
        plan_ = self.plan
        self.ahead = {*plan_.ahead.nodes, *plan_.given}
        self.ahead.update(a for b in plan_.ahead.blocks for a in plan_.blocks[b].affines)
        self.columns = stored_columns(program, mode)[0]

    def array(self, i: int) -> int:
        """The array of a value that is known before the loop."""
        return self.e.array(("x",) if self.program.nodes[i].op == "input" else ("known", i))

    def known(self, i: int) -> bool:
        node = self.program.nodes[i]
        return node.op != "constant" and (node.op == "input" or i in self.ahead)

    def leaf(self, i: int) -> int | None:
        """The register of a value that no instruction of this loop computes."""
        node = self.program.nodes[i]
        if node.op == "state":
            return self.e.states[node.attributes["name"]]
        return self.e.load(self.array(i), node.width) if self.known(i) else None

    def value(self, i: int) -> int:
        if i not in self.at:
            node = self.program.nodes[i]
            leaf = self.leaf(i)
            if leaf is not None:
                self.at[i] = leaf
            elif node.op == "affine":
                self.at[i] = self.affine(i)
            elif i in self.fused:
                op, args = self.fused[i]
                sources = [self.wide(a, node.width) for a in args]
                self.at[i] = self.e.emit(op, self.e.register(node.width), *sources)
            else:
                self.at[i] = self.e.pointwise(node, self.args(node))
            if i in self.stored:
                self.e.store(self.e.array(("saved",), self.columns[i]), self.at[i])
        return self.at[i]

    def args(self, node: Node) -> list[int]:
        if node.op in ("sum", "mean", "variance"):
            return [self.value(node.args[0])]
        return [self.wide(a, node.width) for a in node.args]

    def wide(self, i: int, width: int) -> int:
        node = self.program.nodes[i]
        if node.op == "constant":
            return self.e.constant(node.attributes["value"], width)
        return self.e.expand(self.value(i), width)

    def affine(self, a: int) -> int:
        node, e = self.program.nodes[a], self.e
        column = self.program.columns[node.attributes["name"]].start
        b = next(b for b, block in enumerate(self.plan.blocks) if a in block.affines)
        block, products = self.plan.blocks[b], self.plan.ahead.products
        if any(k in products for k, _ in block.rows):
            z = e.load(e.array(("part", b), column - block.columns.start), node.width)
        else:
            z = e.load(e.array(("bias",), column), node.width)
        before = {w for k in products for w in self.plan.products[k].weights}
        for operand, weight in zip(node.args, node.attributes["weights"], strict=True):
            if weight not in before:  # otherwise it is a part of what z begins from
                e.product(z, self.operand(operand), weight, transposed=False)
        return z

    def operand(self, i: int) -> int:
        node = self.program.nodes[i]
        if not self.known(i):
            return self.wide(i, node.width)
        if i not in self.operands:
            self.operands[i] = self.e.register(node.width)
        return self.e.load(self.array(i), node.width, self.operands[i])


@functools.lru_cache(maxsize=256)
def forward_loop(program: Program, native: Any, mode: LoopMode, save: bool, wanted: int) -> Lowered:
    """The loop forward; `wanted`: of how many states every value is. Keys: `("start" | "state" |
    "final" | "initial", state)`, `("x",)`, `("bias",)`, `("part", block)`, `("known", node)`,
    `("saved",)`."""
    plan_, nodes = plan(program, mode.hoist), program.nodes
    e = Emitter(program)
    f = _Forward(e, program, mode)
    inside = {i for level in plan_.levels for i in level.nodes}
    f.stored = stored_nodes(program, mode) if save else ()
    private = inside - {*f.stored} - {*program.outputs.values()}
    f.fused, absorbed = fuse(nodes, private)
    for name in program.states:
        e.state(name, "start", "initial", "final")
    for level in plan_.levels:
        for i in level.nodes:
            if i not in absorbed and nodes[i].op != "constant":
                f.value(i)
    new = {}
    for k, (name, i) in enumerate(program.outputs.items()):
        new[name] = f.wide(i, program.states[name])
        if k < wanted:
            e.store(e.array(("state", k)), new[name])
    for i in f.stored:
        f.value(i)
    e.leave(new)
    return e.finish(native, backward=False)


class _Again(_Forward):
    """Forward values in the loop backward: loaded, or computed again."""

    def leaf(self, i: int) -> int | None:
        node = self.program.nodes[i]
        if node.op == "state":
            return self.e.previous(node.attributes["name"])
        new = new_values(self.program)
        if i in new:
            k = [*self.program.states].index(new[i])
            return self.e.load(self.e.array(("state", k)), node.width)
        if i in self.columns:
            return self.e.load(self.e.array(("saved",), self.columns[i]), node.width)
        return super().leaf(i)


@functools.lru_cache(maxsize=256)
def backward_loop(
    program: Program, native: Any, mode: LoopMode, over_time: tuple[bool, ...]
) -> Lowered:
    """The loop backward; `over_time`: which states have a gradient at every step. Keys:
    `("dstate" | "dfinal" | "dstart" | "dinitial" | "state" | "start" | "initial", state)`,
    `("x",)`, `("bias",)`, `("part", block)`, `("known", node)`, `("saved",)`, `("dz",)`,
    `("kept", adjoint node)`, `("dbias",)`, `("dvector", number)`."""
    back = adjoint(program)
    inside, kept = loop_nodes(program), loop_kept_nodes(program)
    dz: dict[int, list[int]] = {}  # one gradient may be that of several maps
    for name in loop_maps(program):
        dz.setdefault(back.outputs[f"dz_{name}"], []).append(program.columns[name].start)
    private = {*inside} - {*kept} - {*back.outputs.values()}
    e = Emitter(program)
    f = _Again(e, program, mode)
    fused, absorbed = fuse(back.nodes, private)
    sums: dict[int, list[int]] = {}
    for output in loop_sums(program):
        kind, name = output.split("_", 1)
        array = (e.array(("dbias",), program.columns[name].start) if kind == "dz"
                 else e.array(("dvector", program.vectors.index(name))))  # fmt: skip
        sums.setdefault(back.outputs[output], []).append(array)
    uses: dict[int, int] = {}
    for i in inside:
        for a in back.nodes[i].args:
            uses[a] = uses.get(a, 0) + 1
    entering: dict[str, int] = {}
    for k, (name, width) in enumerate(program.states.items()):
        entering[name] = e.state(name, "dfinal", "dinitial", "dstart")
        if over_time[k]:
            here = e.load(e.array(("dstate", k)), width)
            entering[name] = e.emit("add", e.register(width), here, entering[name])
    at: dict[int, int] = {}
    levels = node_levels(back.nodes)

    def add_products(to: int, i: int) -> int:
        node = back.nodes[i]
        for a, weight in zip(node.args, node.attributes["weights"], strict=True):
            size = program.parameters[weight].shape[0]
            e.product(to, wide(a, size), weight, transposed=True)
        return to

    def later(i: int) -> bool:
        """A product that only one other node needs: perhaps a sum that it can be added into."""
        return back.nodes[i].op == "transposed" and i in private and uses.get(i) == 1

    def added(node: Node) -> int | None:
        """The product that is added into a sum as wide as it."""
        fit = [a for a in node.args if later(a) and back.nodes[a].width == node.width]
        return fit[-1] if fit and node.op == "add" else None

    def value(i: int) -> int:
        if i in at:
            return at[i]
        node = back.nodes[i]
        if node.op == "gradient":
            at[i] = entering[node.attributes["name"]]
        elif node.op == "saved":
            at[i] = f.value(node.attributes["node"])
        elif node.op == "transposed":
            at[i] = add_products(e.emit("zero", e.register(node.width)), i)
        elif i in fused:
            op, args = fused[i]
            sources = [wide(a, node.width) for a in args]
            at[i] = e.emit(op, e.register(node.width), *sources)
        elif (part := added(node)) is not None:
            other = node.args[0] if part == node.args[1] else node.args[1]
            begin = e.emit("copy", e.register(node.width), wide(other, node.width))
            at[i] = add_products(begin, part)
        elif node.op in ("sum", "mean", "variance"):
            at[i] = e.pointwise(node, [value(node.args[0])])
        else:
            at[i] = e.pointwise(node, [wide(a, node.width) for a in node.args])
        return at[i]

    def wide(i: int, width: int) -> int:
        node = back.nodes[i]
        if node.op == "constant":
            return e.constant(node.attributes["value"], width)
        return e.expand(value(i), width)

    order = sorted((i for i in inside if levels[i] != AHEAD or i in kept),
                   key=lambda i: (levels[i], i))  # fmt: skip
    for i in order:
        if i in absorbed or back.nodes[i].op == "constant" or later(i):
            continue
        value(i)
        for column in dz.get(i, ()):
            e.store(e.array(("dz",), column), at[i])
        if i in kept:
            e.store(e.array(("kept", i)), at[i])
        for array in sums.get(i, ()):
            e.accumulate(array, at[i])
    leaving = {}
    for name, width in program.states.items():
        i = back.outputs.get(f"dstate_{name}")
        leaving[name] = e.constant(0.0, width) if i is None else wide(i, width)
    e.leave(leaving)
    return e.finish(native, backward=True)
