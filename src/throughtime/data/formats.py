"""The formats of a table: how each gives its header, its columns and the number of a row.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from throughtime.data.naming import quote, quote_all
from throughtime.errors import DataError

Failure = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


@dataclass(frozen=True, eq=False)
class Table:
    """The columns asked for, and where each row stands in the file.

    - `frame`: one column for each asked for, in that order, at least one row.
    - `row`: from a place in `frame` to the number of that row as a person counts it.
    """

    frame: pl.DataFrame
    row: Callable[[int], int]


class Csv:
    """Comma-separated UTF-8 text with a header; rows are counted as lines, the header is line 1.

    Every column is read as text: the columns decide what it means, and can name what does not
    mean anything.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # The line on which each record starts is only ever sought for an error.
        self.names, self.first = self._header()

    def header(self) -> list[str]:
        """The names of the columns, as they stand."""
        return self.names

    def read(self, columns: Sequence[str]) -> Table:
        """`columns` as text; lines that are blank are left out, their numbers are kept."""
        # By place and not by name: polars leaves doubled quotation marks in a name as they are.
        places = sorted(self.names.index(name) for name in columns)
        try:
            frame = pl.read_csv(self.path, columns=places, infer_schema=False, glob=False)
        except Failure as error:
            raise DataError(self._fault() or _unreadable("CSV", error)) from None
        frame.columns = [self.names[place] for place in places]
        blank = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
        if frame.null_count().sum_horizontal().sum() and (fault := self._fault()):
            raise DataError(fault)
        kept = (~blank).arg_true()
        return Table(frame.filter(~blank).select(columns), lambda place: self._line(kept[place]))

    def _header(self) -> tuple[list[str], int]:
        try:
            for start, fields in self._records():
                if "\0" in "".join(fields):
                    raise DataError(
                        "header has zero bytes; expected text. Give a CSV file, not a binary one."
                    )
                if len(fields) == 1 and (other := next((s for s in ";\t" if s in fields[0]), None)):
                    raise DataError(
                        f"header has one column, {quote(fields[0])}; expected columns separated "
                        f"by commas. Save the table with ',' in place of {quote(other)}."
                    )
                if fields and any(fields):
                    return fields, start
        except UnicodeDecodeError:
            raise DataError(self._not_utf8()) from None
        except csv.Error as error:
            raise DataError(_unreadable("CSV", error)) from None
        raise DataError("file has no text; expected a header and rows. Give a file with data.")

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Every record with the line it starts on, slowly: for the header and for errors."""
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            start = 1
            for fields in reader:
                yield start, fields
                start = reader.line_num + 1

    def _line(self, place: int) -> int:
        body = ((start, fields) for start, fields in self._records() if start > self.first)
        return next(islice(body, place, None))[0]

    def _fault(self) -> str | None:
        """What is wrong with the first broken record, or None if all are whole."""
        line = 0
        try:
            for start, fields in self._records():
                line = start
                if fields and len(fields) != len(self.names):
                    return (
                        f"row {start} has {_fields(len(fields))}; expected {len(self.names)} "
                        f"because the header names them. Complete the row, or the file if it "
                        "was cut off there."
                    )
        except UnicodeDecodeError:
            return self._not_utf8()
        except csv.Error as error:
            return (
                f"row {line + 1} or later has broken quotation ({error}); expected every "
                "quotation mark to be closed. Close it, or complete the file if it was cut off."
            )
        return None

    def _not_utf8(self) -> str:
        data = self.path.read_bytes()
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            return (
                f"row {line} has the byte 0x{data[error.start]:02x}; expected UTF-8 text. "
                "Save the file as CSV in UTF-8."
            )
        return "file changed while it was read; expected UTF-8 text. Try again."


class Parquet:
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
            raise DataError(_unreadable("Parquet", error)) from None

    def read(self, columns: Sequence[str]) -> Table:
        """`columns` in the types that the file gives them."""
        try:
            frame = pl.read_parquet(self.path, columns=list(columns), glob=False)
        except Failure as error:
            raise DataError(_unreadable("Parquet", error)) from None
        return Table(frame.select(columns), lambda place: place + 1)


FORMATS = {".csv": Csv, ".parquet": Parquet}


def open_table(path: Path) -> Csv | Parquet:
    """The table in the file at `path`, its format told by the suffix.

    **Raises:** `DataError` if there is no such file, or it is not of that format.
    """
    try:
        if path.is_dir():
            raise DataError("path has a folder; expected a file. Name a file in it.")
        if not path.exists():
            raise DataError("path has no file; expected a table. Check the spelling and folder.")
        if path.suffix.lower() not in FORMATS:
            raise DataError(
                f"path has the suffix {quote(path.suffix)}; expected one of "
                f"{quote_all(FORMATS)}. Save the table in one of these formats."
            )
        return FORMATS[path.suffix.lower()](path)
    except OSError as error:
        raise DataError(
            f"path has an obstacle ({error.strerror}); expected a file that can be read. "
            "Check its name and permissions."
        ) from None


def _fields(count: int) -> str:
    return f"{count} field" if count == 1 else f"{count} fields"


def _unreadable(form: str, error: BaseException) -> str:
    return (
        f"file has contents that are not {form} ({quote(error)}); expected a whole {form} file. "
        "Copy or write it again."
    )
