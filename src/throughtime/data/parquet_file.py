"""Tables as Apache Parquet.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from throughtime.data.frame import Failure, Table, Tabular, unreadable, with_texts
from throughtime.errors import DataError


class Parquet(Tabular):
    """An Apache Parquet file; it has no header line, so its first row is row 1."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            data = file.read(4)
            file.seek(max(path.stat().st_size - 4, 0))
            end = file.read(4)
        if not data:
            raise DataError("file is empty; expected a table. Give a file with data.")
        if data != b"PAR1":
            raise DataError(
                "file has other contents than Parquet; expected it to begin with PAR1. "
                "Give a Parquet file, or name it .csv if it is one."
            )
        if end != b"PAR1":
            raise DataError(
                "file is cut off; expected Parquet to end with PAR1. Copy or write it again."
            )

    def header(self) -> list[str]:
        """The names of the columns."""
        try:
            return list(pl.read_parquet_schema(self.path))
        except Failure as error:
            raise DataError(unreadable("Parquet", error)) from None

    def read(self, columns: Sequence[str]) -> Table:
        """`columns` in the types that the file gives them; categories as text."""
        try:
            frame = pl.read_parquet(self.path, columns=list(columns), glob=False)
        except Failure as error:
            raise DataError(unreadable("Parquet", error)) from None
        return Table(with_texts(frame.select(columns)), lambda place: place + 1)
