"""The errors a person meets.

Each says `<call>: <argument> has <got>; expected <want>[ because ...]. <one fix>.`
"""

import difflib
from collections.abc import Iterable


class ThroughtimeError(Exception):
    """Every error that throughtime raises on purpose."""


class ShapeError(ThroughtimeError, ValueError):
    """A tensor of the wrong shape, dtype or device, or sizes that do not fit together."""


class OptionError(ThroughtimeError, ValueError):
    """An option that does not exist, or a value outside its range."""


class CallError(ThroughtimeError, TypeError):
    """A call with an argument that does not exist, is missing, or is of another kind."""


class TraceError(ThroughtimeError, TypeError):
    """The equations of a cell cannot be read as a program; names the line of the cell."""


class DataError(ThroughtimeError, ValueError):
    """A table that cannot be used as it is; names the file, the column and the row."""


class RunError(ThroughtimeError, RuntimeError):
    """A run folder that cannot be written, read or trusted."""


class MachineError(ThroughtimeError, ValueError):
    """A Turing machine, an automaton or a tape that is not well formed."""


class CapacityError(ThroughtimeError, RuntimeError):
    """A computation that needs more tape cells than the numbers of its network hold exactly."""


class AgreementError(ThroughtimeError, RuntimeError):
    """Two libraries that should compute the same do not: a benchmark times neither."""


def nearest(name: object, known: Iterable[str], near: float = 0.6) -> str | None:
    """The one of `known` that is spelled most like `name`, or None if none is near.

    `near`: the least share of letters that both have in one order, from 0 to 1.
    """
    return next(iter(difflib.get_close_matches(str(name), list(known), n=1, cutoff=near)), None)


def one_line(text: object) -> str:
    """Text from outside on one line: what moves or colours a terminal is shown as its escape."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))


def whole(call: str, name: str, value: object, fix: str) -> None:
    """**Raises:** `OptionError` unless a value is a whole number, 1 or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise OptionError(
            f"`{call}`: {name} is {value!r}; expected a whole number, 1 or more. {fix}"
        )
