"""The time column of a table: numbers, dates or dates with times, as what can be sorted exactly.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

from collections.abc import Iterator

import polars as pl

from throughtime.data.columns import at, first
from throughtime.data.date_format import WHERE, read_with, refuse_unclear
from throughtime.data.frame import Table
from throughtime.data.naming import quote
from throughtime.data.periods import DATE, EITHER_WAY, FORMS, ISO, NUMBER, UNITS, Form
from throughtime.errors import DataError


def moments(table: Table, name: str, time_format: str | None = None) -> pl.Series:
    """The column `name` as something that can be sorted, equal where the moments are equal.

    With a `time_format`, of strftime as polars reads it, text and numbers are read with that; a
    column that holds dates is taken as it is.

    **Raises:** `DataError` for a type, a text or a number that is no time, for times written in
    several forms, and where some rows have a time zone and others have none; `UnclearDate` for
    dates that need a format.
    """
    given = table.frame[name]
    is_text, is_number = given.dtype == pl.String, given.dtype.is_numeric()
    if time_format is not None and (is_text or is_number):
        return read_with(table, name, time_format)
    form = NUMBER
    if is_text:
        form, column = _read(given.str.strip_chars())
        if form is DATE:
            _check_zones(table, name)
    elif is_number or given.dtype.is_temporal():
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
        place = first(bad)
        _check_form(table, name, place, form, ~bad)
        raise DataError(
            f"{at(table, name, place)} has {_unfit(given[place])}; expected a number or a date "
            f"such as 2024-12-31 23:59:59 because it is the time column. {_fix(given[place], ~bad)}"
        )
    if form is EITHER_WAY:
        refuse_unclear(table, name)
    return column


def as_numbers(column: pl.Series) -> pl.Series:
    """What `moments` returned as float64: of dates the seconds since 1970, in UTC where there is a
    zone. Near enough to measure with; two moments less than a microsecond apart may become one.
    """
    kind = column.dtype
    if kind == pl.Int128:  # as `periods` reads an ISO date
        return (column // (UNITS // 10**6)).cast(pl.Int64).cast(pl.Float64) / 1e6
    if kind == pl.Date:
        return column.dt.epoch("s").cast(pl.Float64)
    if kind == pl.Datetime:
        return column.dt.epoch("us") / 1e6
    if kind == pl.Duration:
        return column.dt.total_microseconds() / 1e6
    return column.cast(pl.Int64) / 1e9 if kind == pl.Time else column.cast(pl.Float64)


def _read(given: pl.Series) -> tuple[Form, pl.Series]:
    """The form that fits most rows, the first of several, and the rows read so; others are null."""
    read = []
    for form in FORMS:
        read.append((form, form.read(given)))
        if not read[-1][1].null_count():
            return read[-1]
    return min(read, key=lambda pair: pair[1].null_count())


def _forms_of(text: str) -> Iterator[Form]:
    return (form for form in FORMS if form.fits(text))


def _check_form(table: Table, name: str, place: int, form: Form, good: pl.Series) -> None:
    """**Raises:** `DataError` where the row at `place` has another form than the `good` ones."""
    given = table.frame[name]
    if given.dtype != pl.String or not good.any():
        return
    others = [*_forms_of((given[place] or "").strip())]
    if not others or form in others:
        return
    one = first(good)
    raise DataError(
        f"{at(table, name, place)} has the text {quote(given[place])}; expected {form.such_as} "
        f"because row {table.row(one)} has {quote(given[one])}. Write all times of the column in "
        "one form."
    )


def _check_zones(table: Table, name: str) -> None:
    given = table.frame[name]
    parts = given.str.strip_chars().str.extract_groups(ISO).struct.unnest()
    dated, zoned = parts["date"].is_not_null(), parts["zone"].is_not_null()
    if not zoned.any() or zoned.filter(dated).all():
        return
    one, other = first(zoned), first(dated & ~zoned)
    raise DataError(
        f"{at(table, name, other)} has the time {quote(given[other])} without a time zone; "
        f"expected one because row {table.row(one)} has the time {quote(given[one])}. Write all "
        "times with a zone, or all without."
    )


def _unfit(given: object) -> str:
    if given is None or (isinstance(given, str) and not given.strip()):
        return "no value"
    dated = any(form is not NUMBER for form in _forms_of(str(given).strip()))
    return f"{quote(given)}, which no calendar has" if dated else f"the text {quote(given)}"


def _fix(given: object, good: pl.Series) -> str:
    """What to do: where no row can be read, it is the form that is not known, and not the row."""
    text = given.strip() if isinstance(given, str) else ""
    if text and not good.any() and not any(_forms_of(text)):
        return f"Name another column, or give the format of this one {WHERE}."
    return "Correct it or remove the row."
