"""The time column of a table: numbers, dates or dates with times, as what can be sorted exactly.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

import polars as pl

from throughtime.data.columns import at, first
from throughtime.data.frame import Table
from throughtime.data.naming import quote
from throughtime.errors import DataError

# ISO 8601: a date; with a time of day; with seconds, a fraction of them, and a zone.
ISO = (
    "^(?<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    "(?:[Tt ](?<clock>[0-9]{2}:[0-5][0-9])"
    "(?::(?<second>[0-5][0-9])(?:[.,](?<fraction>[0-9]{1,18}))?)?"
    "(?<zone>[Zz]|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?)?$"
)
# Whole numbers of 10⁻¹⁸ s: exact for every fraction that the pattern takes.
UNITS = 10**18


def moments(table: Table, name: str) -> pl.Series:
    """The column `name` as something that can be sorted, equal where the moments are equal.

    **Raises:** `DataError` for a type, a text or a number that is no time, and where some rows
    have a time zone and others have none.
    """
    given = table.frame[name]
    if given.dtype == pl.String:
        column = _parsed(table, name, given.str.strip_chars())
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
        place = first(bad)
        raise DataError(
            f"{at(table, name, place)} has {_unfit(given[place])}; expected a number or a date "
            "such as 2024-12-31 23:59:59 because it is the time column. Correct it or remove the "
            "row."
        )
    return column


def _parsed(table: Table, name: str, given: pl.Series) -> pl.Series:
    """As whole numbers, numbers or dates, whichever fits most rows; others become null."""
    # Whole numbers first: nanoseconds since 1970 do not fit into a float.
    whole = given.cast(pl.Int64, strict=False)
    if not whole.null_count():
        return whole
    parts = given.str.extract_groups(ISO).struct.unnest()
    others = given.cast(pl.Float64, strict=False), _dates(parts)
    column = min((whole, *others), key=pl.Series.null_count)
    if column.dtype == pl.Int128:
        _check_zones(table, name, parts)
    return column


def _dates(parts: pl.DataFrame) -> pl.Series:
    """`UNITS` of a second since 1970, in UTC where there is a zone; null for no such date."""
    minute = pl.concat_str("date", pl.lit(" "), pl.col("clock").fill_null("00:00"))
    seconds = minute.str.to_datetime("%Y-%m-%d %H:%M", strict=False).dt.epoch("s")
    seconds += pl.col("second").cast(pl.Int64).fill_null(0)
    zone = pl.col("zone").str.replace(":", "").str.pad_end(5, "0")  # +0130; of Z no digits
    east = zone.str.slice(1, 2).cast(pl.Int64) * 3600 + zone.str.slice(3, 2).cast(pl.Int64) * 60
    east = pl.when(zone.str.starts_with("-")).then(-east).otherwise(east)
    fraction = pl.col("fraction").str.pad_end(18, "0").cast(pl.Int128)
    moment = (seconds - east.fill_null(0)).cast(pl.Int128) * pl.lit(UNITS, pl.Int128)
    return parts.select(moment + fraction.fill_null(0)).to_series()


def _check_zones(table: Table, name: str, parts: pl.DataFrame) -> None:
    dated, zoned = parts["date"].is_not_null(), parts["zone"].is_not_null()
    if not zoned.any() or zoned.filter(dated).all():
        return
    one, other = first(zoned), first(dated & ~zoned)
    given = table.frame[name]
    raise DataError(
        f"{at(table, name, other)} has the time {quote(given[other])} without a time zone; "
        f"expected one because row {table.row(one)} has the time {quote(given[one])}. Write all "
        "times with a zone, or all without."
    )


def _unfit(given: object) -> str:
    if given is None or (isinstance(given, str) and not given.strip()):
        return "no value"
    matches = pl.Series([str(given).strip()]).str.contains(ISO)
    return f"{quote(given)}, which no calendar has" if matches[0] else f"the text {quote(given)}"
