"""What stands between the columns of a table of text: told from its header and first rows."""

import csv
import re
from collections.abc import Callable, Iterable
from itertools import islice

from throughtime.data.naming import quote
from throughtime.errors import DataError

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}
FIRST = 100
QUOTED = re.compile('"(?:[^"]|"")*"')

Records = Callable[[str], Iterable[tuple[int, list[str]]]]


def separator(lines: Iterable[str], records: Records) -> str:
    """The one of `SEPARATORS` that a table has.

    It stands in the header, outside of quotation marks. Where several do, it is the one by which
    the first rows have as many fields as the header.

    **Arguments:**

    - `lines`: of the file.
    - `records`: from a separator to the records of the file by it, each with its line.

    **Raises:** `DataError` where two separators fit, or none does and two are equally near.
    """
    header = QUOTED.sub("", _header(lines))
    known = [mark for mark in SEPARATORS if mark in header]
    if len(known) < 2:
        return known[0] if known else ","
    fits = {mark: _fitting(records(mark)) for mark in known}
    best = [mark for mark in known if fits[mark] == max(fits.values())]
    if len(best) > 1:
        one, other = (quote(mark) for mark in best[:2])
        raise DataError(
            f"header has {one} and {other}, and the first rows do not tell which of them "
            "separates the columns; expected one of the two in the header. Rename the columns "
            "that have the other in their names, or put these names in quotation marks."
        )
    return best[0]


def misfit(row: int, fields: list[str], mark: str, width: int) -> str:
    """What is wrong with a record that has not the `width` fields of the header."""
    text = mark.join(fields)
    for other in SEPARATORS:
        if other != mark and width > 1 and text.count(other) == width - 1:
            return (
                f"row {row} has {quote(other)} between its fields; expected {quote(mark)} as in "
                "the header. Use one of the two in the whole file."
            )
    counted = f"{len(fields)} field" if len(fields) == 1 else f"{len(fields)} fields"
    told = "" if mark == "," else f", with {SEPARATORS[mark]} between them,"
    fix = (
        f"Remove what is too much, or put a text with {SEPARATORS[mark]} in quotation marks."
        if len(fields) > width
        else "Complete the row, or the file if it was cut off there."
    )
    return (
        f"row {row} has {counted}; expected {width}{told} because the header names so many "
        f"columns. {fix}"
    )


def _header(lines: Iterable[str]) -> str:
    """The first record that is not blank, as it stands; it ends where all quotations do."""
    text = ""
    for line in islice(lines, FIRST):
        text += line
        if text.count('"') % 2 == 0:
            if text.strip("".join(SEPARATORS) + " \r\n"):
                return text
            text = ""
    return text


def _fitting(records: Iterable[tuple[int, list[str]]]) -> int:
    """How many of the first records have as many fields as the very first, blank ones left out."""
    count, width = 0, None
    try:
        for _, fields in islice(records, FIRST):
            if any(fields):
                width = width or len(fields)
                if len(fields) != width:
                    break
                count += 1
    except csv.Error:  # the quotation marks do not fit to this separator
        pass
    return count
