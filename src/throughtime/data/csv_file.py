"""Tables as text with commas, semicolons, tabs or pipes between the columns.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

import csv
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from io import TextIOWrapper
from pathlib import Path

import polars as pl

from throughtime.data.content import content
from throughtime.data.frame import Failure, Table, Tabular, unreadable
from throughtime.data.naming import quote
from throughtime.data.separators import SEPARATORS, misfit, separator
from throughtime.errors import DataError


class Csv(Tabular):
    """UTF-8 text with a header; rows are counted as lines, the header is line 1.

    What separates the columns is told from the header and the first rows. Every column is read as
    text: the columns decide what it means, and can name what does not mean anything.
    """

    def __init__(self, path: Path) -> None:
        self.content = content(path)
        self.separator = ","
        self.line_end = self._line_end()
        self.names, self.first = self._header()

    def header(self) -> list[str]:
        """The names of the columns, as they stand."""
        return self.names

    def read(self, columns: Sequence[str]) -> Table:
        """`columns` as text; rows that are blank are left out but counted.

        All columns are read, because a row that is too long or too short is only then noticed.
        """
        try:
            frame = pl.read_csv(
                self.content.source(),
                infer_schema=False,
                glob=False,
                eol_char=self.line_end,
                separator=self.separator,
            )
            if frame.width != len(self.names):
                raise pl.exceptions.ShapeError(f"{frame.width} columns, {len(self.names)} names")
        except Failure as error:
            raise DataError(self._fault() or self._mixed() or unreadable("CSV", error)) from None
        # By place and not by name: polars leaves doubled quotation marks in a name as they are.
        frame.columns = self.names
        filled = frame.to_series(-1).is_not_null()
        if not filled.all():
            filled = frame.select(~pl.all_horizontal(pl.all().is_null())).to_series()
            frame = frame.filter(filled)
        # A row that is too short has nothing in the last column. One that is too long polars
        # refuses, but overlooks a separator at the very end of the file.
        suspect = frame.to_series(-1).null_count() or self._ends_in_separator()
        if suspect and (fault := self._fault()):
            raise DataError(fault)
        kept = filled.arg_true()
        row = lambda place: self._line(kept[place])  # noqa: E731
        return Table(frame[list(columns)], row, decimal_comma=self.separator != ",")

    def _line_end(self) -> str:
        """What ends a line; a file without any line feed is one of carriage returns."""
        with self.content.open() as file:
            while part := file.read(2**20):
                if b"\n" in part:
                    return "\n"
        return "\r"

    def _ends_in_separator(self) -> bool:
        with self.content.open() as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == self.separator.encode()

    def _header(self) -> tuple[list[str], int]:
        try:
            with self._text() as lines:
                self.separator = separator(lines, self._records)
            for start, fields in self._records():
                if "\0" in "".join(fields):
                    raise DataError(
                        "header has zero bytes; expected text. Give a CSV file, not a binary one."
                    )
                if len(fields) == 1 and any(mark in fields[0] for mark in SEPARATORS):
                    raise DataError(
                        f"header has one column, {quote(fields[0])}; expected several. Remove the "
                        "quotation marks around the whole line, here and in the rows."
                    )
                if fields and any(fields):
                    return fields, start
        except UnicodeDecodeError:
            raise DataError(self._not_utf8()) from None
        except csv.Error as error:
            raise DataError(unreadable("CSV", error)) from None
        raise DataError("file has no text; expected a header and rows. Give a file with data.")

    def _text(self) -> TextIOWrapper:
        return TextIOWrapper(self.content.open(), encoding="utf-8-sig", newline="")

    def _records(self, mark: str | None = None) -> Iterator[tuple[int, list[str]]]:
        """Every record with the line it starts on, slowly: for the header and for errors."""
        with self._text() as file:
            reader = csv.reader(file, strict=True, delimiter=mark or self.separator)
            start = 1
            for fields in reader:
                yield start, fields
                start = reader.line_num + 1

    def _line(self, place: int) -> int:
        starts = self._starts
        guess = self.first + 1 + place  # right unless a text goes over several lines
        return starts[place] if place < len(starts) else guess

    @cached_property
    def _starts(self) -> list[int]:
        """The line on which each row starts, as far as the csv module can read."""
        starts = []
        try:
            for start, _ in self._records():
                if start > self.first:
                    starts.append(start)
        except csv.Error:  # a text longer than the csv module reads
            pass
        return starts

    def _fault(self) -> str | None:
        """What is wrong with the first broken record, or None if all are whole."""
        line = 0
        try:
            for start, fields in self._records():
                line = start
                if fields and len(fields) != len(self.names):
                    return misfit(start, fields, self.separator, len(self.names))
        except UnicodeDecodeError:
            return self._not_utf8()
        except csv.Error as error:
            return (
                f"row {line + 1} or later has broken quotation ({error}); expected every "
                "quotation mark to be closed. Close it, or complete the file if it was cut off."
            )
        return None

    def _mixed(self) -> str | None:
        """Said where polars and the csv module, which takes any line end, see other rows."""
        data = self.content.whole()
        if b"\r" not in data.replace(b"\r\n", b""):
            return None
        return (
            "file has lines that end in a carriage return and others that do not; expected one "
            "kind of line end. Save the file again as CSV."
        )

    def _not_utf8(self) -> str:
        data = self.content.whole()
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(self.line_end.encode(), 0, error.start) + 1
            return (
                f"row {line} has the byte 0x{data[error.start]:02x}; expected UTF-8 text. "
                "Save the file as CSV in UTF-8."
            )
        return "file changed while it was read; expected UTF-8 text. Try again."
