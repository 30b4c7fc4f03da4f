"""One call of an engine as one node of autograd's graph.

What backward needs belongs to the node: two forwards before two backwards, retain_graph and
torch.utils.checkpoint work as with any torch function. Where gradients of gradients are asked
for, the backward step runs through the reference engine, which autograd can follow.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from throughtime.engines.call import Call, Result
from throughtime.engines.cpu import products
from throughtime.engines.cpu import run as cpu
from throughtime.engines.parts import (
    Parts,
    bias_gradients,
    for_all,
    piece_gradients,
    traced,
)
from throughtime.engines.reference import forward as reference
from throughtime.program.program import Program


def run(program: Program, call: Call, parts: Parts | None = None) -> Result:
    """Run a call on the CPU engine, differentiable any number of times; `parts`, if given, in
    place of what the call has of them."""
    flat = _flat(call, parts)
    if not _wanted(flat):
        return cpu.forward(program, _for_all(call), parts=parts)
    found = _Loop.apply(program, call, parts, *flat)
    n = len(call.start) if call.every_state else 1
    return Result(found[:n], found[n:])


def run_both(
    runs: Sequence[tuple[Program, Call, Parts | None]],
) -> tuple[Tensor, list[Result]]:
    """Directions of which no gradient is wanted at once, see `cpu.forward_both`."""
    return cpu.forward_both([(program, _for_all(call), parts) for program, call, parts in runs])


def differentiable(call: Call, parts: Parts | None) -> bool:
    """Whether a gradient through a call is wanted."""
    return _wanted(_flat(call, parts))


def _wanted(flat: list[Tensor]) -> bool:
    return torch.is_grad_enabled() and any([t.requires_grad for t in flat])


class _Loop(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, program: Program, call: Call, parts: Parts | None, *flat: Tensor
    ) -> tuple[Tensor, ...]:
        result = cpu.forward(program, _for_all(call), save=True, parts=parts)
        ctx.program, ctx.rest, ctx.places = program, call[_REST:], None
        weights = call.weights
        if parts is not None:
            sizes = tuple([len(pieces) for pieces in parts.weights])
            ctx.places, weights = (parts.places, parts.columns, sizes), _weights(call, parts)
        groups = call.start, call.initial, weights, call.vectors, call.randoms
        ctx.counts = [len(group) for group in groups]
        ctx.biases = len(flat) - 1 - sum(ctx.counts)
        ctx.save_for_backward(*flat, *result.states, *result.saved)
        ctx.set_materialize_grads(False)
        return *result.states, *result.final

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:  # type: ignore[override]
        call, parts, rest = _restore(ctx)
        if torch.is_grad_enabled():
            return None, None, None, *_again(ctx.program, call, parts, gradients)
        n = len(call.start) if call.every_state else 1
        gradients = tuple([None if g is None else g.resolve_neg() for g in gradients])
        wanted, first = ctx.needs_input_grad[3:], 1 + ctx.biases
        found = cpu.backward(
            ctx.program, _for_all(call), Result(rest[:n], (), rest[n:]), gradients[:n],
            gradients[n:], dx=wanted[0], dstart=any(wanted[first : first + len(call.start)]),
            parts=parts,
        )  # fmt: skip
        dstart = [d if d is None or s.dim() > 1 else d[0] if len(d) == 1 else d.sum(0)
                  for s, d in zip(call.start, found.dstart, strict=True)]  # fmt: skip
        dweights = products.weight_gradients(ctx.program, found)
        dbias = [] if found.dbias is None else [found.dbias]
        if parts is not None:
            dweights = piece_gradients(parts, dweights)
            dbias = bias_gradients(parts, found.dbias)
        return (
            None, None, None, found.dx, *dbias, *dstart, *found.dinitial, *dweights,
            *found.dvectors, *[None] * len(call.randoms),
        )  # fmt: skip


_REST = Call._fields.index("lengths")  # and what follows: nothing to differentiate


def _for_all(call: Call) -> Call:
    if any([s.dim() == 1 for s in call.start]):
        return call._replace(start=for_all(call.start, call.x.shape[1]))
    return call


def _weights(call: Call, parts: Parts | None) -> tuple[Tensor, ...]:
    if parts is None or not parts.weights:
        return call.weights
    return tuple([piece for pieces in parts.weights for piece in pieces])


def _flat(call: Call, parts: Parts | None) -> list[Tensor]:
    biases = () if call.bias is None else (call.bias,)
    biases = biases if parts is None else parts.vectors
    return [call.x, *biases, *call.start, *call.initial, *_weights(call, parts), *call.vectors,
            *call.randoms]  # fmt: skip


def _restore(ctx: Any) -> tuple[Call, Parts | None, tuple[Tensor, ...]]:
    """The call, what of it is in parts, and what else was saved."""
    tensors = ctx.saved_tensors
    at, groups = 1 + ctx.biases, []
    biases = tensors[1:at]
    for count in ctx.counts:
        groups.append(tensors[at : at + count])
        at += count
    start, initial, weights, vectors, randoms = groups
    if ctx.places is None:
        parts, whole = None, biases[0] if biases else None
    else:
        places, columns, sizes = ctx.places
        pieces, whole = iter(weights), None
        of_products = tuple([tuple([next(pieces) for _ in range(size)]) for size in sizes])
        parts, weights = Parts(biases, places, columns, of_products), () if sizes else weights
    call = Call(tensors[0], start, initial, weights, whole, vectors, randoms, *ctx.rest)
    return call, parts, tensors[at:]


def _again(
    program: Program, call: Call, parts: Parts | None, gradients: tuple[Tensor | None, ...]
) -> list[Tensor | None]:
    """The gradients as a differentiable function, for gradients of gradients."""
    flat = _flat(call, parts)
    result = reference.forward(program, call if parts is None else traced(call, parts))
    outputs = [*result.states, *result.final]
    pairs = [(o, g) for o, g in zip(outputs, gradients, strict=True)
             if g is not None and o.requires_grad]  # fmt: skip
    wanted = [t for t in flat if t.requires_grad]
    found = iter(
        torch.autograd.grad(
            [o for o, _ in pairs], wanted, [g for _, g in pairs], create_graph=True,
            allow_unused=True,
        )
    )  # fmt: skip
    return [next(found) if t.requires_grad else None for t in flat]
