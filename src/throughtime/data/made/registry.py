"""The made data sets by the names that the command line has for them."""

from collections.abc import Callable, Mapping
from typing import Any

from throughtime.data.made.context_integration import context_integration
from throughtime.data.made.delayed_match import delayed_match
from throughtime.data.made.flip_flop import flip_flop
from throughtime.data.made.sine import sine
from throughtime.data.sequences import Sequences
from throughtime.errors import OptionError, nearest

MADE: dict[str, Callable[..., Sequences]] = {
    "flip-flop": flip_flop,
    "context-integration": context_integration,
    "delayed-match": delayed_match,
    "sine": sine,
}


def make(name: str, options: Mapping[str, Any]) -> Sequences:
    """The made data set of this name. **Raises:** `OptionError` unless there is one, `CallError`
    for an option that it does not have."""
    if name not in MADE:
        near = nearest(name, MADE)
        raise OptionError(
            f"`make`: name is {name!r}; expected one of {', '.join(MADE)}. "
            + (f"Did you mean {near!r}?" if near else "Check the spelling.")
        )
    return MADE[name](**options)


def said(name: str, options: Mapping[str, Any]) -> str:
    """As the command line has it: `flip-flop`, or `flip-flop(bits=2, steps=50)`."""
    given = ", ".join(f"{option}={value!r}" for option, value in options.items())
    return f"{name}({given})" if given else name
