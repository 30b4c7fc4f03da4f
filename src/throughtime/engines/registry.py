"""The engines that there are, and which of them runs a call."""

import torch

from throughtime.engines.call import Call
from throughtime.engines.constant import assume_constant_result
from throughtime.engines.cpu import CPU
from throughtime.engines.engine import Engine
from throughtime.engines.reference import Reference
from throughtime.errors import OptionError
from throughtime.program.program import Program

# In order of preference. The last runs every call.
ENGINES: list[Engine] = [CPU(), Reference()]


@assume_constant_result  # dynamo guards on the transforms that are active
def transformed() -> bool:
    """Whether a torch.func transform or forward-mode differentiation is active."""
    return (
        torch._C._functorch.maybe_current_level() is not None  # pyright: ignore
        or torch.autograd.forward_ad._current_level >= 0
    )


def named(name: str) -> Engine:
    """The engine of a name. **Raises:** `OptionError` if there is none."""
    for engine in ENGINES:
        if engine.name == name:
            return engine
    names = " or ".join(repr(engine.name) for engine in ENGINES)
    raise OptionError(
        f"`Recurrent`: engine is {name!r}; expected {names}, or None to let throughtime choose. "
        "Leave it out."
    )


def check(name: str | None) -> None:
    """**Raises:** `OptionError` for the name of an engine that does not exist."""
    if name is not None:
        named(name)


def able(program: Program, call: Call, name: str | None = None) -> Engine:
    """The engine that runs a call: the one that is named, or the first that can.

    **Raises:** `OptionError` if an engine is named that does not exist or cannot run the call.
    """
    engines = ENGINES if name is None else [named(name)]
    follow, why = transformed(), None
    for engine in engines:
        if follow and not engine.traceable:
            why = "a torch.func transform is active"
        else:
            why = engine.why_not(program, call)
        if why is None:
            return engine
    raise OptionError(
        f'`{program.cell}`: engine is "{name}"; expected "{able(program, call).name}" here because '
        f"{why}. Leave engine out to let throughtime choose."
    )


def able_when_compiled(
    program: Program,
    device: str,
    dtype: torch.dtype | None,
    autocast: torch.dtype | None,
    name: str | None,
) -> str:
    """The name of the engine that runs inside torch.compile's operator.

    It is the one that is named, if it can run such tensors, see `Engine.why_never`, or the first
    that can. `dtype` is that of all tensors; None if they are of several, which a traceable engine
    alone can run.
    """
    for engine in ENGINES if name is None else [named(name), traceable()]:
        if engine.traceable:
            return engine.name
        if dtype is not None and engine.why_never(program, device, dtype, autocast) is None:
            return engine.name
    raise AssertionError("no engine is traceable")


def traceable() -> Engine:
    """The first engine that autograd and every transform can follow."""
    return next(engine for engine in ENGINES if engine.traceable)
