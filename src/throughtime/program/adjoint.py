"""The step backward of a program, as another program: reverse-mode differentiation.

Its leaves are `gradient` (what reaches the new value of a state, from the loss and from the
next step) and `saved` (a value of the step forward). Its outputs are rows of one step:

- `dz_<map>`: at the output of each affine map, `(B, size)`. Weight gradients are its products
  with the operands, summed over time and rows outside.
- `dstate_<name>`, `dx`: at the states before the step and at the input.
- `dparameter_<name>`: at each vector, to be summed over time and rows.

An output that nothing reaches is missing.
"""

from typing import Any

from throughtime.program.graph import Graph
from throughtime.program.pointwise import POINTWISE
from throughtime.program.program import Program, rebuild
from throughtime.program.symbol import Symbol


def adjoint(program: Program) -> Program:
    """The step backward of a program of a cell."""
    graph = Graph()
    reach: dict[int, list[Symbol]] = {}
    arriving: dict[int, list[tuple[int, str]]] = {}  # gradients of maps that see this row
    outputs: dict[str, int] = {}
    varies = _varying(program)

    def saved(i: int) -> Symbol | float:
        node = program.nodes[i]
        if node.op == "constant":
            return node.attributes["value"]
        return Symbol(graph, graph.add("saved", width=node.width, node=i))

    for name, i in program.outputs.items():
        width = program.states[name]
        reach.setdefault(i, []).append(Symbol(graph, graph.add("gradient", width=width, name=name)))
    for i in reversed(range(len(program.nodes))):
        if (i not in reach and i not in arriving) or i not in varies:
            continue
        node = program.nodes[i]
        if i in arriving:  # all the maps that see this row, as one product
            maps, weights = zip(*arriving[i], strict=True)
            back = graph.add("transposed", maps, node.width, weights=weights)
            reach.setdefault(i, []).append(Symbol(graph, back))
        # what reaches a row of width 1 is summed over the units before it meets the rest
        parts: list[Any] = [_fit(g, min(g.width, node.width)) for g in reach[i]]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        g = _fit(total, node.width)
        if node.op == "state":
            outputs[f"dstate_{node.attributes['name']}"] = g.index
        elif node.op == "input":
            outputs["dx"] = g.index
        elif node.op == "parameter":
            outputs[f"dparameter_{node.attributes['name']}"] = g.index
        elif node.op == "affine":
            outputs[f"dz_{node.attributes['name']}"] = g.index
            for operand, weight in zip(node.args, node.attributes["weights"], strict=True):
                arriving.setdefault(operand, []).append((g.index, weight))
        elif node.op in _ROWS:
            reach.setdefault(node.args[0], []).append(_ROWS[node.op](g, saved, program, i))
        else:
            rule = POINTWISE[node.op].derivative
            assert rule is not None, "a condition, and no gradient reaches those"
            gradients = rule(g, saved(i), *(saved(a) for a in node.args), **node.attributes)
            for a, d in zip(node.args, gradients, strict=True):
                if d is not None and a in varies:
                    reach.setdefault(a, []).append(d)
    return rebuild(program, graph, outputs)[0]


def _varying(program: Program) -> set[int]:
    """The nodes that depend on something a gradient is wanted for."""
    varying: set[int] = set()
    for i, node in enumerate(program.nodes):
        if node.op in ("input", "state", "parameter", "affine") or varying.intersection(node.args):
            varying.add(i)
    return varying


def _fit(g: Symbol, width: int) -> Symbol:
    """The gradient at a row of width 1 that was broadcast is the sum over the units."""
    if g.width == width:
        return g
    op = "sum" if width == 1 else "expand"
    return Symbol(g.graph, g.graph.add(op, [g.index], width))


def _variance(g, saved, program, i):
    node = program.nodes[i]
    x, width = saved(node.args[0]), program.nodes[node.args[0]].width
    mean = Symbol(g.graph, g.graph.add("mean", [x.index], 1))
    return g * (2 / (width - node.attributes["correction"])) * (x - mean)


_ROWS = {
    "sum": lambda g, saved, program, i: g,
    "expand": lambda g, saved, program, i: g,
    "mean": lambda g, saved, program, i: g * (1 / program.nodes[program.nodes[i].args[0]].width),
    "variance": _variance,
}
