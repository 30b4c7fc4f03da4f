"""What the native loops keep from forward to backward, and what each of them computes.

All of it follows from the program and a `Mode`; nothing is decided while a loop runs.
"""

import functools
from collections.abc import Container
from typing import NamedTuple

from throughtime.engines.evaluate import made_of, plan
from throughtime.engines.reference.forward import adjoint, needed_nodes
from throughtime.program.graph import Node
from throughtime.program.pointwise import CONDITIONS, POINTWISE
from throughtime.program.program import Program
from throughtime.program.schedule import AHEAD, node_levels

# recomputing these costs more than reading them
DEAR = ("pow", "log", "sin", "cos", "erf", "elu", "gelu", "softplus")


class Mode(NamedTuple):
    """How a program is run.

    - `hoist`: what depends on the input alone is computed before the loop, over all steps at
      once; otherwise inside it.
    - `recompute`: forward keeps the states and what products read; backward computes the rest
      again.
    """

    hoist: bool
    recompute: bool = False


@functools.lru_cache(maxsize=256)
def new_values(program: Program) -> dict[int, str]:
    """The nodes that are the new value of a state, as wide as it: to be found in its array."""
    found = {}
    for name, i in program.outputs.items():
        node = program.nodes[i]
        if node.width == program.states[name] and node.op not in ("state", "constant", "input"):
            found.setdefault(i, name)
    return found


@functools.lru_cache(maxsize=256)
def stored_nodes(program: Program, mode: Mode) -> tuple[int, ...]:
    """The values inside the loop that forward stores for backward, beside the states.

    The others that backward needs stand in memory anyway, or are one cheap operation away from
    what does.
    """
    nodes, plan_ = program.nodes, plan(program, mode.hoist)
    levels = node_levels(nodes, mode.hoist)
    operands = {p.operand for p in plan_.products}
    needed = needed_nodes(program)
    new = new_values(program)

    def there(i: int) -> bool:
        leaf = nodes[i].op in ("input", "state", "parameter", "constant", "random")
        return leaf or i in new or levels[i] == AHEAD

    found = set()
    for i in needed:
        again = nodes[i].op in POINTWISE and nodes[i].op not in DEAR
        again = again and all(there(a) or a in needed for a in nodes[i].args)
        if not there(i) and (i in operands or not (again or mode.recompute)):
            found.add(i)
    return tuple(sorted(found))


@functools.lru_cache(maxsize=256)
def known_nodes(program: Program, mode: Mode) -> frozenset[int]:
    """The values that backward, or what of forward it does again, is made of, down to those of
    the loop that stand in memory. Of these it needs the ones ahead of the loop."""
    levels = node_levels(program.nodes, mode.hoist)
    there = {i for i in new_values(program) if levels[i] != AHEAD}
    return made_of(program, {*needed_nodes(program)}, there.union(stored_nodes(program, mode)))


@functools.lru_cache(maxsize=256)
def loop_nodes(program: Program) -> tuple[int, ...]:
    """The nodes of the adjoint that the loop backward computes, in order.

    What the next step waits for, and whatever else needs no further product: gradients at the
    maps and at the vectors. The gradient at the input is done afterwards over all steps.

    Conditions are all decided within the loop, if any is. A maximum sends its gradient one way by
    one condition and the other way by another: computed twice, with other rounding, a value beside
    its equal could be the smaller one here and there, and the gradient would go neither way.
    """
    back = adjoint(program)
    nodes = back.nodes

    def above(found: set[int]) -> set[int]:
        for i in reversed(range(len(nodes))):
            if i in found:
                found.update(nodes[i].args)
        return found

    inside = above({i for n, i in back.outputs.items() if n.startswith("dstate_")}
                   | {*back.find("gradient")})  # fmt: skip
    products = {i for i in inside if nodes[i].op == "transposed"}
    for name, i in back.outputs.items():
        if name.startswith(("dz_", "dparameter_")):
            more = above({i})
            if products.issuperset(k for k in more if nodes[k].op == "transposed"):
                inside |= more
    if any(nodes[i].op in CONDITIONS for i in inside):
        inside |= above(_conditions_after(nodes, inside))
    return tuple(sorted(inside))


def _conditions_after(nodes: tuple[Node, ...], inside: Container[int]) -> set[int]:
    """The conditions by which the gradients outside of the loop are decided."""
    used = (a for i, node in enumerate(nodes) if i not in inside and node.op not in CONDITIONS
            for a in node.args)  # fmt: skip
    return {a for a in used if nodes[a].op in CONDITIONS}


@functools.lru_cache(maxsize=256)
def stored_columns(program: Program, mode: Mode) -> tuple[dict[int, int], int]:
    """Where each of `stored_nodes` stands among the stored columns, and how many there are."""
    found, column = {}, 0
    for i in stored_nodes(program, mode):
        found[i] = column
        column += program.nodes[i].width
    return found, column


@functools.lru_cache(maxsize=256)
def operand_states(program: Program) -> tuple[int, ...]:
    """The states that products read, by their number."""
    operands = {p.operand for p in plan(program).products}
    names = [*program.states]
    read = (program.nodes[i].attributes["name"] for i in program.find("state") if i in operands)
    return tuple(sorted(names.index(name) for name in read))


@functools.lru_cache(maxsize=256)
def loop_maps(program: Program) -> tuple[str, ...]:
    """The maps whose gradient the loop backward computes."""
    outputs, inside = adjoint(program).outputs, loop_nodes(program)
    return tuple(n for n in program.columns if outputs.get(f"dz_{n}") in inside)


@functools.lru_cache(maxsize=256)
def loop_sums(program: Program) -> tuple[str, ...]:
    """The outputs of the adjoint that the loop adds up over steps and rows: for the biases and
    the vectors."""
    back, inside = adjoint(program), loop_nodes(program)
    biased = any(program.nodes[a].attributes["bias"] for a in program.affines)
    wanted = ("dz_", "dparameter_") if biased else ("dparameter_",)
    return tuple(n for n, i in back.outputs.items() if i in inside and n.startswith(wanted))


@functools.lru_cache(maxsize=256)
def kept_nodes(program: Program) -> tuple[int, ...]:
    """The nodes of the loop backward that what is done afterwards needs at every step, beside
    the gradients at the maps. What is made of forward values alone is made of them again, but
    for conditions, see `loop_nodes`."""
    back, inside = adjoint(program), loop_nodes(program)
    levels = node_levels(back.nodes)
    used = {i for n, i in back.outputs.items() if n == "dx"}
    used.update(a for i, node in enumerate(back.nodes) if i not in inside for a in node.args)
    maps = {i for n, i in back.outputs.items() if n.startswith("dz_")}
    kept = {i for i in inside if i in used - maps and levels[i] != AHEAD}
    return tuple(sorted(kept | _conditions_after(back.nodes, inside).intersection(inside)))


@functools.lru_cache(maxsize=256)
def late_maps(program: Program) -> tuple[str, ...]:
    """The maps whose gradient is left for after the loop."""
    return tuple(n for n in program.columns if n not in loop_maps(program))


@functools.lru_cache(maxsize=256)
def late_vectors(program: Program) -> tuple[str, ...]:
    """The vectors whose gradient is left for after the loop."""
    return tuple(n for n in program.vectors if f"dparameter_{n}" not in loop_sums(program))
