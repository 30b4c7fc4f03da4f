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
from throughtime.program.program import Program


def run(program: Program, call: Call) -> Result:
    """Run a call on the CPU engine, differentiable any number of times."""
    if not torch.is_grad_enabled():
        return cpu.forward(program, call)
    flat = _flat(call)
    if not any([t.requires_grad for t in flat]):
        return cpu.forward(program, call)
    found = _Loop.apply(program, call, *flat)
    n = len(call.start) if call.every_state else 1
    return Result(found[:n], found[n:])


class _Loop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, program: Program, call: Call, *flat: Tensor) -> tuple[Tensor, ...]:
        result = cpu.forward(program, call, save=True)
        ctx.program, ctx.biased, ctx.rest = program, call.bias is not None, call[_REST:]
        parts = call.start, call.initial, call.weights, call.vectors, call.randoms
        ctx.counts = [len(part) for part in parts]
        ctx.save_for_backward(*flat, *result.states, *result.saved)
        ctx.set_materialize_grads(False)
        return *result.states, *result.final

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:  # type: ignore[override]
        call, rest = _restore(ctx)
        if torch.is_grad_enabled():
            return None, None, *_again(ctx.program, call, gradients)
        n = len(call.start) if call.every_state else 1
        wanted = ctx.needs_input_grad[2:]
        first = 1 + ctx.biased
        found = cpu.backward(
            ctx.program, call, Result(rest[:n], (), rest[n:]), gradients[:n], gradients[n:],
            dx=wanted[0], dstart=any(wanted[first : first + len(call.start)]),
        )  # fmt: skip
        return (
            None, None, found.dx, *([found.dbias] if ctx.biased else []), *found.dstart,
            *found.dinitial, *cpu.weight_gradients(ctx.program, call, found), *found.dvectors,
            *[None] * len(call.randoms),
        )  # fmt: skip


_REST = Call._fields.index("lengths")  # and what follows: nothing to differentiate


def _flat(call: Call) -> list[Tensor]:
    bias = () if call.bias is None else (call.bias,)
    return [call.x, *bias, *call.start, *call.initial, *call.weights, *call.vectors, *call.randoms]


def _restore(ctx: Any) -> tuple[Call, tuple[Tensor, ...]]:
    tensors = ctx.saved_tensors
    at, parts = 1 + ctx.biased, []
    for count in ctx.counts:
        parts.append(tensors[at : at + count])
        at += count
    start, initial, weights, vectors, randoms = parts
    bias = tensors[1] if ctx.biased else None
    call = Call(tensors[0], start, initial, weights, bias, vectors, randoms, *ctx.rest)
    return call, tensors[at:]


def _again(
    program: Program, call: Call, gradients: tuple[Tensor | None, ...]
) -> list[Tensor | None]:
    """The gradients as a differentiable function, for gradients of gradients."""
    result = reference.forward(program, call)
    outputs = [*result.states, *result.final]
    pairs = [(o, g) for o, g in zip(outputs, gradients, strict=True)
             if g is not None and o.requires_grad]  # fmt: skip
    flat = _flat(call)
    wanted = [t for t in flat if t.requires_grad]
    found = iter(
        torch.autograd.grad(
            [o for o, _ in pairs], wanted, [g for _, g in pairs], create_graph=True,
            allow_unused=True,
        )
    )  # fmt: skip
    return [next(found) if t.requires_grad else None for t in flat]
