"""The columns of a table: found by name, read as numbers, times or texts, errors with the row.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from jaxtyping import Float32

from throughtime.data.naming import LONGEST, nearest, quote, quote_all
from throughtime.data.source import Table
from throughtime.errors import DataError

LARGEST = float(np.finfo(np.float32).max)
ISO_DATE = r"^\d{4}-\d{2}-\d{2}( \d{2}:\d{2}(:\d{2}(\.\d+)?)?)?$"


def check_header(header: Sequence[str]) -> None:
    """**Raises:** `DataError` if a column has no name or the name of another."""
    for place, name in enumerate(header):
        if not name.strip():
            raise DataError(
                f"header has no name for column {place + 1}; expected one for every column. "
                "Name the column or leave it out."
            )
        if name in header[:place]:
            raise DataError(
                f"header has the column {quote(name)} twice; expected every name once. "
                + or_no_header(header, "Rename or remove one of the two.")
            )


def or_no_header(header: Sequence[str], fix: str) -> str:
    """The `fix` of a wrong name, unless the first line looks like a row and not like a header."""
    if any(_is_number(name) for name in header):
        return "If the file has no header, add one: a first line with the names of the columns."
    return fix


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def find(header: Sequence[str], role: str, name: str) -> None:
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


def numbers(table: Table, names: Sequence[str]) -> Float32[np.ndarray, "N C"]:
    """The columns `names` as finite numbers.

    **Raises:** `NotANumber` for a text or a column of another type, without saying what to do;
    `DataError` for what is missing or not finite.
    """
    frame = _floats(table.frame.select(names))
    sound = frame.select((pl.all().abs() <= LARGEST).fill_null(False))
    for name in frame.columns:
        if not sound[name].all():
            place = _first(~sound[name])
            given, number = table.frame[name][place], frame[name][place]
            if number is None and given is not None:
                message = f"has the text {quote(given)}; expected a number."
                fix = "Correct it or remove the row."
                raise NotANumber(f"{_at(table, name, place)} {message}", name, fix)
            raise DataError(f"{_at(table, name, place)} {_unsound(given, number)}")
    return frame.cast(pl.Float32).to_numpy(order="c")


def not_a_channel(table: Table, names: Sequence[str], name: str, *, timed: bool) -> str:
    """What to do about the text in the column `name`, which is read as numbers as all of `names`
    are, because nobody said which columns to learn from; `timed` if there is a time column.
    """
    counts = {n: _count_numbers(table.frame[n]) for n in names}
    if counts[name]:
        return "Correct it or remove the row."
    if not timed and _are_moments(table, name):
        return (
            "If it is when each step was, name it as the time column (on the command line --time "
            f"{quote(name)}, in Python time=)."
        )
    others = ",".join(n for n in names if counts[n])
    example = others if len(others) <= LONGEST else "A,B"
    return (
        "Leave the column out by naming those to learn from (on the command line --channels "
        f"{example or 'A,B'}, in Python channels=)."
    )


def texts(table: Table, name: str, role: str) -> pl.Series:
    """The column `name` as text, none missing."""
    given = table.frame[name]
    if given.dtype.is_nested() or given.dtype == pl.Binary:
        raise DataError(
            f"column {quote(name)} has type {given.dtype}; expected text or numbers because it "
            f"is the {role} column. Convert it or name another column."
        )
    column = given.cast(pl.String)
    missing = column.is_null() | (column == "")
    if missing.any():
        raise DataError(
            f"{_at(table, name, _first(missing))} has no value; expected a {role} in every "
            "row. Fill it in or remove the row."
        )
    return column


def moments(table: Table, name: str) -> pl.Series:
    """The column `name` as something that can be sorted: numbers, dates or dates with times."""
    given = table.frame[name]
    if given.dtype == pl.String:
        column = _parsed_moments(given.str.strip_chars())
    elif given.dtype.is_numeric() or given.dtype.is_temporal():
        column = given
    else:
        raise DataError(
            f"column {quote(name)} has type {given.dtype}; expected numbers or dates because it "
            "is the time column. Convert it or name another column."
        )
    bad = column.is_null()
    if column.dtype.is_float():
        bad = bad | ~column.is_finite().fill_null(True)
    if bad.any():
        place = _first(bad)
        got = "no value" if given[place] in (None, "") else f"the text {quote(given[place])}"
        raise DataError(
            f"{_at(table, name, place)} has {got}; expected a number or a date such as "
            "2024-12-31 23:59:59 because it is the time column. Correct it or remove the row."
        )
    return column


def _count_numbers(column: pl.Series) -> int:
    if column.dtype != pl.String and not column.dtype.is_numeric():
        return 0
    return column.cast(pl.Float64, strict=False).count()


def _are_moments(table: Table, name: str) -> bool:
    try:
        moments(table, name)
        return True
    except DataError:
        return False


def _parsed_moments(given: pl.Series) -> pl.Series:
    """As whole numbers, numbers or ISO dates, whichever fits most rows; others become null."""
    # Whole numbers first: nanoseconds since 1970 do not fit into a float.
    numbers = (given.cast(kind, strict=False) for kind in (pl.Int64, pl.Float64))
    # ISO dates sort as the texts they are, once they are spelled alike.
    dates = given.str.replace("T", " ").str.strip_suffix("Z")
    dates = pl.select(pl.when(dates.str.contains(ISO_DATE)).then(dates)).to_series()
    return min((*numbers, dates), key=pl.Series.null_count)


def _floats(given: pl.DataFrame) -> pl.DataFrame:
    """All columns as float64, in one go; a text that is no number becomes null."""
    for column in given:
        if column.dtype != pl.String and not column.dtype.is_numeric():
            raise NotANumber(
                f"column {quote(column.name)} has type {column.dtype}; expected numbers.",
                column.name,
                "Convert the column or leave it out.",
            )
    frame = given.select(pl.all().cast(pl.Float64, strict=False))
    for column in frame:
        if column.null_count() and given[column.name].dtype == pl.String:
            # Blanks around a number are harmless, but seldom.
            text = given[column.name].str.strip_chars()
            frame = frame.with_columns(text.cast(pl.Float64, strict=False))
    return frame


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


def _first(mask: pl.Series) -> int:
    return int(mask.arg_true()[0])


def _at(table: Table, name: str, place: int) -> str:
    return f"column {quote(name)}, row {table.row(place)}"
