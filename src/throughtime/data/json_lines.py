"""Tables as JSON lines: one object a line, its keys the columns.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

import codecs
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from throughtime.data.content import Content, content
from throughtime.data.frame import Table, Tabular
from throughtime.data.naming import quote
from throughtime.errors import DataError

LARGEST = 2**63  # beyond it a whole number is kept as text
KINDS = {str: pl.String, bool: pl.Boolean, int: pl.Int64, float: pl.Float64}
EXAMPLE = '{"id": 1, "t": 0}'
NAMES = {list: "a list", dict: "an object"}


class JsonLines(Tabular):
    """UTF-8 text with a JSON object in each line; rows are counted as lines, the first is row 1.

    A line is read by itself, so that an error can name it. Keys may come in any order; one that is
    not in a line has no value there.
    """

    def __init__(self, path: Path) -> None:
        self.lines: list[int] = []
        self.columns: dict[str, list[Any]] = {}
        given = content(path)
        _refuse_array(given)
        for line, fields in _objects(given):
            for name, cell in fields.items():
                column = self.columns.setdefault(name, [])
                column += [None] * (len(self.lines) - len(column))
                column.append(cell)
            self.lines.append(line)
        if not self.columns:
            raise DataError(
                "file has no values; expected an object with keys in every line. Give a file with "
                "data."
            )

    def header(self) -> list[str]:
        """The keys, in the order in which they first appear."""
        return list(self.columns)

    def read(self, columns: Sequence[str]) -> Table:
        """`columns` as numbers, truth values or, where they are mixed, as text."""
        frame = pl.DataFrame([self._column(name) for name in columns])
        return Table(frame, lambda place: self.lines[place])

    def _column(self, name: str) -> pl.Series:
        cells = self.columns[name] + [None] * (len(self.lines) - len(self.columns[name]))
        kinds = {type(cell) for cell in cells if cell is not None}
        if kinds & {*NAMES}:
            place = next(place for place, cell in enumerate(cells) if type(cell) in NAMES)
            raise DataError(
                f"column {quote(name)}, row {self.lines[place]} has {NAMES[type(cells[place])]}; "
                "expected a number, a text, true, false or null. Give each of its values a key, or "
                "leave the column out by naming the others."
            )
        large = any(type(cell) is int and not -LARGEST <= cell < LARGEST for cell in cells)
        if kinds == {int, float} and not large:
            return pl.Series(name, [None if c is None else float(c) for c in cells], pl.Float64)
        if len(kinds) == 1 and not large:
            return pl.Series(name, cells, KINDS[kinds.pop()])
        return pl.Series(name, [_text(cell) for cell in cells], pl.String)


def _text(cell: Any) -> str | None:
    return cell if cell is None or isinstance(cell, str) else json.dumps(cell)


def _refuse_array(given: Content) -> None:
    with given.open() as file:
        start = file.read(100).removeprefix(codecs.BOM_UTF8).lstrip()
    if start.startswith(b"["):
        raise DataError(
            "file is a JSON array; expected JSON lines, each an object. Write each object of the "
            "array in a line of its own, without the brackets and commas around it."
        )


def _objects(given: Content) -> Iterator[tuple[int, dict[str, Any]]]:
    with given.open() as file:
        for line, text in enumerate(file, 1):
            if not text.strip():
                continue
            try:
                fields = json.loads(text.decode("utf-8-sig"), object_pairs_hook=_once)
                if b"\\" in text:  # one half of a pair of \u escapes is no text
                    json.dumps(fields, ensure_ascii=False).encode()
            except (UnicodeDecodeError, UnicodeEncodeError) as error:
                raise DataError(
                    f"row {line} has text that is not UTF-8 ({error.reason}); expected "
                    "UTF-8. Save the file as UTF-8."
                ) from None
            except _Twice as error:
                raise DataError(f"row {line} {error}") from None
            except (ValueError, RecursionError) as error:
                raise DataError(
                    f"row {line} has other contents than JSON ({quote(error)}); expected one whole "
                    "object a line. Correct it, or complete the file if it was cut off there."
                ) from None
            if not isinstance(fields, dict):
                raise DataError(
                    f"row {line} has {quote(text.decode('utf-8-sig').strip())}; expected an object "
                    f"such as {EXAMPLE}. Write one object a line."
                )
            yield line, fields


class _Twice(Exception):
    """A key that an object has more than once."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        name = next(name for name in names if names.count(name) > 1)
        raise _Twice(f"has the key {quote(name)} twice; expected it once. Remove one of the two.")
    return fields
