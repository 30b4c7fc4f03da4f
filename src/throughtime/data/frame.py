"""What every format of a table gives: columns, and where each row stands in the file.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from throughtime.data.naming import quote

Failure = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


@dataclass(frozen=True, eq=False)
class Table:
    """The columns asked for, and where each row stands in the file.

    - `frame`: one column for each asked for, in that order, at least one row.
    - `row`: from a place in `frame` to the number of that row as a person counts it; where there
      are several files, with the name of the file.
    - `decimal_comma`: whether texts may be numbers with a decimal comma.
    """

    frame: pl.DataFrame
    row: Callable[[int], int | str]
    decimal_comma: bool = False


def unreadable(form: str, error: BaseException) -> str:
    """What to say of a file that is not, or not wholly, of its `form`."""
    return (
        f"file has contents that are not {form} ({quote(error)}); expected a whole {form} file. "
        "Copy or write it again."
    )
