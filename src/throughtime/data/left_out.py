"""Sequences of a table that cannot be read, left out so that they do not cost the others.

Imported by `read_table` when a sequence cannot be read, since polars takes its time to load.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from throughtime.data.date_format import UnclearDate
from throughtime.data.frame import Table
from throughtime.errors import DataError


class LeftOut(NamedTuple):
    """A sequence that cannot be read.

    - `name`: as the table has it; None for rows that name no sequence.
    - `places`: of its rows among those of the table, from 0.
    - `why`: what is wrong with one of these rows, and how to mend it.
    """

    name: str | None
    places: list[int]
    why: str


def readable(
    table: Table, sequence: str, read: Callable[[Table], Any]
) -> tuple[Table, np.ndarray, list[LeftOut]]:
    """A table without the sequences that `read` refuses, the places of its rows in the whole table,
    and what was left out, in order of first appearance.

    `read` is given a part of the table, whole sequences of the column `sequence`, and raises
    `DataError` where it cannot be read. Halves are tried until each sequence at fault is alone, so
    that few of them cost few readings.

    **Raises:** `DataError`, that of the first sequence, where none can be read.
    """
    named = table.frame[sequence].cast(pl.String, strict=False).str.strip_chars()
    named = named.set((named == "").fill_null(False), None)
    rows = pl.DataFrame({"name": named, "row": pl.int_range(len(named), eager=True)})
    groups = rows.group_by("name", maintain_order=True).agg("row")
    sequences = [(name, places.to_numpy()) for name, places in zip(*groups, strict=True)]
    faults = list(_faults(table, sequences, read))
    left_out = [LeftOut(name, places.tolist(), str(error)) for name, places, error in faults]
    if len(left_out) == len(sequences):
        raise faults[0][2]
    bad = np.concatenate([places for _, places, _ in faults]) if faults else np.array([], int)
    kept = np.setdiff1d(np.arange(len(named)), bad)
    return _part(table, kept), kept, left_out


Named = tuple[str | None, np.ndarray]


def _faults(
    table: Table, sequences: list[Named], read: Callable[[Table], Any]
) -> Iterator[tuple[str | None, np.ndarray, DataError]]:
    try:
        read(_part(table, np.sort(np.concatenate([places for _, places in sequences]))))
    except UnclearDate:
        return  # which other rows may make clear: the table as a whole tells
    except DataError as error:
        if len(sequences) == 1:
            yield (*sequences[0], error)
            return
        half = len(sequences) // 2
        yield from _faults(table, sequences[:half], read)
        yield from _faults(table, sequences[half:], read)


def _part(table: Table, places: np.ndarray) -> Table:
    """The rows at `places`, which errors count as those of the whole table."""
    row = table.row
    return replace(table, frame=table.frame[places], row=lambda place: row(int(places[place])))
