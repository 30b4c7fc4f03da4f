"""What to do about a column that nobody named and that cannot be learned from.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

from collections.abc import Sequence

import polars as pl

from throughtime.data.date_format import UnclearDate
from throughtime.data.frame import Table
from throughtime.data.moments import moments
from throughtime.data.naming import LONGEST, quote
from throughtime.errors import DataError


def not_a_channel(table: Table, names: Sequence[str], name: str, *, timed: bool) -> str:
    """What to do about the text in the column `name`, which is read as numbers as all of `names`
    are, because nobody said which columns to learn from; `timed` if there is a time column.
    """
    counts = {n: _count_numbers(table.frame[n]) for n in names}
    if counts[name]:
        return "Correct it or remove the row."
    if not timed and are_moments(table, name):
        return (
            "If it is when each step was, name it as the time column (on the command line --time "
            f"{quote(name)}, in Python time=)."
        )
    return leave_out([n for n in names if counts[n]])


def leave_out(others: Sequence[str]) -> str:
    """How to learn from the columns `others` alone."""
    example = ",".join(others)
    example = example if len(example) <= LONGEST else "A,B"
    return (
        "Leave the column out by naming those to learn from (on the command line --channels "
        f"{example or 'A,B'}, in Python channels=)."
    )


def _count_numbers(column: pl.Series) -> int:
    if column.dtype != pl.String and not column.dtype.is_numeric():
        return 0
    return column.cast(pl.Float64, strict=False).count()


def are_moments(table: Table, name: str) -> bool:
    """Whether a column has dates, if only such as take a format to read them."""
    try:
        moments(table, name)
        return True
    except UnclearDate:  # dates, though it takes a format to read them
        return True
    except DataError:
        return False
