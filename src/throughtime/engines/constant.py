"""How torch.compile is told that a function gives the same result at every call."""

from collections.abc import Callable
from typing import TypeVar

Function = TypeVar("Function", bound=Callable)


def assume_constant_result(function: Function) -> Function:
    """Mark a function as `torch.compiler.assume_constant_result` does: torch.compile calls it
    while it traces and keeps the result.

    torch's own decorator imports torch._dynamo, which takes as long as torch itself, only to set
    this one mark. Most processes never compile anything.
    """
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return function
