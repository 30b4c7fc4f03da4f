"""Several files as one table, one after the other.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate

import polars as pl

from throughtime.data.frame import Table, Tabular
from throughtime.data.naming import quote, quote_all
from throughtime.errors import DataError


class Several(Tabular):
    """The rows of all files, in the order of the files.

    All have the same columns, in whatever order. A sequence may go on in a later file, unless the
    format itself says which rows are a sequence: then it is one of its file.
    """

    def __init__(self, opens: Mapping[str, Callable[[], Tabular]]) -> None:
        """`opens`: from the name of each file to what opens it."""
        self.tables: dict[str, Tabular] = {}
        for name, open_one in opens.items():
            with _named(name):
                self.tables[name] = open_one()
        self.first = next(iter(self.tables))
        self.sequence = self.tables[self.first].sequence
        self.time = self.tables[self.first].time

    def header(self) -> list[str]:
        """The names of the columns, as the first file has them."""
        header = self._header(self.first)
        for name in self.tables:
            other = self._header(name)
            missing = [column for column in header if column not in other]
            added = [column for column in other if column not in header]
            if missing or added:
                raise DataError(
                    f"file {quote(name)} has "
                    + " and ".join(
                        [f"no column {quote_all(missing)}"] * bool(missing)
                        + [f"the column {quote_all(added)} more"] * bool(added)
                    )
                    + f"; expected the columns of {quote(self.first)}, because all files are read "
                    "as one table. Give it the same columns, or leave the file out."
                )
        return header

    def read(self, columns: Sequence[str]) -> Table:
        """Some of the columns of all files."""
        tables = {}
        for name, table in self.tables.items():
            with _named(name):
                tables[name] = table.read(columns)
        _check_decimals(tables)
        frames = {name: table.frame for name, table in tables.items()}
        if self.sequence in columns:
            frames = {name: _named_by(name, f, str(self.sequence)) for name, f in frames.items()}
        parts = [*tables.items()]
        ends = [*accumulate(frame.height for frame in frames.values())]

        def row(place: int) -> str:
            k = bisect_right(ends, place)
            name, table = parts[k]
            return f"{table.row(place - (ends[k - 1] if k else 0))} of {quote(name)}"

        return Table(_end_to_end(frames), row, decimal_comma=parts[0][1].decimal_comma)

    def _header(self, name: str) -> list[str]:
        with _named(name):
            return self.tables[name].header()


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Errors about one of several files begin with its name."""
    try:
        yield
    except DataError as error:
        raise DataError(f"file {quote(name)}: {error}") from None


def _named_by(file: str, frame: pl.DataFrame, sequence: str) -> pl.DataFrame:
    """`frame` with the name of its file before those of its sequences, which count from 0."""
    named = pl.concat_str(pl.lit(f"{file}: "), pl.col(sequence)).alias(sequence)
    return frame.with_columns(named)


def _check_decimals(tables: Mapping[str, Table]) -> None:
    """**Raises:** `DataError` where a comma is in one file what separates columns, and in another
    one in a number."""
    of = {table.decimal_comma: name for name, table in tables.items()}
    if len(of) > 1:
        raise DataError(
            f"file {quote(of[False])} has commas between its columns and {quote(of[True])} has "
            "not; expected the same in all files, because a comma in a number is a decimal comma "
            "only where it does not separate columns. Save them in the same way."
        )


def _end_to_end(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The rows of all frames; whole numbers as fractions where another file has fractions.

    **Raises:** `DataError` where a column is of another kind in another file.
    """
    empty: dict[str, list[str]] = {name: [] for name in frames}
    for column in frames[next(iter(frames))].columns:
        kinds: dict[object, str] = {}
        for name, frame in frames.items():
            if frame[column].null_count() == frame.height:
                empty[name].append(column)  # of any kind
                continue
            kind = frame.schema[column]
            kinds.setdefault("number" if kind.is_numeric() else kind.base_type(), name)
        if len(kinds) > 1:
            (_, one), (_, other) = [*kinds.items()][:2]
            raise DataError(
                f"column {quote(column)} has type {frames[other].schema[column]} in {quote(other)} "
                f"and {frames[one].schema[column]} in {quote(one)}; expected one type because all "
                "files are read as one table. Convert the column in one of them."
            )
    parts = [
        frame.with_columns(pl.lit(None).alias(column) for column in empty[name])
        for name, frame in frames.items()
    ]
    return pl.concat(parts, how="vertical_relaxed")
