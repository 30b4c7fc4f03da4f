"""A command line that cannot be read, said in one sentence."""

from collections.abc import Sequence
from typing import Any

from throughtime.cli.options import nearest

NUMBERS = {"valid integer": "a whole number", "valid number": "a number"}


def sentence(error: Any, arguments: Sequence[str]) -> str:
    """What a usage error of typer's says, and what to do about it."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "throughtime"
    message = error.format_message()
    more = f"See `{command} --help`."
    unknown = getattr(error, "option_name", None)
    if context is not None and unknown is not None:
        known = [o for p in context.command.params for o in p.opts if o.startswith("--")]
        near = None if unknown in known else nearest(unknown, known)
        if near is not None:
            return f"`{command}` has no option {unknown}; did you mean {near}? {more}"
    said = _wrong_number(error, message, arguments) or message
    return f"`{command}`: {said.removesuffix('.')}. {more}"


def _wrong_number(error: Any, message: str, arguments: Sequence[str]) -> str | None:
    """What typer does not say: the text that an option was given in place of a number."""
    wanted = next((NUMBERS[kind] for kind in NUMBERS if kind in message), None)
    given = None
    for name in getattr(getattr(error, "param", None), "opts", ()) if wanted else ():
        for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
            if argument == name or argument.startswith(f"{name}="):
                given = f"{name} has {argument.partition('=')[2] or following!r}"  # the last counts
    return f"{given}; expected {wanted}." if given else None
