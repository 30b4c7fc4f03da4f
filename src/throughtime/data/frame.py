"""What every format of a table gives: columns, and where each row stands in the file.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
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


class Tabular(ABC):
    """What a table is read from: a file of some format, several of them, a frame from Python.

    - `sequence`, `time`: the columns that have these roles where nobody names others, since the
      format itself says so; None where it does not.
    """

    sequence: str | None = None
    time: str | None = None

    @abstractmethod
    def header(self) -> list[str]:
        """The names of the columns, in their order."""

    @abstractmethod
    def read(self, columns: Sequence[str]) -> Table:
        """Some of the columns, in the order asked for. **Raises:** `DataError`."""


class InMemory(Tabular):
    """A table that is in memory as a whole; `row` as in `Table`, `sequence` and `time` as above."""

    def __init__(
        self,
        frame: pl.DataFrame,
        row: Callable[[int], int | str],
        *,
        sequence: str | None = None,
        time: str | None = None,
    ) -> None:
        self.frame, self.row = frame, row
        self.sequence, self.time = sequence, time

    def header(self) -> list[str]:
        """The names of the columns, in their order."""
        return self.frame.columns

    def read(self, columns: Sequence[str]) -> Table:
        """Some of the columns; categories as the texts that they stand for."""
        return Table(with_texts(self.frame.select(columns)), self.row)


def with_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with text in place of polars' categories, which know no order and no blanks."""
    of_categories = [
        name for name, kind in frame.schema.items() if isinstance(kind, pl.Categorical | pl.Enum)
    ]
    return frame.with_columns(pl.col(of_categories).cast(pl.String)) if of_categories else frame


def unreadable(form: str, error: BaseException) -> str:
    """What to say of a file that is not, or not wholly, of its `form`."""
    return (
        f"file has contents that are not {form} ({quote(error)}); expected a whole {form} file. "
        "Copy or write it again."
    )
