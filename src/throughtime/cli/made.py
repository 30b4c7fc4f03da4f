"""A made data set named on the command line in place of a table: `flip-flop(bits=2, steps=50)`."""

import os
import re
from typing import Any, NamedTuple

from throughtime.cli import named_call
from throughtime.errors import DataError, OptionError, nearest

NAMES = ("flip-flop", "context-integration", "delayed-match", "sine")
"""As `throughtime.data.MADE` has them, which is imported with torch."""


class Made(NamedTuple):
    name: str
    options: dict[str, Any]


def named(data: str | None) -> Made | None:
    """The made data set that is named in place of a table; None for a table, which is any path
    that there is, and for all that is no such name.

    Options are plain values; nothing in `data` is evaluated, and torch is not imported.

    **Raises:** `OptionError` for options that cannot be read.
    """
    if data is None or os.path.exists(data):
        return None
    name, bracket, options = data.strip().partition("(")
    if name not in NAMES:
        return None
    call = named_call.read(name.replace("-", "_") + bracket + options)
    if call is None:
        raise OptionError(
            f"{data!r} cannot be read; expected {name} with options that are plain values, each by "
            f"its name. Write '{name}(sequences=500)', quoted for the shell."
        )
    return Made(name, call[1])


def check_spelling(data: str) -> None:
    """**Raises:** `DataError` for what is no path and looks like the name of a made data set."""
    name, bracket, _ = data.strip().partition("(")
    if not (bracket or re.fullmatch(r"[\w-]+", name)):
        return
    near = nearest(name.replace("_", "-").lower(), NAMES)
    raise DataError(
        f"{data}: there is no such file, and no made data set of this name; expected a table or "
        f"one of {', '.join(NAMES)}. "
        + (f"Did you mean {near}?" if near else "Check the spelling and the folder.")
    )
