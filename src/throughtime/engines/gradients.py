"""Forward and backward of one call, to look at: what no training step needs is kept here.

Diagnosis reaches the engines through this file alone.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from throughtime.engines import backward, cpu, reference
from throughtime.engines.backward import by_name
from throughtime.engines.call import Call, Gradients, Result
from throughtime.engines.evaluate import plan
from throughtime.program.probe import probed, vector_map
from throughtime.program.program import Program


@torch.no_grad()
def gradients(
    program: Program,
    call: Call,
    dstates: Sequence[Tensor | None],
    dfinal: Sequence[Tensor | None],
) -> tuple[Result, Gradients]:
    """Run a call forward and backward, on the CPU engine where it can.

    - `dstates`, `dfinal`: the gradient at `Result.states` and `Result.final`; None for none.
    """
    call = detached(call)._replace(every_state=True, recompute=False)
    engine = cpu if cpu.why_not(call) is None else None
    forward = reference.forward if engine is None else engine.forward
    back = backward.backward if engine is None else engine.backward
    result = forward(program, call, save=True)
    return result, back(program, call, result, dstates, dfinal)


def detached(call: Call) -> Call:
    """The call without its place in autograd's graph."""
    plain = {}
    for name, value in call._asdict().items():
        if isinstance(value, Tensor):
            plain[name] = value.detach()
        elif isinstance(value, tuple):
            plain[name] = tuple(t.detach() for t in value)
    return call._replace(**plain)


@torch.no_grad()
def probe(program: Program, call: Call) -> tuple[Program, Call]:
    """The probed program with a call of it: the gradients of vectors and states over time.

    In what `gradients` returns of the two, the columns of `probe.vector_map(name)` are the
    gradient of the replicas of a vector, and those of `probe.state_map(name)` all that reaches
    the state after each step.
    """
    new = probed(program)
    zeros = call.x.new_zeros
    matrices = by_name(program, call)
    vectors = dict(zip(program.vectors, call.vectors, strict=True))
    weights = [
        torch.cat([matrices[w] if w in matrices else zeros(new.parameters[w].shape)
                   for w in product.weights])
        for product in plan(new).products
    ]  # fmt: skip
    own = {vector_map(name): vector for name, vector in vectors.items()}
    bias = []
    for name, columns in new.columns.items():
        if name in program.columns and call.bias is not None:
            bias.append(call.bias[program.columns[name]])
        else:
            bias.append(own.get(name, zeros(columns.stop - columns.start)))
    return new, call._replace(weights=tuple(weights), bias=torch.cat(bias), vectors=())
