"""A program's nodes with torch operations: one node, and all that runs ahead of the loop."""

import functools
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from throughtime.engines.call import Call
from throughtime.engines.steps import real_steps
from throughtime.program.graph import Node
from throughtime.program.pointwise import POINTWISE
from throughtime.program.program import Program
from throughtime.program.schedule import AHEAD, Block, Schedule, schedule

_plan = functools.lru_cache(maxsize=256)(schedule)


@torch.compiler.assume_constant_result  # for torch.compile through the plain loop
def plan(program: Program, hoist: bool = True) -> Schedule:
    """The schedule of a program, made once."""
    return _plan(program, hoist)


def evaluate(node: Node, args: list[Any], like: Tensor) -> Any:
    """The value of a node that is neither a leaf nor a product.

    `args` are tensors `(..., width)`, or numbers for constants; `like` gives dtype and device
    where numbers alone would not.
    """
    op = node.op
    if op in POINTWISE:
        operation = POINTWISE[op]
        if not operation.numbers or not any(isinstance(a, Tensor) for a in args):
            args = [a if isinstance(a, Tensor) else like.new_tensor(a) for a in args]
        return operation.evaluate(*args, **node.attributes)
    if op == "mean":
        return args[0].mean(-1, keepdim=True)
    if op == "sum":
        return args[0].sum(-1, keepdim=True)
    if op == "variance":
        return args[0].var(-1, correction=node.attributes["correction"], keepdim=True)
    if op == "expand":
        value = args[0] if isinstance(args[0], Tensor) else like.new_tensor([args[0]])
        return value.expand(*value.shape[:-1], node.width)
    raise AssertionError(f"{op} is a leaf or a product")


def add_products(block: Block, products: dict[int, Tensor], z: Tensor | None) -> Tensor | None:
    """z plus the columns of a block in each of the products `(..., rows)` that are there."""
    for k, rows in block.rows:
        if k in products:
            piece = products[k]
            if rows.stop - rows.start != piece.shape[-1]:
                piece = piece[..., rows]
            z = piece if z is None else z + piece
    return z


def scatter(program: Program, block: Block, z: Tensor, values: dict[int, Any]) -> None:
    """Give each affine map of a block its columns of z."""
    pieces = z.split([program.nodes[a].width for a in block.affines], -1)
    values.update(zip(block.affines, pieces, strict=True))


@functools.lru_cache(maxsize=256)
def _biased(program: Program, hoist: bool) -> dict[int, tuple[slice, ...]]:
    """The products ahead that are the first part of each sum they are in, and their bias: of
    which columns, in the order of their rows."""
    plan_ = plan(program, hoist)
    found: dict[int, tuple[slice, ...]] = {}
    for k in plan_.ahead.products:
        sums = [(rows[k], block) for block in plan_.blocks if k in (rows := dict(block.rows))]
        if all(block.rows[0][0] == k for _, block in sums):
            sums.sort(key=lambda pair: pair[0].start)
            found[k] = tuple(block.columns for _, block in sums)
    return found


def ahead(
    program: Program,
    call: Call,
    *,
    for_loop: bool = True,
    hoist: bool = True,
    linear: Callable[[Tensor, Tensor, Tensor | None], Tensor] | None = None,
) -> tuple[dict[int, Any], dict[int, Tensor | None]]:
    """What does not wait for the loop, over all steps at once.

    - `for_loop`: whether the parts of sums inside the loop are wanted; backward needs none.
    - `hoist`: see `schedule`.
    - `linear`: gives a product with its bias; without it the bias is added after.

    **Returns:** the value of each node known ahead, `(T, B, width)`, or without the time axis
    for those in `Schedule.timeless`; and for each block inside the loop the part of its sum
    that is known, `(T, B, columns)`, or None.
    """
    plan_: Schedule = plan(program, hoist)
    nodes, T, B = program.nodes, call.x.shape[0], call.x.shape[1]
    real = real_steps(call) if hoist else None
    # what stands at padded steps must not reach anything, be it nan
    x = call.x if real is None else torch.where(real, call.x, 0.0)
    values: dict[int, Any] = dict.fromkeys(program.find("input"), x)
    values.update(zip(program.find("parameter"), call.vectors, strict=True))
    values.update(zip(program.find("random"), call.randoms, strict=True))
    products: dict[int, Tensor] = {}
    parts: dict[int, Tensor | None] = {}
    biased = _biased(program, hoist) if linear else {}
    waiting = set(plan_.ahead.nodes)
    known_maps = {a for b in plan_.ahead.blocks for a in plan_.blocks[b].affines}
    for i, node in enumerate(nodes):  # in order, as nodes and products feed each other here
        if node.op == "constant":
            values[i] = node.attributes["value"]
        elif i in waiting:
            values[i] = evaluate(node, [values[a] for a in node.args], call.x)
        elif node.op == "affine" and (for_loop or i in known_maps):
            for k, product in enumerate(plan_.products):
                if product.level == AHEAD and k not in products and product.operand in values:
                    bias = None
                    if call.bias is not None and k in biased:
                        bias = torch.cat([call.bias[c] for c in biased[k]])
                    out = (linear or F.linear)(values[product.operand], call.weights[k], bias)
                    products[k] = out.expand(T, B, out.shape[-1])
            for b, block in enumerate(plan_.blocks):
                if block.affines[0] == i:
                    begun = any(k in biased for k, _ in block.rows)
                    bias = None if call.bias is None or begun else call.bias[block.columns]
                    z = add_products(block, products, bias)
                    if block.level == AHEAD:
                        assert z is not None
                        scatter(program, block, z, values)
                    else:
                        parts[b] = None if z is None else z.expand(T, B, z.shape[-1])
    return values, parts
