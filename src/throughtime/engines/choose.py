"""How a call gets to an engine.

Without a name the first engine that can run a call is chosen; an engine that is named and cannot
raises. A traceable engine is followed by autograd itself, the others run as one node of its graph.
While torch.compile or torch.export traces, the loop over time becomes one operator. Where a
torch.func transform or forward-mode differentiation is active, only a traceable engine can run.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from throughtime.engines import node, operator
from throughtime.engines.call import Call, Result
from throughtime.engines.parameters import pack
from throughtime.engines.registry import able, transformed
from throughtime.program.program import Program


def run(program: Program, call: Call, engine: str | None = None) -> Result:
    """Run a program over time on the engine asked for, see `Call` and `Result`.

    **Raises:** `OptionError` if an engine is named that does not exist or cannot run this call.
    """
    if torch.compiler.is_compiling() and not transformed():
        return operator.run(program, pack(call), engine)
    chosen = able(program, call, engine)
    if chosen.traceable:
        return chosen.forward(program, pack(call))
    return node.run(chosen, program, call)


def run_both(
    runs: Sequence[tuple[Program, Call]], engine: str | None = None
) -> tuple[Tensor, list[Result]]:
    """Directions over the same steps, see `run`, and their outputs side by side. An engine may run
    them at once where no gradient is wanted."""
    if not torch.compiler.is_compiling() and not any([node.differentiable(c) for _, c in runs]):
        first, *others = [able(program, call, engine) for program, call in runs]
        if not first.traceable and all(other is first for other in others):
            return node.run_both(first, runs)
    results = [run(program, call, engine) for program, call in runs]
    return torch.cat([result.states[0] for result in results], -1), results
