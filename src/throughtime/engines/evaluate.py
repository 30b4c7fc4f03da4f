"""A program's nodes with torch operations: one node, and all that runs ahead of the loop."""

from collections.abc import Callable, Container
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from throughtime.engines.call import Call
from throughtime.engines.derived import plan
from throughtime.engines.parameters import packed
from throughtime.engines.time_order import real_steps
from throughtime.program.graph import Node
from throughtime.program.pointwise import POINTWISE
from throughtime.program.program import Program
from throughtime.program.schedule import AHEAD, Block, Schedule

HALF = (torch.float16, torch.bfloat16)


def evaluate(node: Node, args: list[Any], like: Tensor) -> Any:
    """The value of a node that is neither a leaf nor a product.

    `args` are tensors `(..., width)`, or numbers for constants; `like` gives dtype and device
    where numbers alone would not.

    Of half types, means, variances and sums of rows are float32, and so is what is made of these
    alone: a variance can be beyond 65,504, the largest number of float16. What is made of these
    and of other values is rounded to the half type.
    """
    op = node.op
    if op in POINTWISE:
        operation = POINTWISE[op]
        tensors = [a for a in args if isinstance(a, Tensor)]
        if not operation.numbers or not tensors:
            args = [a if isinstance(a, Tensor) else like.new_tensor(a) for a in args]
        value = operation.evaluate(*args, **node.attributes)
        return rounded(value, like) if any(a.dtype in HALF for a in tensors) else value
    if op == "mean":
        return _wide(args[0]).mean(-1, keepdim=True)
    if op == "sum":
        return _wide(args[0]).sum(-1, keepdim=True)
    if op == "variance":
        rows = _wide(args[0])
        if not rows.numel():  # torch's own warns where there is no row
            return rows.sum(-1, keepdim=True)
        return rows.var(-1, correction=node.attributes["correction"], keepdim=True)
    if op == "expand":
        value = args[0] if isinstance(args[0], Tensor) else like.new_tensor([args[0]])
        return value.expand(*value.shape[:-1], node.width)
    raise AssertionError(f"{op} is a leaf or a product")


def rounded(value: Tensor, like: Tensor) -> Tensor:
    """A value in the half type of a call, where it is float32, as sums over rows are.

    Under autocast, which has its own rules, as it is.
    """
    if like.dtype not in HALF or value.dtype != torch.float32:
        return value
    return value if torch.is_autocast_enabled(like.device.type) else value.to(like.dtype)


def _wide(value: Tensor) -> Tensor:
    """What rows are summed in."""
    return value.float() if value.dtype in HALF else value


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


def ahead(
    program: Program,
    call: Call,
    *,
    only: Container[int] | None = None,
    hoist: bool = True,
    linear: Callable[[Tensor, Tensor, Tensor | None], Tensor] = F.linear,
) -> tuple[dict[int, Any], dict[int, Tensor | None]]:
    """What does not wait for the loop, over all steps at once.

    - `only`: the nodes that are wanted, and no parts of sums; else all of both.
    - `hoist`: see `schedule`.
    - `linear`: what computes the products.

    **Returns:** the value of each node known ahead, `(T, B, width)`, or without the time axis
    for those in `Schedule.timeless`; and for each block inside the loop the part of its sum
    that is known, `(T, B, columns)`, or None.
    """
    schedule, (weights, bias) = plan(program, hoist), packed(call)
    nodes, T, B = program.nodes, call.x.shape[0], call.x.shape[1]
    real = real_steps(call) if hoist else None
    # what stands at padded steps must not reach anything, be it nan
    x = call.x if real is None else torch.where(real, call.x, 0.0)
    values: dict[int, Any] = dict.fromkeys(program.find("input"), x)
    values.update(zip(program.find("parameter"), call.vectors, strict=True))
    values.update(zip(program.find("random"), call.randoms, strict=True))
    parts: dict[int, Tensor | None] = {}
    waiting = set(schedule.ahead.nodes)
    products: dict[int, Tensor] = {}
    for i, node in enumerate(nodes):  # in order, as nodes and products feed each other here
        if node.op == "constant":
            values[i] = node.attributes["value"]
        elif i in waiting and (only is None or i in only):
            values[i] = evaluate(node, [values[a] for a in node.args], call.x)
        elif node.op == "affine":
            for b, block in enumerate(schedule.blocks):
                if block.affines[0] != i or not (
                    only is None or any(a in only for a in block.affines)
                ):
                    continue
                for k, _ in block.rows:
                    if k in schedule.ahead.products and k not in products:
                        operand = rounded(values[schedule.products[k].operand], call.x)
                        products[k] = linear(operand, weights[k], _begins(schedule, k, bias))
                z = add_products(block, products, None)
                if z is None and bias is not None:
                    z = bias[block.columns]
                z = None if z is None else z.expand(T, B, z.shape[-1])
                if block.level == AHEAD:
                    assert z is not None
                    scatter(program, block, z, values)
                else:
                    parts[b] = z
    return values, parts


def _begins(schedule: Schedule, k: int, bias: Tensor | None) -> Tensor | None:
    """What a product ahead begins from: the biases of the blocks that it is the first part of."""
    if bias is None:
        return None
    starts = {}
    for block in schedule.blocks:
        for place, (product, rows) in enumerate(block.rows):
            if product == k:
                first = not any(j in schedule.ahead.products for j, _ in block.rows[:place])
                piece = bias[block.columns]
                starts[rows.start] = piece if first else torch.zeros_like(piece)
    pieces = [starts[row] for row in sorted(starts)]
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces)
