"""A call with the wrong arguments says so in our own sentence, with what to write instead."""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from inspect import Parameter
from types import MappingProxyType
from typing import Any, TypeVar

from throughtime.errors import CallError, nearest

Function = TypeVar("Function", bound=Callable[..., Any])


def kind_of(got: object) -> str:
    """What a call was given, for an error: `"None"`, `"a list"` or `"the class LSTM"`."""
    if isinstance(got, type):
        return f"the class {got.__name__}"
    return "None" if got is None else f"a {type(got).__name__}"


def no_argument(
    call: str, name: str, known: Iterable[str], instead: Mapping[str, str], otherwise: str = ""
) -> CallError:
    """The error for an argument that does not exist.

    - `instead`: for names that other libraries have, what to write here.
    - `otherwise`: what to do about a name that is like none of those that are known.
    """
    known = list(known)
    near = nearest(name, known)
    guess = f"Did you mean {near}?" if near else otherwise or "Leave it out."
    return CallError(
        f"`{call}`: has no argument {name!r}; expected {', '.join(known) or 'none'}. "
        f"{instead.get(name, guess)}"
    )


def checked_arguments(
    instead: Mapping[str, str] = MappingProxyType({}), otherwise: str = ""
) -> Callable[[Function], Function]:
    """A decorator for a function, or the `__init__` of a class, see `no_argument`.

    The decorated function raises `CallError` for arguments that do not exist, are missing, or are
    given twice, before anything of it runs.
    """

    def decorate(function: Function) -> Function:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def checked(*args: Any, **given: Any) -> Any:
            try:
                signature.bind(*args, **given)
            except TypeError:
                own = "self" in signature.parameters  # the object itself is no argument
                call = function.__qualname__.split(".")[-2 if own else -1]
                known = {n: p for n, p in signature.parameters.items() if n != "self"}
                error = _wrong(call, known, len(args) - own, given, instead, otherwise)
                raise error from None
            return function(*args, **given)

        return checked  # type: ignore[return-value]

    return decorate


def _wrong(
    call: str,
    known: Mapping[str, Parameter],
    count: int,
    given: Mapping[str, Any],
    instead: Mapping[str, str],
    otherwise: str,
) -> CallError:
    """What is wrong with `count` arguments by position and those `given` by name."""
    for name in given:
        if name not in known:
            return no_argument(call, name, known, instead, otherwise)
    places = [n for n, p in known.items() if p.kind is Parameter.POSITIONAL_OR_KEYWORD]
    if count > len(places):
        return CallError(
            f"`{call}`: has {count} arguments by position; expected {', '.join(places) or 'none'}. "
            + (otherwise or "Give the others by name.")
        )
    for name in places[:count]:
        if name in given:
            return CallError(
                f"`{call}`: has {name} by position and by name; expected it once. "
                f"Leave out `{name}=`."
            )
    others = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    needed = [n for n, p in known.items() if p.default is p.empty and p.kind not in others]
    missing = [n for n in needed if n not in given and n not in places[:count]]
    usage = ", ".join(n if n in places else f"{n}={n}" for n in needed)
    return CallError(
        f"`{call}`: has no {' and no '.join(missing)}; expected {', '.join(needed)}. "
        f"Write `{call}({usage})`."
    )
