"""How names and texts that come from outside are shown in an error."""

from collections.abc import Iterable

from throughtime import errors

LONGEST = 60
MOST = 12


def quote(text: object) -> str:
    """`text` in quotation marks on one line: control characters escaped, the middle cut if long.

    A name read from a file may hold anything; an error must stay one line all the same.
    """
    text = str(text)
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]}…{text[-LONGEST // 2 :]}"
    return repr(text)


def quote_all(names: Iterable[object]) -> str:
    """`names` quoted and separated by commas; only the first ones if there are many."""
    names = list(names)
    rest = [f"and {len(names) - MOST} more"] if len(names) > MOST else []
    return ", ".join([quote(name) for name in names[:MOST]] + rest)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that is spelled most like `name`, or None if none is near."""
    spellings = {}
    for candidate in names:
        spellings.setdefault(candidate.strip().casefold(), candidate)
    near = errors.nearest(name.strip().casefold(), spellings)
    return None if near is None else spellings[near]


def counted(count: int, what: str) -> str:
    """So many of them, in words."""
    return f"{count:,} {what}{'s' * (count != 1)}"
