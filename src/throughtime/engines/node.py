"""One call of an engine as one node of autograd's graph.

What backward needs belongs to the node: two forwards before two backwards, retain_graph and
torch.utils.checkpoint work as with any torch function. Where gradients of gradients are asked
for, the backward step runs through the reference engine, which autograd can follow.
"""

from typing import Any

import torch
from torch import Tensor

from throughtime.engines import cpu, reference
from throughtime.engines.call import Call, Result
from throughtime.engines.parts import Parts, traced
from throughtime.program.program import Program


def run(program: Program, call: Call, bias: Parts | None = None) -> Result:
    """Run a call on the CPU engine, differentiable any number of times; `bias`, if given, in
    place of that of the call."""
    flat = _flat(call, bias)
    if not torch.is_grad_enabled() or not any([t.requires_grad for t in flat]):
        return cpu.forward(program, call, bias=bias)
    found = _Loop.apply(program, call, bias, *flat)
    n = len(call.start) if call.every_state else 1
    return Result(found[:n], found[n:])


class _Loop(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, program: Program, call: Call, bias: Parts | None, *flat: Tensor
    ) -> tuple[Tensor, ...]:
        result = cpu.forward(program, call, save=True, bias=bias)
        ctx.program, ctx.bias, ctx.rest = program, bias and bias[1:], call[_REST:]
        parts = call.start, call.initial, call.weights, call.vectors, call.randoms
        ctx.counts = [len(part) for part in parts]
        ctx.biases = len(flat) - 1 - sum(ctx.counts)
        ctx.save_for_backward(*flat, *result.states, *result.saved)
        ctx.set_materialize_grads(False)
        return *result.states, *result.final

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:  # type: ignore[override]
        call, bias, rest = _restore(ctx)
        if torch.is_grad_enabled():
            return None, None, None, *_again(ctx.program, call, bias, gradients)
        n = len(call.start) if call.every_state else 1
        gradients = tuple([None if g is None else g.resolve_neg() for g in gradients])
        wanted, first = ctx.needs_input_grad[3:], 1 + ctx.biases
        found = cpu.backward(
            ctx.program, call, Result(rest[:n], (), rest[n:]), gradients[:n], gradients[n:],
            dx=wanted[0], dstart=any(wanted[first : first + len(call.start)]), bias=bias,
        )  # fmt: skip
        dbias = [] if found.dbias is None else [found.dbias]
        if bias is not None:
            dbias = cpu.part_gradients(bias, dbias[0])
        return (
            None, None, None, found.dx, *dbias, *found.dstart, *found.dinitial,
            *cpu.weight_gradients(ctx.program, call, found), *found.dvectors,
            *[None] * len(call.randoms),
        )  # fmt: skip


_REST = Call._fields.index("lengths")  # and what follows: nothing to differentiate


def _flat(call: Call, bias: Parts | None) -> list[Tensor]:
    biases = () if call.bias is None else (call.bias,)
    biases = biases if bias is None else bias.vectors
    return [call.x, *biases, *call.start, *call.initial, *call.weights, *call.vectors,
            *call.randoms]  # fmt: skip


def _restore(ctx: Any) -> tuple[Call, Parts | None, tuple[Tensor, ...]]:
    """The call, its bias where that is in parts, and what else was saved."""
    tensors = ctx.saved_tensors
    at, parts = 1 + ctx.biases, []
    biases = tensors[1:at]
    for count in ctx.counts:
        parts.append(tensors[at : at + count])
        at += count
    start, initial, weights, vectors, randoms = parts
    bias = None if ctx.bias is None else Parts(biases, *ctx.bias)
    whole = biases[0] if biases and bias is None else None
    call = Call(tensors[0], start, initial, weights, whole, vectors, randoms, *ctx.rest)
    return call, bias, tensors[at:]


def _again(
    program: Program, call: Call, bias: Parts | None, gradients: tuple[Tensor | None, ...]
) -> list[Tensor | None]:
    """The gradients as a differentiable function, for gradients of gradients."""
    flat = _flat(call, bias)
    if bias is not None:
        call = call._replace(bias=traced(bias))
    result = reference.forward(program, call)
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
