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
    if not torch.is_grad_enabled() or not any(t.requires_grad for t in _flat(call)):
        return cpu.forward(program, call)
    found = _Loop.apply(program, call, *_flat(call))
    n = len(call.start) if call.every_state else 1
    return Result(found[:n], found[n:])


class _Loop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, program: Program, call: Call, *flat: Tensor) -> tuple[Tensor, ...]:
        result = cpu.forward(program, call, save=True)
        ctx.program, ctx.shown = program, len(result.states)
        ctx.shape = call._replace(**dict.fromkeys(_TUPLES, ()), x=call.x[:0, :0], bias=None)
        ctx.counts = [len(getattr(call, name)) for name in _TUPLES]
        ctx.biased = call.bias is not None
        ctx.save_for_backward(*flat, *result.states, *result.saved)
        ctx.set_materialize_grads(False)
        return *result.states, *result.final

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:  # type: ignore[override]
        call, rest = _restore(ctx)
        n = ctx.shown
        if torch.is_grad_enabled():
            return None, None, *_again(ctx.program, call, gradients)
        result = Result(tuple(rest[:n]), (), tuple(rest[n:]))
        found = cpu.backward(
            ctx.program, call, result, gradients[:n], gradients[n:], dx=ctx.needs_input_grad[2]
        )
        dweights = cpu.weight_gradients(ctx.program, call, found)
        bias = [] if call.bias is None else [found.dbias]
        return (
            None, None, found.dx, *bias, *found.dstart, *found.dinitial, *dweights,
            *found.dvectors, *[None] * len(call.randoms),
        )  # fmt: skip


_TUPLES = ("start", "initial", "weights", "vectors", "randoms")


def _flat(call: Call) -> list[Tensor]:
    bias = [] if call.bias is None else [call.bias]
    return [call.x, *bias, *(t for name in _TUPLES for t in getattr(call, name))]


def _restore(ctx: Any) -> tuple[Call, list[Tensor]]:
    tensors = list(ctx.saved_tensors)
    x = tensors.pop(0)
    bias = tensors.pop(0) if ctx.biased else None
    parts = {}
    for name, count in zip(_TUPLES, ctx.counts, strict=True):
        parts[name], tensors = tuple(tensors[:count]), tensors[count:]
    return ctx.shape._replace(x=x, bias=bias, **parts), tensors


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
