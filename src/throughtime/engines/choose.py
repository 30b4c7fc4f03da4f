"""Which engine runs a call.

`None` chooses: the CPU engine where it can do the work, else the reference engine, which runs
everything. An engine that is named and cannot do the work raises. While torch.compile or
torch.export traces, the loop over time becomes one operator. Where a torch.func transform or
forward-mode differentiation is active, only the plain loop can follow.
"""

import importlib.util
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

from throughtime.engines import node, operator
from throughtime.engines.call import Call, Result
from throughtime.engines.constant import assume_constant_result
from throughtime.engines.cpu import run as cpu
from throughtime.engines.parts import Parts, traced
from throughtime.engines.reference import forward as reference
from throughtime.errors import OptionError
from throughtime.program.program import Program

ENGINES = ("cpu", "reference")


def check(engine: str | None) -> None:
    """**Raises:** `OptionError` for an engine that does not exist."""
    if engine is not None and engine not in ENGINES:
        raise OptionError(
            f"`Recurrent`: engine is {engine!r}; expected {' or '.join(map(repr, ENGINES))}, "
            "or None to let throughtime choose. Leave it out."
        )


def run(
    program: Program, call: Call, parts: Parts | None = None, engine: str | None = None
) -> Result:
    """Run a program over time on the engine asked for, see `Call` and `Result`; `parts`, if given,
    in place of what the call has of them.

    **Raises:** `OptionError` if an engine is named and cannot run this call.
    """
    check(engine)
    if _direct(engine):
        why = cpu.why_not(call, parts)
        if why is None:
            return node.run(program, call, parts)
    else:
        why = "a torch.func transform is active"
    if parts is not None:
        call = traced(call, parts)
    if torch.compiler.is_compiling() and not transformed():
        return operator.run(program, call, engine)
    if engine == "cpu":
        raise OptionError(
            f'`{program.cell}`: engine is "cpu"; expected "reference" here because {why}. Leave '
            "engine out to let throughtime choose."
        )
    return reference.forward(program, call)


def run_both(
    runs: Sequence[tuple[Program, Call, Parts | None]], engine: str | None = None
) -> tuple[Tensor, list[Result]]:
    """Directions over the same steps, see `run`, and their outputs side by side; the CPU engine
    runs them at once where no gradient is wanted."""
    check(engine)
    if (
        _direct(engine)
        and not any([node.differentiable(call, parts) for _, call, parts in runs])
        and not any([cpu.why_not(call, parts) for _, call, parts in runs])
    ):
        return node.run_both(runs)
    results = [run(*each, engine) for each in runs]
    return torch.cat([result.states[0] for result in results], -1), results


def _direct(engine: str | None) -> bool:
    """Whether the CPU engine may run a call as it is."""
    return not (transformed() or engine == "reference" or torch.compiler.is_compiling())


@assume_constant_result  # dynamo guards on the transforms that are active
def transformed() -> bool:
    """Whether a torch.func transform or forward-mode differentiation is active."""
    return (
        torch._C._functorch.maybe_current_level() is not None  # pyright: ignore
        or torch.autograd.forward_ad._current_level >= 0
    )


_said = False


def say_once_without_native() -> None:
    """One warning in a process whose installation has no compiled module."""
    global _said
    if not _said and importlib.util.find_spec("throughtime._native") is None:
        _said = True
        warnings.warn(
            "throughtime was installed without its compiled module, as no C++ compiler was found: "
            "everything runs on the reference engine. Install a C++20 compiler, then throughtime "
            "again.",
            stacklevel=3,
        )
