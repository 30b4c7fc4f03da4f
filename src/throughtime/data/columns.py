"""The columns of a table: found by name, read as numbers or texts, errors with the row.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

from collections.abc import Collection, Sequence

import numpy as np
import polars as pl
from jaxtyping import Float32

from throughtime.data.classes import is_number
from throughtime.data.frame import Table
from throughtime.data.naming import nearest, quote, quote_all
from throughtime.errors import DataError

LARGEST = float(np.finfo(np.float32).max)


def check_header(header: Sequence[str]) -> None:
    """**Raises:** `DataError` if a column has no name or the name of another."""
    met = set()
    for place, name in enumerate(header):
        if not name.strip():
            raise DataError(
                f"header has no name for column {place + 1}; expected one for every column. "
                "Name the column or leave it out."
            )
        if name in met:
            raise DataError(
                f"header has the column {quote(name)} twice; expected every name once. "
                + or_no_header(header, "Rename or remove one of the two.")
            )
        met.add(name)


def or_no_header(header: Collection[str], fix: str) -> str:
    """The `fix` of a wrong name, unless the first line looks like a row and not like a header."""
    if any(is_number(name) for name in header):
        return "If the file has no header, add one: a first line with the names of the columns."
    return fix


def find(header: Collection[str], role: str, name: str) -> None:
    """**Raises:** `DataError` if there is no column `name`; `role` says what it is for."""
    if name not in header:
        near = nearest(name, header)
        fix = or_no_header(header, "Name one of them.")
        raise DataError(
            f"{role} has {quote(name)}; expected one of the columns {quote_all(header)}. "
            + (f"Did you mean {quote(near)}?" if near else fix)
        )


class NotANumber(DataError):
    """Something else in a column where numbers are expected.

    `fix`: what to do if the column is to be one of numbers. Whether it is depends on the table.
    """

    def __init__(self, message: str, column: str, fix: str) -> None:
        super().__init__(message)
        self.column, self.fix = column, fix


def numbers(
    table: Table, names: Sequence[str], *, missing: bool = False
) -> Float32[np.ndarray, "N C"]:
    """The columns `names` as finite numbers; with `missing`, nan where there is no value.

    **Raises:** `NotANumber` for a text or a column of another type, without saying what to do;
    `DataError` for what is missing or not finite.
    """
    given = table.frame[list(names)]
    floats = _floats(given)
    values = floats.to_numpy(order="c")  # what is missing or no number is NaN
    sound = np.abs(values) <= LARGEST
    if missing and not sound.all():
        sound |= np.stack([is_blank(column) for column in given.get_columns()], 1)
    if not sound.all():
        column = int((~sound).any(0).argmax())
        name, place = names[column], int((~sound[:, column]).argmax())
        cell, number = given[name][place], floats[name][place]
        if number is None and cell is not None:
            message = f"has the text {quote(cell)}; expected a number."
            fix = "Correct it or remove the row."
            raise NotANumber(f"{at(table, name, place)} {message}", name, fix)
        raise DataError(f"{at(table, name, place)} {_unsound(cell, number)}")
    return values.astype(np.float32)


def is_blank(column: pl.Series) -> np.ndarray:
    """Where a column has no value: nothing, blanks, or a NaN."""
    blank = column.is_null()
    if column.dtype == pl.String:
        blank = blank | column.str.strip_chars().str.to_lowercase().is_in(["", "nan"])
    elif column.dtype.is_float():
        blank = blank | column.is_nan().fill_null(True)
    return blank.to_numpy()


def texts(table: Table, name: str, role: str) -> pl.Series:
    """The column `name` as text without blanks around it, none missing."""
    given = table.frame[name]
    if given.dtype.is_nested() or given.dtype == pl.Binary:
        raise DataError(
            f"column {quote(name)} has type {given.dtype}; expected text or numbers because it "
            f"is the {role} column. Convert it or name another column."
        )
    column = given.cast(pl.String).str.strip_chars()
    missing = column.is_null() | (column == "")
    if given.dtype.is_float():
        missing = missing | ~given.is_finite().fill_null(True)
    if missing.any():
        place = first(missing)
        got = f"the number {given[place]}" if isinstance(given[place], float) else "no value"
        one = f"an {role}" if role[0] in "aeiou" else f"a {role}"
        raise DataError(
            f"{at(table, name, place)} has {got}; expected {one} in every row. Fill it in or "
            "remove the row."
        )
    return column


def _floats(given: pl.DataFrame) -> pl.DataFrame:
    """All columns as float64; a text that is no number becomes null."""
    kinds = given.schema
    for name, kind in kinds.items():
        if kind != pl.String and not kind.is_numeric():
            message = f"column {quote(name)} has type {kind}; expected numbers."
            raise NotANumber(message, name, "Convert the column or leave it out.")
    # Column by column, because an expression of polars costs more than a column of few rows.
    floats = {column.name: _float(column) for column in given.get_columns()}
    blank = [name for name, column in floats.items()
             if column.null_count() and kinds[name] == pl.String]  # fmt: skip
    if blank:  # harmless around a number, and seldom
        stripped = given[blank].select(pl.all().str.strip_chars())
        floats |= {column.name: _float(column) for column in stripped.get_columns()}
    return pl.DataFrame(list(floats.values()))


def _float(column: pl.Series) -> pl.Series:
    return column.cast(pl.Float64, strict=False)


def _unsound(given: object, number: float | None) -> str:
    if number is None:
        return "has no value; expected a number. Fill it in or remove the row."
    if isinstance(given, str) and abs(number) == np.inf and any(c.isdigit() for c in given):
        number = 2 * LARGEST  # written as a number, too large even for float64
    if np.isfinite(number):
        return (
            f"has {quote(given)}; expected at most {LARGEST:.4g} in size because values are "
            "kept in 32 bits. Rescale the column."
        )
    kind = "NaN" if np.isnan(number) else "infinity"
    return f"has {kind}; expected a finite number. Replace it or remove the row."


def first(mask: pl.Series) -> int:
    """The first place at which `mask` is true."""
    return int(mask.arg_true()[0])


def at(table: Table, name: str, place: int) -> str:
    """How an error names the cell of the column `name` at `place`."""
    return f"column {quote(name)}, row {table.row(place)}"
