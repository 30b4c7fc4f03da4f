"""From a program to its loops over time: forward, and backward.

A loop is written down step by step through an `Emitter`, so that this file serves every engine
that compiles programs. Here it is decided in which order the nodes of a step are computed, which
values come from memory and which are computed a second time, what products are added to, and what
is stored. The facts that these decisions rest on are in `derived.py`.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Generic

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
from throughtime.engines.emitter import Columns, Emitter, Loop, Value
from throughtime.program.graph import REDUCTIONS, Node
from throughtime.program.program import Program
from throughtime.program.schedule import AHEAD, node_levels


def forward_loop(
    program: Program, emitter: Emitter[Value, Loop], loop_mode: LoopMode, *, save: bool, wanted: int
) -> Loop:
    """Write the loop forward.

    - `save`: whether the values that backward needs are stored.
    - `wanted`: of how many states, the first ones, the value after every step is stored.

    Arrays read: "x"; "bias"; "part", for each block of affine maps what is known of their sum
    ahead of the loop; "known", the values computed ahead of the loop, numbered as their nodes;
    "start" and "initial", numbered as the states. Arrays written: "state" and "final", numbered
    as the states; "saved", the stored values side by side.
    """
    inside = [i for level in plan(program, loop_mode.hoist).levels for i in level.nodes]
    stored = stored_nodes(program, loop_mode) if save else ()
    private = {*inside}.difference(stored, program.outputs.values())
    nodes, absorbed = emitter.fuse(program.nodes, private)
    states = {name: emitter.state(name, "start", "initial", "final") for name in program.states}
    values = _ForwardValues(emitter, program, loop_mode, nodes, stored, states)
    for i in inside:
        if i not in absorbed:
            values.value(i)
    new = {}
    for k, (name, i) in enumerate(program.outputs.items()):
        new[name] = values.wide(i, program.states[name])
        if k < wanted:
            emitter.store(Columns("state", k), new[name])
    for i in stored:
        values.value(i)
    emitter.leave(new)
    return emitter.finish()


def backward_loop(
    program: Program,
    emitter: Emitter[Value, Loop],
    loop_mode: LoopMode,
    over_time: Sequence[bool],
) -> Loop:
    """Write the loop backward.

    - `over_time`: for each state, whether it has a gradient at every step.

    Arrays read: those that the loop forward reads, and "state" and "saved", which it wrote;
    "dstate" and "dfinal", the gradients given. Arrays written: "dstart" and "dinitial", numbered
    as the states; "dz", the gradients at affine maps side by side; "kept", numbered as the nodes
    of the adjoint, for what is done after the loop; "dbias" and "dvector", numbered as the
    vectors, which are sums over steps and rows.
    """
    back = adjoint(program)
    entering: dict[str, Value] = {}
    for k, (name, width) in enumerate(program.states.items()):
        entering[name] = emitter.state(name, "dfinal", "dinitial", "dstart")
        if over_time[k]:
            given = emitter.load(Columns("dstate", k), width)
            entering[name] = emitter.pointwise(Node("add", (), width), [given, entering[name]])
    gradients = _Gradients(emitter, program, loop_mode, entering)
    stores, sums = _places(program)
    for i in gradients.order:
        value = gradients.value(i)
        for place in stores.get(i, ()):
            emitter.store(place, value)
        for place in sums.get(i, ()):
            emitter.accumulate(place, value)
    leaving = {}
    for name, width in program.states.items():
        i = back.outputs.get(f"dstate_{name}")
        leaving[name] = emitter.constant(0.0, width) if i is None else gradients.wide(i, width)
    emitter.leave(leaving)
    return emitter.finish()


def _places(program: Program) -> tuple[dict[int, list[Columns]], dict[int, list[Columns]]]:
    """Where the loop backward stores nodes of the adjoint, and where it sums them. One node may
    have several places, as the gradients of several maps may be the same."""
    outputs = adjoint(program).outputs
    stores: dict[int, list[Columns]] = {}
    sums: dict[int, list[Columns]] = {}
    for name in loop_maps(program):
        place = Columns("dz", first=program.columns[name].start)
        stores.setdefault(outputs[f"dz_{name}"], []).append(place)
    for i in loop_kept_nodes(program):
        stores.setdefault(i, []).append(Columns("kept", i))
    for output in loop_sums(program):
        kind, name = output.split("_", 1)
        if kind == "dz":
            place = Columns("dbias", first=program.columns[name].start)
        else:
            place = Columns("dvector", program.vectors.index(name))
        sums.setdefault(outputs[output], []).append(place)
    return stores, sums


class _Values(ABC, Generic[Value]):
    """The values of nodes within a step, each emitted when it is first asked for."""

    def __init__(self, emitter: Emitter[Value, object], nodes: Sequence[Node]) -> None:
        self.emitter, self.nodes = emitter, nodes
        self.emitted: dict[int, Value] = {}

    def value(self, i: int) -> Value:
        if i not in self.emitted:
            self.emitted[i] = self.emit(i)
        return self.emitted[i]

    def wide(self, i: int, width: int) -> Value:
        """The value of a node, repeated if it is narrower than its use."""
        node = self.nodes[i]
        if node.op == "constant":
            return self.emitter.constant(node.attributes["value"], width)
        return self.emitter.expand(self.value(i), width)

    def pointwise(self, node: Node) -> Value:
        if node.op in REDUCTIONS:
            return self.emitter.pointwise(node, [self.value(node.args[0])])
        return self.emitter.pointwise(node, [self.wide(a, node.width) for a in node.args])

    @abstractmethod
    def emit(self, i: int) -> Value: ...


class _ProgramValues(_Values[Value]):
    """The values of a program's nodes: those that need no computing are found by `leaf`."""

    def __init__(
        self,
        emitter: Emitter[Value, object],
        program: Program,
        loop_mode: LoopMode,
        nodes: Sequence[Node],
    ) -> None:
        super().__init__(emitter, nodes)
        self.program, self.schedule = program, plan(program, loop_mode.hoist)
        self.columns = stored_columns(program, loop_mode)[0]
        self.operands: dict[int, Value] = {}
        ahead = self.schedule.ahead
        known = {*ahead.nodes, *self.schedule.given}
        known.update(a for b in ahead.blocks for a in self.schedule.blocks[b].affines)
        self.known = {i for i in known if nodes[i].op != "constant"}.union(program.find("input"))

    @abstractmethod
    def leaf(self, i: int) -> Value | None:
        """The value of a node that this loop does not compute; None if it does."""

    def emit(self, i: int) -> Value:
        value = self.leaf(i)
        if value is not None:
            return value
        return self.affine(i) if self.nodes[i].op == "affine" else self.pointwise(self.nodes[i])

    def load_known(self, i: int) -> Value:
        """A value that is known before the loop."""
        node = self.nodes[i]
        place = Columns("x") if node.op == "input" else Columns("known", i)
        return self.emitter.load(place, node.width)

    def affine(self, i: int) -> Value:
        node, ahead = self.nodes[i], self.schedule.ahead.products
        first = self.program.columns[node.attributes["name"]].start
        b = next(b for b, block in enumerate(self.schedule.blocks) if i in block.affines)
        block = self.schedule.blocks[b]
        if any(k in ahead for k, _ in block.rows):
            place = Columns("part", b, first - block.columns.start)
        else:
            place = Columns("bias", first=first)
        total = self.emitter.load(place, node.width)
        in_part = {weight for k in ahead for weight in self.schedule.products[k].weights}
        for operand, weight in zip(node.args, node.attributes["weights"], strict=True):
            if weight not in in_part:
                value = self.operand(operand)
                total = self.emitter.product(total, value, weight, transposed=False)
        return total

    def operand(self, i: int) -> Value:
        """What a product reads. A value from memory is loaded once more for products, since they
        read it whole, while other operations may read it piece by piece."""
        if i not in self.known:
            return self.wide(i, self.nodes[i].width)
        if i not in self.operands:
            self.operands[i] = self.load_known(i)
        return self.operands[i]


class _ForwardValues(_ProgramValues[Value]):
    """In the loop forward. What backward needs is stored as soon as it is computed."""

    def __init__(
        self,
        emitter: Emitter[Value, object],
        program: Program,
        loop_mode: LoopMode,
        nodes: Sequence[Node],
        stored: Sequence[int],
        states: dict[str, Value],
    ) -> None:
        super().__init__(emitter, program, loop_mode, nodes)
        self.stored, self.states = stored, states

    def leaf(self, i: int) -> Value | None:
        node = self.nodes[i]
        if node.op == "state":
            return self.states[node.attributes["name"]]
        return self.load_known(i) if i in self.known else None

    def emit(self, i: int) -> Value:
        value = super().emit(i)
        if i in self.stored:
            self.emitter.store(Columns("saved", first=self.columns[i]), value)
        return value


class _ForwardAgain(_ProgramValues[Value]):
    """In the loop backward: values of forward are loaded, or computed a second time."""

    def leaf(self, i: int) -> Value | None:
        node, new = self.nodes[i], new_values(self.program)
        if node.op == "state":
            return self.emitter.previous(node.attributes["name"])
        if i in new:
            k = [*self.program.states].index(new[i])
            return self.emitter.load(Columns("state", k), node.width)
        if i in self.columns:
            return self.emitter.load(Columns("saved", first=self.columns[i]), node.width)
        return self.load_known(i) if i in self.known else None


class _Gradients(_Values[Value]):
    """The values of the adjoint's nodes.

    - `order`: the nodes that the loop asks for, in order.
    - `deferred`: products that only one other node needs. If that node is a sum they are added
      into it, and need no register of their own.
    """

    def __init__(
        self,
        emitter: Emitter[Value, object],
        program: Program,
        loop_mode: LoopMode,
        entering: dict[str, Value],
    ) -> None:
        back, inside, kept = adjoint(program), loop_nodes(program), loop_kept_nodes(program)
        private = {*inside}.difference(kept, back.outputs.values())
        nodes, absorbed = emitter.fuse(back.nodes, private)
        super().__init__(emitter, nodes)
        self.program, self.entering = program, entering
        self.forward = _ForwardAgain(emitter, program, loop_mode, program.nodes)
        uses = Counter(a for i in inside for a in back.nodes[i].args)
        self.deferred = {i for i in private if nodes[i].op == "transposed" and uses[i] == 1}
        levels = node_levels(back.nodes)
        asked = {i for i in inside if levels[i] != AHEAD}.union(kept) - absorbed - self.deferred
        self.order = sorted(asked, key=lambda i: (levels[i], i))

    def emit(self, i: int) -> Value:
        node = self.nodes[i]
        if node.op == "gradient":
            return self.entering[node.attributes["name"]]
        if node.op == "saved":
            return self.forward.value(node.attributes["node"])
        if node.op == "transposed":
            return self.add_products(self.emitter.begin_sum(node.width), node)
        if node.op == "add":
            for product, other in (node.args[::-1], node.args):
                if product in self.deferred and self.nodes[product].width == node.width:
                    begin = self.emitter.begin_sum(node.width, self.wide(other, node.width))
                    return self.add_products(begin, self.nodes[product])
        return self.pointwise(node)

    def add_products(self, total: Value, node: Node) -> Value:
        for a, weight in zip(node.args, node.attributes["weights"], strict=True):
            operand = self.wide(a, self.program.parameters[weight].shape[0])
            total = self.emitter.product(total, operand, weight, transposed=True)
        return total
