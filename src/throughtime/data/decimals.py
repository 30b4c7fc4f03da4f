"""Numbers with a decimal comma, in tables whose columns are separated by something else.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from throughtime.data.columns import at, first
from throughtime.data.frame import Table
from throughtime.data.naming import quote
from throughtime.errors import DataError

COMMA = r"^\s*[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?\s*$"
# One thousand, or one and no thousandths.
EITHER = r"^\s*[+-]?[1-9][0-9]{0,2},[0-9]{3}\s*$"


def with_points(table: Table, names: Sequence[str]) -> Table:
    """`table` with a decimal point for each decimal comma in the columns `names`.

    Only whole cells that are numbers with one comma are changed, so that texts and dates stay.

    **Raises:** `DataError` where one cell has a decimal comma and another a decimal point, and
    where every comma may stand for thousands.
    """
    if not table.decimal_comma:
        return table
    frame = table.frame[list(dict.fromkeys(names))]
    commas = {column.name: _matches(column, COMMA) for column in frame.get_columns()}
    commas = {name: mask for name, mask in commas.items() if mask.any()}
    if not commas:
        return table
    name, mask = next(iter(commas.items()))
    cell = f"{at(table, name, first(mask))} has {quote(frame[name][first(mask)].strip())}"
    for column in frame.get_columns():
        points = column.str.contains(".", literal=True).fill_null(False)
        points &= column.str.strip_chars().cast(pl.Float64, strict=False).is_not_null()
        if points.any():
            place = first(points)
            raise DataError(
                f"{cell} with a decimal comma; expected a decimal point because "
                f"{at(table, column.name, place)} has {quote(column[place].strip())}. Write all "
                "numbers of the file with one of the two, and none between thousands."
            )
    if all((_matches(frame[name], EITHER) == mask).all() for name, mask in commas.items()):
        number = frame[name][first(mask)].strip()
        raise DataError(
            f"{cell}, which may be {number.replace(',', '.')} or {number.replace(',', '')}; "
            "expected a number that can be read in one way, because no other number of the file "
            "tells what its commas are. Write it without the comma, or with a decimal point."
        )
    changed = [
        pl.when(mask).then(frame[name].str.replace(",", ".", literal=True)).otherwise(frame[name])
        .alias(name) for name, mask in commas.items()
    ]  # fmt: skip
    return replace(table, frame=table.frame.with_columns(changed))


def _matches(column: pl.Series, pattern: str) -> pl.Series:
    return column.str.contains(pattern).fill_null(False)
