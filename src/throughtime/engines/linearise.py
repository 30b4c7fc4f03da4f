"""The derivative of one step of a program, forward through its nodes, with matrices.

Each node carries its derivative by the leaves that it depends on: for each leaf one block. The
derivative of a state by itself is the identity, and what is only multiplied and added stays a
diagonal; an affine map of a state is its weight, which is the same for all rows. So the Jacobian
of a gated cell costs a few additions of matrices, and no product of matrices where the equations
have none. Where each leaf is given columns instead, the same pass is the product of the Jacobian
with them (forward-mode differentiation: Griewank and Walther, Evaluating Derivatives, 2008,
doi 10.1137/1.9780898717761, chapter 3).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from throughtime.engines.call import Call
from throughtime.engines.evaluate import evaluate, rounded
from throughtime.engines.parameters import packed, weights_by_name
from throughtime.program.graph import Node
from throughtime.program.pointwise import POINTWISE
from throughtime.program.program import Program


class Block(NamedTuple):
    """The derivative of a node by one leaf, for N rows, or for one where all rows have the same.

    - `value`: `(N, width, leaf's width)`, or where it is a diagonal, `(N, width)`.
    """

    value: Tensor
    diagonal: bool = False

    def full(self) -> Tensor:
        """`(N, width, leaf's width)`."""
        return torch.diag_embed(self.value) if self.diagonal else self.value


Blocks = dict[str, Block]


def node_values(
    program: Program,
    call: Call,
    x: Tensor,
    states: Mapping[str, Tensor],
    held: Mapping[int, Any] | None = None,
) -> dict[int, Any]:
    """Every node of one step, at once for all rows: a tensor `(..., width)`, or a number.

    - `call`: has the parameters, packed. Of a program without noise, as in eval mode.
    - `x`, `states`: what each row's step is given, `(..., I)` and `(..., width)`.
    - `held`: nodes whose values are given.
    """
    weights, bias = weights_by_name(program, call), packed(call).bias
    vectors = dict(zip(program.vectors, call.vectors, strict=True))
    values: dict[int, Any] = {}
    for i, node in enumerate(program.nodes):
        named = str(node.attributes.get("name"))
        if held is not None and i in held:
            values[i] = held[i]
        elif node.op == "input":
            values[i] = x
        elif node.op == "state":
            values[i] = states[named]
        elif node.op == "parameter":
            values[i] = vectors[named]
        elif node.op == "constant":
            values[i] = node.attributes["value"]
        elif node.op == "affine":
            pairs = zip(node.args, node.attributes["weights"], strict=True)
            value: Any = sum(F.linear(rounded(values[a], x), weights[w]) for a, w in pairs)
            values[i] = value if bias is None else value + bias[program.columns[named]]
        else:
            values[i] = evaluate(node, [values[a] for a in node.args], x)
    return values


def linearise(
    program: Program, call: Call, values: Mapping[int, Any], leaves: Mapping[int, Blocks]
) -> dict[str, Blocks]:
    """The derivatives of the new states by what the leaves depend on.

    - `values`: each node of N rows, `(N, width)`, see `node_values`.
    - `leaves`: for nodes of the kinds `input` and `state` their derivatives; 0 for the others.

    **Returns:** for each state the blocks that are not 0.
    """
    weights = weights_by_name(program, call)
    blocks: dict[int, Blocks] = dict(leaves)
    for i, node in enumerate(program.nodes):
        if not any(a in blocks for a in node.args):
            continue
        if node.op == "affine":
            parts = [(a, _affine(weights[w])) for a, w in
                     zip(node.args, node.attributes["weights"], strict=True)]  # fmt: skip
        elif node.op in POINTWISE:
            parts = _pointwise(node, values, i)
        else:
            parts = [(node.args[0], _of_rows(node, values[node.args[0]]))]
        blocks[i] = _summed(
            {leaf: through(block) for leaf, block in blocks[a].items()}
            for a, through in parts
            if a in blocks
        )
    return {name: blocks.get(i, {}) for name, i in program.outputs.items()}


def identity(like: Tensor, width: int) -> Block:
    """The derivative of a leaf by itself."""
    return Block(like.new_ones(1, width), diagonal=True)


def state_jacobian(program: Program, call: Call, x: Tensor, states: Mapping[str, Tensor]) -> Tensor:
    """The derivative of the full state after a step by the full state before it, `(N, S, S)`.

    The full state is all states side by side, in their order.
    """
    values = node_values(program, call, x, states)
    leaves = {
        i: {name: identity(x, states[name].shape[-1])}
        for i in program.find("state")
        for name in [program.nodes[i].attributes["name"]]
    }
    after = linearise(program, call, values, leaves)
    widths = program.states
    whole = x.new_zeros(len(x), sum(widths.values()), sum(widths.values()))
    rows = whole.split(list(widths.values()), -2)
    for name, row in zip(widths, rows, strict=True):
        for by, part in zip(widths, row.split(list(widths.values()), -1), strict=True):
            if by in after[name]:
                part.copy_(after[name][by].full())
    return whole


def _summed(parts) -> Blocks:
    total: Blocks = {}
    for part in parts:
        for leaf, block in part.items():
            total[leaf] = _plus(total[leaf], block) if leaf in total else block
    return total


def _plus(a: Block, b: Block) -> Block:
    if a.diagonal == b.diagonal:
        return Block(a.value + b.value, a.diagonal)
    dense, diagonal = (b, a) if a.diagonal else (a, b)
    rows = max(len(dense.value), len(diagonal.value))
    total = dense.value.expand(rows, -1, -1).clone()
    total.diagonal(dim1=-2, dim2=-1).add_(diagonal.value)
    return Block(total)


def _affine(weight: Tensor):
    """Through W·operand."""

    def through(block: Block) -> Block:
        # W times a diagonal scales the columns of W
        return Block(weight * block.value[:, None] if block.diagonal else weight @ block.value)

    return through


def _pointwise(node: Node, values: Mapping[int, Any], i: int):
    """Through a pointwise operation: each argument with its partial derivative."""
    y, rule = values[i], POINTWISE[node.op].derivative
    if rule is None:  # a condition is constant around almost every point
        return []
    arguments = [values[a] for a in node.args]
    partials = rule(torch.ones_like(y), y, *arguments, **node.attributes)
    pairs = zip(node.args, partials, strict=True)
    return [(a, _scaled(partial, node.width)) for a, partial in pairs if partial is not None]


def _scaled(by: Tensor, width: int):
    """Through a multiplication of each unit, also of a row of width 1 that meets wider ones."""

    def through(block: Block) -> Block:
        rows = by.expand(*by.shape[:-1], width).reshape(-1, width)
        if block.diagonal and block.value.shape[-1] == width:
            return Block(block.value * rows, diagonal=True)
        return Block(block.full() * rows[..., None])

    return through


def _of_rows(node: Node, operand: Any):
    """Through a mean, variance or sum over the units of a row, or a row of width 1 repeated."""

    def through(block: Block) -> Block:
        if node.op == "expand":
            return Block(block.full().expand(-1, node.width, -1))
        width = operand.shape[-1]
        if node.op == "variance":
            spread = operand - operand.mean(-1, keepdim=True)
            by = spread * (2 / (width - node.attributes["correction"]))
        else:
            by = operand.new_full((1, width), 1 / width if node.op == "mean" else 1.0)
        by = by.reshape(-1, width)
        if block.diagonal:
            return Block((block.value * by)[:, None])
        return Block((block.value * by[..., None]).sum(-2, keepdim=True))

    return through
