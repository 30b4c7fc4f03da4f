"""Frames of polars, pandas and whatever else hands its columns over as Arrow does, as a table.

Imported by `read_table` when it is called, since polars takes its time to load. Pandas is never
imported: whoever has a frame of it has done so.
"""

import sys
from collections.abc import Callable
from typing import Any

import polars as pl

from throughtime.data.columns import check_header
from throughtime.data.frame import Failure, InMemory
from throughtime.data.naming import quote
from throughtime.errors import DataError

LEVELS = ("sequence", "time")


def from_frame(given: Any) -> InMemory:
    """The frame `given`; its rows are counted from 0.

    Of pandas, an index of two levels is the sequence and the time of each row, and an index of one
    level is a column if it has a name.

    **Raises:** `DataError` for what is no frame, or one whose columns cannot be told apart.
    """
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(given, pandas.DataFrame):
        made = _from_pandas(given)
    elif isinstance(given, pl.DataFrame):
        made = InMemory(given, _place)
    elif hasattr(given, "__arrow_c_stream__"):
        made = InMemory(_from_arrow(given), _place)
    else:
        raise DataError(
            f"data has the type {quote(type(given).__name__)}; expected the path of a table, or a "
            "frame of polars, of pandas or of another library with the stream of Arrow. "
            + ("Call collect() on it." if isinstance(given, pl.LazyFrame) else "Convert it, or "
               "give arrays to Sequences.from_list.")
        )  # fmt: skip
    check_header(made.header())
    if made.frame.height == 0:
        raise DataError("frame has no rows; expected at least 1. Add rows.")
    return made


def _place(place: int) -> int:
    return place


def _from_arrow(given: Any) -> pl.DataFrame:
    try:
        frame = pl.DataFrame(given)
    except (*Failure, TypeError, ValueError) as error:
        raise DataError(
            f"frame cannot be read ({quote(error)}); expected columns of numbers, texts, truth "
            "values and dates, each with a name of its own. Convert or rename them."
        ) from None
    return frame


def _from_pandas(given: Any) -> InMemory:
    index, roles = given.index, {}
    columns: list[tuple[str, Callable[[], Any]]] = []
    if index.nlevels == 2:
        names = [str(n) if n is not None else LEVELS[k] for k, n in enumerate(index.names)]
        roles = dict(zip(LEVELS, names, strict=True))
        columns = [(name, index.get_level_values(k).to_series) for k, name in enumerate(names)]
    elif index.nlevels > 2:
        raise DataError(
            f"index has {index.nlevels} levels; expected 1, or 2 for the sequence and the time. "
            "Call reset_index() and name the columns."
        )
    elif index.name is not None:
        columns = [(str(index.name), index.to_series)]
    columns += [(str(n), lambda k=k: given.iloc[:, k]) for k, n in enumerate(given.columns)]
    check_header([name for name, _ in columns])
    frame = pl.DataFrame([_column(name, column()) for name, column in columns])
    return InMemory(frame, _place, **roles)


def _column(name: str, given: Any) -> pl.Series:
    """A series of pandas, what is missing in it as null."""
    kind = given.dtype
    if getattr(kind, "tz", None) is not None:
        zoned = pl.Series(name, given.dt.tz_convert(None).to_numpy())
        return zoned.dt.replace_time_zone("UTC")
    if getattr(kind, "kind", "O") in "biufM" and not hasattr(kind, "na_value"):
        return pl.Series(name, given.to_numpy())
    cells = [None if gone else cell for cell, gone in zip(given, given.isna(), strict=True)]
    try:
        return pl.Series(name, cells)
    except (*Failure, TypeError, ValueError):  # of several types: numbers if all are, else text
        kind = float if all(isinstance(cell, int | float | None) for cell in cells) else str
        return pl.Series(name, [None if cell is None else kind(cell) for cell in cells])
