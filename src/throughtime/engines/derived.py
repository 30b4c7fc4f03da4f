"""Facts that follow from a program, each worked out once and remembered.

An engine runs a program forward and its adjoint backward. Which nodes run before the loop over
time, inside it and after it, and which values are kept in memory between them, follows from the
program alone, or from the program and a `LoopMode`. No fact here depends on a tensor.

The two engines divide the work backward differently. The loop of the reference engine computes
the *awaited* nodes of the adjoint, those that the next step waits for. The native loop computes
these and more, the *loop* nodes; see `loop_nodes`.
"""

import functools
from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from throughtime.engines.constant import assume_constant_result
from throughtime.program.adjoint import adjoint as differentiate
from throughtime.program.graph import LEAVES, Node, ancestors
from throughtime.program.pointwise import CONDITIONS, POINTWISE
from throughtime.program.program import Program
from throughtime.program.schedule import AHEAD, Schedule, node_levels, schedule

# computing these a second time takes longer than reading them from memory
EXPENSIVE = ("pow", "log", "sin", "cos", "erf", "elu", "gelu", "softplus")

adjoint = functools.lru_cache(maxsize=256)(differentiate)
_schedule = functools.lru_cache(maxsize=256)(schedule)


class LoopMode(NamedTuple):
    """How the native loops run a program.

    - `hoist`: whether what depends on the input alone is computed before the loop, over all
      steps at once. Otherwise the loop computes it.
    - `recompute`: whether forward stores only the states and what products read, so that
      backward computes the other values a second time.
    """

    hoist: bool
    recompute: bool = False


@assume_constant_result  # for torch.compile, which traces the plain loop
def plan(program: Program, hoist: bool = True) -> Schedule:
    """The schedule of a program."""
    return _schedule(program, hoist)


# Products and their weights


@functools.lru_cache(maxsize=256)
def operand_nodes(program: Program) -> tuple[int, ...]:
    """For each product the node that it reads."""
    return tuple(product.operand for product in plan(program).products)


@functools.lru_cache(maxsize=256)
def operand_states(program: Program) -> tuple[int, ...]:
    """The states that products read, by their number."""
    names, operands = [*program.states], operand_nodes(program)
    read = (program.nodes[i].attributes["name"] for i in program.find("state") if i in operands)
    return tuple(sorted(names.index(name) for name in read))


@functools.lru_cache(maxsize=256)
def weight_rows(program: Program) -> dict[str, tuple[int, slice]]:
    """For each weight the product that it belongs to, and its rows in that product's matrix."""
    rows = {}
    for k, product in enumerate(plan(program).products):
        start = 0
        for weight in product.weights:
            stop = start + program.parameters[weight].shape[0]
            rows[weight] = k, slice(start, stop)
            start = stop
    return rows


@functools.lru_cache(maxsize=256)
def product_columns(program: Program) -> tuple[tuple[slice, ...], ...]:
    """For each product the columns of its maps in `Gradients.dz`, neighbours joined."""
    blocks = plan(program).blocks
    columns_of_each = []
    for k in range(len(plan(program).products)):
        columns: list[slice] = []
        for block in blocks:
            if k in dict(block.rows):
                if columns and columns[-1].stop == block.columns.start:
                    columns[-1] = slice(columns[-1].start, block.columns.stop)
                else:
                    columns.append(block.columns)
        columns_of_each.append(tuple(columns))
    return tuple(columns_of_each)


# Values of the program that backward needs


@functools.lru_cache(maxsize=256)
def needed_nodes(program: Program) -> frozenset[int]:
    """The nodes whose values backward needs: those that the adjoint reads, and all operands."""
    back = adjoint(program)
    read = {back.nodes[i].attributes["node"] for i in back.find("saved")}
    return frozenset(read.union(operand_nodes(program)))


@functools.lru_cache(maxsize=256)
def needed_in_loop(program: Program) -> tuple[int, ...]:
    """The needed nodes that forward computes inside the loop. The reference engine saves them."""
    levels = node_levels(program.nodes)
    return tuple(i for i in sorted(needed_nodes(program)) if levels[i] != AHEAD)


@functools.lru_cache(maxsize=256)
def needed_ahead(program: Program) -> frozenset[int]:
    """The needed nodes ahead of the loop and their ancestors. They are computed a second time
    rather than saved."""
    levels = node_levels(program.nodes)
    needed = (i for i in needed_nodes(program) if levels[i] == AHEAD)
    return frozenset(ancestors(program.nodes, needed))


@functools.lru_cache(maxsize=256)
def new_values(program: Program) -> dict[int, str]:
    """The nodes that are the new value of a state, and the name of that state. Their values are
    in the array of the state, so nothing else has to store them."""
    names: dict[int, str] = {}
    for name, i in program.outputs.items():
        if program.nodes[i].op not in ("state", "input"):
            names.setdefault(i, name)
    return names


@functools.lru_cache(maxsize=256)
def stored_nodes(program: Program, loop_mode: LoopMode) -> tuple[int, ...]:
    """The nodes inside the native loop whose values forward stores for backward.

    Backward needs more values than these. The others are in memory for another reason (inputs,
    states, what is computed ahead of the loop), or are one cheap operation away from values that
    are.
    """
    nodes, levels = program.nodes, node_levels(program.nodes, loop_mode.hoist)
    needed, new = needed_nodes(program), new_values(program)
    in_memory = {i for i, node in enumerate(nodes)
                 if node.op in LEAVES or i in new or levels[i] == AHEAD}  # fmt: skip

    def is_cheap(node: Node) -> bool:
        cheap = node.op in POINTWISE and node.op not in EXPENSIVE
        return cheap and all(a in in_memory or a in needed for a in node.args)

    return tuple(
        i for i in sorted(needed - in_memory)
        if i in operand_nodes(program) or not (loop_mode.recompute or is_cheap(nodes[i]))
    )  # fmt: skip


@functools.lru_cache(maxsize=256)
def stored_columns(program: Program, loop_mode: LoopMode) -> tuple[dict[int, int], int]:
    """The first column of each of `stored_nodes` where they are stored side by side, and the
    number of columns in all."""
    first, count = {}, 0
    for i in stored_nodes(program, loop_mode):
        first[i] = count
        count += program.nodes[i].width
    return first, count


@functools.lru_cache(maxsize=256)
def revisited_nodes(program: Program, loop_mode: LoopMode) -> frozenset[int]:
    """The nodes whose values the native backward reads from memory or computes a second time.
    Those of them ahead of the loop are computed before the loop backward begins."""
    levels = node_levels(program.nodes, loop_mode.hoist)
    in_memory = {i for i in new_values(program) if levels[i] != AHEAD}
    in_memory.update(stored_nodes(program, loop_mode))
    return frozenset(ancestors(program.nodes, needed_nodes(program), in_memory))


@functools.lru_cache(maxsize=256)
def anything_ahead(program: Program, loop_mode: LoopMode) -> bool:
    """Whether there is anything to compute before the native loop."""
    ahead = plan(program, loop_mode.hoist).ahead
    computed = [i for i in ahead.nodes if program.nodes[i].op != "constant"]
    return bool(ahead.products or ahead.blocks or computed)


# Nodes of the adjoint: inside the loop backward, or after it


@functools.lru_cache(maxsize=256)
def awaited_nodes(program: Program) -> tuple[int, ...]:
    """The nodes of the adjoint that the next step backward waits for, in order."""
    back = adjoint(program)
    at_states = (i for name, i in back.outputs.items() if name.startswith("dstate_"))
    return tuple(sorted(ancestors(back.nodes, [*at_states, *back.find("gradient")])))


@functools.lru_cache(maxsize=256)
def awaited_kept_nodes(program: Program) -> tuple[int, ...]:
    """The awaited nodes whose values at every step are read after the loop."""
    back, inside = adjoint(program), awaited_nodes(program)
    read_after = {*back.outputs.values(), *_arguments_outside(back.nodes, inside)}
    leaves = ("constant", "saved")
    return tuple(i for i in inside if i in read_after and back.nodes[i].op not in leaves)


@functools.lru_cache(maxsize=256)
def loop_nodes(program: Program) -> tuple[int, ...]:
    """The nodes of the adjoint that the native loop computes, in order.

    These are the awaited ones, and the gradients at affine maps and vectors that need no further
    product. The gradient at the input is computed after the loop, over all steps at once.

    All conditions are decided inside the loop, if any is. A maximum sends its gradient one way by
    one condition and the other way by another. If they were computed in two places, with different
    rounding, each could decide that the gradient goes the other way, and it would go nowhere.
    """
    back = adjoint(program)
    inside = {*awaited_nodes(program)}
    products = {i for i in inside if back.nodes[i].op == "transposed"}
    for name, i in back.outputs.items():
        if name.startswith(("dz_", "dparameter_")):
            made_of = ancestors(back.nodes, [i])
            if products.issuperset(k for k in made_of if back.nodes[k].op == "transposed"):
                inside |= made_of
    if any(back.nodes[i].op in CONDITIONS for i in inside):
        inside |= ancestors(back.nodes, _conditions_read_outside(back.nodes, inside))
    return tuple(sorted(inside))


@functools.lru_cache(maxsize=256)
def loop_kept_nodes(program: Program) -> tuple[int, ...]:
    """The loop nodes whose values at every step are read after the native loop, apart from the
    gradients at affine maps, which have an array of their own. What follows from values of forward
    alone is computed a second time instead, except for conditions; see `loop_nodes`."""
    back, inside = adjoint(program), loop_nodes(program)
    levels = node_levels(back.nodes)
    read_after = _arguments_outside(back.nodes, inside)
    read_after.update(i for name, i in back.outputs.items() if name == "dx")
    read_after.difference_update(i for n, i in back.outputs.items() if n.startswith("dz_"))
    kept = {i for i in inside if i in read_after and levels[i] != AHEAD}
    conditions = _conditions_read_outside(back.nodes, inside)
    return tuple(sorted(kept.union(conditions.intersection(inside))))


def _arguments_outside(nodes: Sequence[Node], inside: Container[int]) -> set[int]:
    """What the nodes outside the loop read."""
    return {a for i, node in enumerate(nodes) if i not in inside for a in node.args}


def _conditions_read_outside(nodes: Sequence[Node], inside: Container[int]) -> set[int]:
    """The conditions that decide where the gradients outside the loop go."""
    used: Iterable[int] = (
        a for i, node in enumerate(nodes) if i not in inside and node.op not in CONDITIONS
        for a in node.args
    )  # fmt: skip
    return {a for a in used if nodes[a].op in CONDITIONS}


@functools.lru_cache(maxsize=256)
def loop_maps(program: Program) -> tuple[str, ...]:
    """The affine maps whose gradient the native loop computes."""
    outputs, inside = adjoint(program).outputs, loop_nodes(program)
    return tuple(name for name in program.columns if outputs.get(f"dz_{name}") in inside)


@functools.lru_cache(maxsize=256)
def loop_sums(program: Program) -> tuple[str, ...]:
    """The outputs of the adjoint that the native loop sums over steps and rows: the gradients of
    biases and vectors."""
    back, inside = adjoint(program), loop_nodes(program)
    biased = any(program.nodes[a].attributes["bias"] for a in program.affines)
    summed = ("dz_", "dparameter_") if biased else ("dparameter_",)
    return tuple(n for n, i in back.outputs.items() if i in inside and n.startswith(summed))


@functools.lru_cache(maxsize=256)
def late_maps(program: Program) -> tuple[str, ...]:
    """The affine maps whose gradient is computed after the native loop."""
    return tuple(name for name in program.columns if name not in loop_maps(program))


@functools.lru_cache(maxsize=256)
def late_vectors(program: Program) -> tuple[str, ...]:
    """The vectors whose gradient is computed after the native loop."""
    return tuple(n for n in program.vectors if f"dparameter_{n}" not in loop_sums(program))
