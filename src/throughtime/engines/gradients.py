"""Forward and backward of one call, to look at: what no training step needs is kept here.

Diagnosis reaches the engines through this file alone.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from throughtime.engines.call import Call, Gradients, Packed, Result
from throughtime.engines.derived import plan
from throughtime.engines.flat import flatten, layout, restore
from throughtime.engines.parameters import packed, weights_by_name
from throughtime.engines.registry import able
from throughtime.program.probe import probed, vector_map
from throughtime.program.program import Program


@torch.no_grad()
def gradients(
    program: Program,
    call: Call,
    dstates: Sequence[Tensor | None],
    dfinal: Sequence[Tensor | None],
    *,
    times: int = 1,
) -> tuple[Result, Gradients]:
    """Run a call, its parameters packed, forward and backward on the first engine that can.

    - `dstates`, `dfinal`: the gradient at `Result.states` and `Result.final`; None for none.
    - `times`: how many gradients go back through each row of the call, `times * B` rows of
      `dstates` and `dfinal`: all B, then all B again. Forward runs once.

    `Gradients.dx` may be None.
    """
    call = detached(call)._replace(every_state=True, recompute=False)
    engine = able(program, call).fixed(program, call)
    result = engine.forward(program, call, save=True)
    wide, saved = (call, result) if times == 1 else _repeated(call, result, times)
    return result, engine.backward(program, wide, saved, dstates, dfinal, dx=False)


def _repeated(call: Call, result: Result, times: int) -> tuple[Call, Result]:
    """The same for so many copies of each row."""

    def rows(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(t.repeat(*[1] * (t.dim() - 2), times, 1) for t in tensors)

    wide = call._replace(
        x=rows((call.x,))[0],
        start=rows(call.start),
        initial=rows(call.initial),
        randoms=rows(call.randoms),
        lengths=None if call.lengths is None else call.lengths.repeat(times),
        resets=None if call.resets is None else call.resets.repeat(1, times),
    )
    return wide, Result(*map(rows, result))


def detached(call: Call) -> Call:
    """The call without its place in autograd's graph."""
    return restore(layout(call), [t.detach() for t in flatten(call)])[0]


@torch.no_grad()
def probe(program: Program, call: Call) -> tuple[Program, Call]:
    """The probed program with a call of it: the gradients of vectors and states over time.

    In what `gradients` returns of the two, the columns of `probe.vector_map(name)` are the
    gradient of the replicas of a vector, and those of `probe.state_map(name)` all that reaches
    the state after each step.
    """
    new = probed(program)
    zeros = call.x.new_zeros
    matrices = weights_by_name(program, call)
    vectors = dict(zip(program.vectors, call.vectors, strict=True))
    weights = [
        torch.cat([matrices[w] if w in matrices else zeros(new.parameters[w].shape)
                   for w in product.weights])
        for product in plan(new).products
    ]  # fmt: skip
    own = {vector_map(name): vector for name, vector in vectors.items()}
    before, bias = packed(call).bias, []
    for name, columns in new.columns.items():
        if name in program.columns and before is not None:
            bias.append(before[program.columns[name]])
        else:
            bias.append(own.get(name, zeros(columns.stop - columns.start)))
    return new, call._replace(parameters=Packed(tuple(weights), torch.cat(bias)), vectors=())
