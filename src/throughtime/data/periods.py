"""The forms that the times of a column may have without a format, each with how it is read.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

# ISO 8601: a date; with a time of day; with seconds, a fraction of them, and a zone.
ISO = (
    "^(?<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    "(?:[Tt ](?<clock>[0-9]{2}:[0-5][0-9])"
    "(?::(?<second>[0-5][0-9])(?:[.,](?<fraction>[0-9]{1,18}))?)?"
    "(?<zone>[Zz]|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?)?$"
)
# A day and a month in either order, a year, and perhaps a time of day.
TWO_WAYS = (
    "^(?<one>[0-9]{1,2})(?<mark>[/.-])(?<two>[0-9]{1,2})(?<again>[/.-])(?<year>[0-9]{4})"
    "(?:(?<gap>[Tt ])[0-9]{1,2}:[0-9]{2}(?<second>:[0-9]{2}(?<fraction>[.][0-9]+)?)?"
    "(?<blank> ?)(?<half>[AaPp][Mm])?)?$"
)
# Whole numbers of 10⁻¹⁸ s: exact for every fraction that the pattern takes.
UNITS = 10**18


@dataclass(frozen=True)
class Form:
    """One way to write a time.

    - `such_as`: what an error calls it, with an example.
    - `pattern`: what its texts look like; None for numbers.
    - `read`: texts as what can be sorted, each as the start of its period; null for a text of
      another form or one that no calendar has.
    """

    such_as: str
    pattern: str | None
    read: Callable[[pl.Series], pl.Series]

    def fits(self, text: str) -> bool:
        """Whether `text` looks like a time of this form, be it in the calendar or not."""
        if self.pattern is None:
            return pl.Series([text]).cast(pl.Float64, strict=False).count() == 1
        return bool(pl.Series([text]).str.contains(self.pattern)[0])


def _read_number(given: pl.Series) -> pl.Series:
    # Whole numbers first: nanoseconds since 1970 do not fit into a float.
    whole = given.cast(pl.Int64, strict=False)
    return given.cast(pl.Float64, strict=False) if whole.null_count() else whole


def _read_date(given: pl.Series) -> pl.Series:
    """`UNITS` of a second since 1970, in UTC where there is a zone; null for no such date."""
    parts = given.str.extract_groups(ISO).struct.unnest()
    minute = pl.concat_str("date", pl.lit(" "), pl.col("clock").fill_null("00:00"))
    seconds = minute.str.to_datetime("%Y-%m-%d %H:%M", strict=False).dt.epoch("s")
    seconds += pl.col("second").cast(pl.Int64).fill_null(0)
    zone = pl.col("zone").str.replace(":", "").str.pad_end(5, "0")  # +0130; of Z no digits
    east = zone.str.slice(1, 2).cast(pl.Int64) * 3600 + zone.str.slice(3, 2).cast(pl.Int64) * 60
    east = pl.when(zone.str.starts_with("-")).then(-east).otherwise(east)
    fraction = pl.col("fraction").str.pad_end(18, "0").cast(pl.Int128)
    moment = (seconds - east.fill_null(0)).cast(pl.Int128) * pl.lit(UNITS, pl.Int128)
    return parts.select(moment + fraction.fill_null(0)).to_series()


def _period(such_as: str, pattern: str, start: str, code: str) -> Form:
    """A form whose texts become a date that polars reads with `code`, by `start`, which says how
    the groups of `pattern` are put together.
    """

    def read(given: pl.Series) -> pl.Series:
        fitting = given.str.contains(pattern).fill_null(False)
        days = given.str.replace(pattern, start).str.to_date(code, strict=False)
        return days.set(~fitting, None)

    return Form(such_as, pattern, read)


def _read_quarter(given: pl.Series) -> pl.Series:
    parts = given.str.extract_groups(QUARTER).struct.unnest()
    month = (pl.col("quarter").cast(pl.Int64) * 3 - 2).cast(pl.String).str.zfill(2)
    start = pl.concat_str("year", pl.lit("-"), month)
    return parts.select(start.str.to_date("%Y-%m", strict=False)).to_series()


def _read_either_way(given: pl.Series) -> pl.Series:
    """A date where at least one of the two readings is in the calendar."""
    day_first, month_first = both_readings(given)
    return day_first.fill_null(month_first)


def both_readings(given: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The dates of `given` read with the day first, and with the month first."""
    parts = given.str.extract_groups(TWO_WAYS).struct.unnest()
    dates = pl.concat_str("one", "two", "year", separator="/")
    day_first, month_first = (
        parts.select(dates.str.to_date(code, strict=False)).to_series()
        for code in ("%d/%m/%Y", "%m/%d/%Y")
    )
    return day_first, month_first


QUARTER = "^(?<year>[0-9]{4})[ -]?[Qq](?<quarter>[0-9])$"
NUMBER = Form("a number", None, _read_number)
DATE = Form("a date such as 2024-12-31 23:59:59", ISO, _read_date)
EITHER_WAY = Form("a date such as 31/12/2024", TWO_WAYS, _read_either_way)
FORMS = (
    NUMBER,
    DATE,
    _period("a month such as 2024-01", "^([0-9]{4}-[0-9]{2})$", "${1}", "%Y-%m"),
    _period(
        "a week such as 2024-W05", "^([0-9]{4})-[Ww]([0-9]{2})$", "${1}-W${2}-1", "%G-W%V-%u"
    ),
    _period(
        "a day of a week such as 2024-W05-3", "^([0-9]{4})-[Ww]([0-9]{2})-([0-9])$",
        "${1}-W${2}-${3}", "%G-W%V-%u",
    ),
    Form("a quarter such as 2024 Q1", QUARTER, _read_quarter),
    EITHER_WAY,
)  # fmt: skip
