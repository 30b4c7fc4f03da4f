"""One call of an engine as one node of autograd's graph.

What backward needs belongs to the node: two forwards before two backwards, retain_graph and
torch.utils.checkpoint work as with any torch function. Where gradients of gradients are asked
for, the backward step runs through a traceable engine, which autograd can follow.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from throughtime.engines.call import Call, Result
from throughtime.engines.engine import Engine
from throughtime.engines.flat import flat_gradients, flatten, layout, restore
from throughtime.engines.parameters import for_all, pack
from throughtime.engines.registry import traceable
from throughtime.program.program import Program


def run(engine: Engine, program: Program, call: Call) -> Result:
    """Run a call on an engine with a backward of its own, differentiable any number of times."""
    row = flatten(call) if torch.is_grad_enabled() else []
    if not any([t.requires_grad for t in row]):
        return engine.forward(program, _for_all(call))
    outputs = _Loop.apply(engine, program, call, *row)
    n = len(call.start) if call.every_state else 1
    return Result(outputs[:n], outputs[n:])


def run_both(engine: Engine, runs: Sequence[tuple[Program, Call]]) -> tuple[Tensor, list[Result]]:
    """Directions of which no gradient is wanted at once, see `Engine.forward_both`."""
    return engine.forward_both([(program, _for_all(call)) for program, call in runs])


def differentiable(call: Call) -> bool:
    """Whether a gradient through a call is wanted."""
    return torch.is_grad_enabled() and any([t.requires_grad for t in flatten(call)])


class _Loop(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, engine: Engine, program: Program, call: Call, *row: Tensor
    ) -> tuple[Tensor, ...]:
        result = engine.forward(program, _for_all(call), save=True)
        ctx.engine, ctx.program, ctx.layout = engine, program, layout(call)
        ctx.save_for_backward(*row, *result.states, *result.saved)
        ctx.set_materialize_grads(False)
        return *result.states, *result.final

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:  # type: ignore[override]
        call, rest = restore(ctx.layout, ctx.saved_tensors)
        if torch.is_grad_enabled():
            return None, None, None, *_differentiable_gradients(ctx.program, call, gradients)
        engine, n = ctx.engine, len(call.start) if call.every_state else 1
        gradients = tuple([None if g is None else g.resolve_neg() for g in gradients])
        wanted = ctx.needs_input_grad[3:]
        back = engine.backward(
            ctx.program, _for_all(call), Result(rest[:n], (), rest[n:]), gradients[:n],
            gradients[n:], dx=wanted[0], dstart=any(wanted[1 : 1 + len(call.start)]),
        )  # fmt: skip
        dweights = engine.weight_gradients(ctx.program, back)
        return None, None, None, *flat_gradients(call, back, dweights)


def _for_all(call: Call) -> Call:
    """The call with a start for each sequence."""
    if any([s.dim() == 1 for s in call.start]):
        return call._replace(start=for_all(call.start, call.x.shape[1]))
    return call


def _differentiable_gradients(
    program: Program, call: Call, gradients: tuple[Tensor | None, ...]
) -> list[Tensor | None]:
    """The gradients at `flatten(call)` as a function that autograd can follow in its turn."""
    row = flatten(call)
    result = traceable().forward(program, pack(call))
    outputs = [*result.states, *result.final]
    pairs = [(o, g) for o, g in zip(outputs, gradients, strict=True)
             if g is not None and o.requires_grad]  # fmt: skip
    taken = iter(
        torch.autograd.grad(
            [o for o, _ in pairs], [t for t in row if t.requires_grad], [g for _, g in pairs],
            create_graph=True, allow_unused=True,
        )
    )  # fmt: skip
    return [next(taken) if t.requires_grad else None for t in row]
