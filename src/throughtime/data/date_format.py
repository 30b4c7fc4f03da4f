"""Times written in a format that a person gives, and dates that need one.

Imported when a format is given or a table is read, since polars takes its time to load.
"""

import re
from datetime import datetime

import polars as pl

from throughtime.data.columns import at, first
from throughtime.data.frame import Failure, Table
from throughtime.data.naming import quote
from throughtime.data.periods import TWO_WAYS, both_readings
from throughtime.errors import DataError

WHERE = "(in `throughtime train` --date-format, in Python time_format=)"
"""How a format is given, for an error that proposes it."""

_CODE = re.compile(r"%[-_0#:.369]*.")
_CLOCK = {*"HIMSTRXPklprf%"}  # what codes of a time of day end in
_EXAMPLE = datetime(2024, 2, 13, 13)


class UnclearDate(DataError):
    """A column of dates that can be read only with a format."""


def fault(time_format: str) -> str | None:
    """What is wrong with a format, told by writing a moment with it and reading that again; to be
    put after its name and its text. None if nothing is.
    """
    codes = _CODE.findall(time_format)
    if "%f" in codes:
        return (
            ", in which %f is a number of nanoseconds; expected a fraction of a second. Write "
            "'%S%.f' for seconds such as 59.25, or '%S,%3f' for 59,250."
        )
    if "%Z" in codes:
        return (
            ", in which %Z is the name of a time zone; expected %z, because such a name does not "
            "say how far a zone is from UTC. Write %z for zones such as +0100."
        )
    example = pl.Series([_EXAMPLE]).dt.replace_time_zone("UTC")
    again = None
    if any(code != "%%" for code in codes):
        try:
            # %#z can be read but not written: it takes +01 beside what %z takes.
            again = _read(example.dt.to_string(time_format.replace("%#z", "%z")), time_format)[0]
        except Failure:
            again = None
    if again is None:
        return (
            ", which polars cannot read; expected codes of strftime that make up a date or a time "
            "of day. Write '%d.%m.%Y %H:%M' for 31.12.2024 23:59, say."
        )
    if isinstance(again, datetime) and again.year != _EXAMPLE.year:
        return (
            ", which has no year; expected one because days of two years could not be told apart. "
            "Add %Y to it and the year to the table."
        )
    return None


def _read(texts: pl.Series, time_format: str) -> pl.Series:
    """Null where the format does not fit."""
    if all(code[-1] in _CLOCK for code in _CODE.findall(time_format)):
        return texts.str.to_time(time_format, strict=False)
    return texts.str.to_datetime(time_format, strict=False)


def check_format(time: str | None, time_format: str) -> None:
    """**Raises:** `DataError` for a format that cannot be used, or that no column is read with."""
    wrong = fault(time_format)
    if wrong is not None:
        raise DataError(f"time_format has {quote(time_format)}{wrong}")
    if time is None:
        raise DataError(
            f"time_format has {quote(time_format)} and time has no column; expected the column "
            "that is written so. Name it as time, or leave the format out."
        )


def read_with(table: Table, name: str, time_format: str) -> pl.Series:
    """The column `name`, text or numbers, read with the format.

    **Raises:** `DataError` with the first row that it does not fit.
    """
    given = table.frame[name]
    texts = given.cast(pl.String).str.strip_chars()
    times = _read(texts, time_format)
    if not times.null_count():
        return times
    place = first(times.is_null())
    if not texts[place]:
        raise DataError(
            f"{at(table, name, place)} has no value; expected a time of the format "
            f"{quote(time_format)}. Fill it in or remove the row."
        )
    if times.count():
        wanted, fix = "", "Correct it or remove the row."
    else:
        wanted = ", which no row has"
        fix = "Give the format that the column has, or write its times in this one."
    raise DataError(
        f"{at(table, name, place)} has the text {quote(given[place])}; expected a time of the "
        f"format {quote(time_format)}{wanted}. {fix}"
    )


def refuse_unclear(table: Table, name: str) -> None:
    """**Raises:** `UnclearDate` for a column of dates with the day or the month first: with both
    readings, or with the one format that fits; `DataError` where rows are of both orders.
    """
    given = table.frame[name].str.strip_chars()
    day_first, month_first = both_readings(given)
    no_day, no_month = day_first.is_null(), month_first.is_null()
    if no_day.any() and no_month.any():
        one, other = first(no_month), first(no_day)
        raise UnclearDate(
            f"{at(table, name, other)} has the date {quote(given[other])} with the month first; "
            f"expected the day first because row {table.row(one)} has {quote(given[one])}. Write "
            "all dates in one order."
        )
    if no_day.any() or no_month.any():
        place = first(no_day | no_month)
        order = "month" if no_day.any() else "day"
        fits = _format_of(given[place], order)
        raise UnclearDate(
            f"{at(table, name, place)} has the date {quote(given[place])}, which is a date only "
            f"with the {order} first; expected a format because other dates can be read two ways. "
            f"Give {quote(fits)} {WHERE}."
        )
    differ = day_first != month_first
    place = first(differ) if differ.any() else 0
    both = [quote(_format_of(given[place], order)) for order in ("day", "month")]
    raise UnclearDate(
        f"{at(table, name, place)} has the date {quote(given[place])}, which is "
        f"{day_first[place]} with the day first and {month_first[place]} with the month first; "
        f"expected a format because no row says which. Give {' or '.join(both)} {WHERE}."
    )


def _format_of(text: str, order: str) -> str:
    """The format of one text that `TWO_WAYS` fits."""
    parts = pl.Series([text]).str.extract_groups(TWO_WAYS)[0]
    days = ("%d", "%m") if order == "day" else ("%m", "%d")
    clock = ""
    if parts["gap"]:
        clock = parts["gap"] + ("%I:%M" if parts["half"] else "%H:%M")
        clock += (":%S" if parts["second"] else "") + ("%.f" if parts["fraction"] else "")
        clock += f"{parts['blank']}%p" if parts["half"] else ""
    return f"{days[0]}{parts['mark']}{days[1]}{parts['again']}%Y{clock}"
