"""Which rows of a table make up which sequence, in which order.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Float64, Int64

from throughtime.data.columns import NotANumber, numbers, texts
from throughtime.data.frame import Table
from throughtime.data.moments import as_numbers, moments
from throughtime.data.naming import quote
from throughtime.errors import DataError


@dataclass(frozen=True, eq=False)
class Layout:
    """The rows of `S` sequences, one sequence after the other, each in order of time.

    - `order`: shape `(N,)`; places of the rows in the table.
    - `starts`: shape `(S,)`; where in `order` each sequence starts.
    - `names`: the names of the `S` sequences, in order of first appearance.
    - `moments`: shape `(N,)`, in that order, see `Sequences`; None without a time column.
    """

    order: Int64[np.ndarray, " N"]
    starts: Int64[np.ndarray, " S"]
    names: tuple[str, ...]
    moments: Float64[np.ndarray, " N"] | None


def lay_out(
    table: Table, sequence: str | None, time: str | None, time_format: str | None, whole: str
) -> Layout:
    """Groups the rows by the column `sequence` and sorts them by the column `time`, if named,
    which is read with `time_format`, if given. Without `sequence` all rows are one sequence of the
    name `whole`.

    **Raises:** `DataError` if a sequence has no name or one has the same time twice.
    """
    if sequence is None:
        names = pl.repeat(whole, table.frame.height, dtype=pl.String, eager=True)
    else:
        names = texts(table, sequence, "sequence")
    rows = pl.int_range(len(names), eager=True)
    times = rows if time is None else moments(table, time, time_format)
    keys = pl.DataFrame({"name": names, "time": times, "row": rows})
    keys = keys.with_columns(first=pl.col("row").min().over("name"))
    keys = keys.sort("first", "time", maintain_order=True)
    start = (keys["first"] != keys["first"].shift(1)).fill_null(True)
    twice = ~start & (keys["time"] == keys["time"].shift(1)).fill_null(False)
    if twice.any():
        again = keys.filter(twice).sort("row").row(0, named=True)
        same = (keys["name"] == again["name"]) & (keys["time"] == again["time"])
        before = keys["row"].filter(same)[0]  # rows of one time stay in order
        given = table.frame[str(time)]
        fix = "Remove the row or correct its time"
        if sequence is None:
            fix = "Name the column that tells series apart, remove the row or correct its time"
        raise DataError(
            f"column {quote(time)}, row {table.row(again['row'])} has the time "
            f"{quote(given[again['row']])} a second time in sequence {quote(again['name'])}; "
            f"expected every time once in a sequence, and row {table.row(before)} has it as "
            f"{quote(given[before])}. {fix}; hours that come twice where clocks are put back need "
            "times with a zone."
        )
    return Layout(
        order=keys["row"].to_numpy(),
        starts=start.arg_true().cast(pl.Int64).to_numpy(),
        names=tuple(keys["name"].filter(start)),
        moments=None if time is None else as_numbers(keys["time"]).to_numpy(),
    )


def spelled(table: Table, time: str, layout: Layout) -> list[str]:
    """The times in the order of the layout, as the table has them."""
    column = table.frame[time]
    texts = column.dt.to_string() if column.dtype == pl.Duration else column.cast(pl.String)
    return texts.str.strip_chars().gather(layout.order).to_list()


def sequence_numbers(table: Table, names: Sequence[str], layout: Layout) -> np.ndarray:
    """The numbers of every sequence in the columns `names`, `(S, K)`; nan where none is given.

    **Raises:** `DataError` for what is no number, or a number that changes in a sequence.
    """
    try:
        values = numbers(table, names, missing=True)[layout.order]
    except NotANumber as error:
        raise DataError(
            f"{error} Correct it, or name a column of numbers; for a class use the label column."
        ) from None
    firsts = values[layout.starts]
    owner = np.repeat(np.arange(len(firsts)), np.diff(layout.starts, append=len(values)))
    same = (values == firsts[owner]) | (np.isnan(values) & np.isnan(firsts[owner]))
    if not same.all():
        # The first such row in the file, which need not be the first in order.
        rows = np.flatnonzero(~same.all(1))
        at = rows[layout.order[rows].argmin()]
        k, of = int((~same[at]).argmax()), int(owner[at])
        raise DataError(
            f"column {quote(names[k])}, row {table.row(int(layout.order[at]))} has the number "
            f"{values[at, k]:g} in sequence {quote(layout.names[of])}; expected "
            f"{firsts[of, k]:g} as at its start because a sequence has one number. Correct it, or "
            f"read a number at every step (on the command line --tag {quote(names[k])}, in Python "
            "tags=)."
        )
    return firsts


def sequence_labels(table: Table, label: str, layout: Layout) -> list[str]:
    """The label of every sequence, as text.

    **Raises:** `DataError` if a label is missing, is a fraction, or changes in a sequence.
    """
    if table.frame[label].dtype.is_float() or table.frame[label].dtype.is_decimal():
        raise DataError(
            f"column {quote(label)} has type {table.frame[label].dtype}; expected text or whole "
            "numbers because each distinct label is a class. Convert the column."
        )
    return one_text_each(
        table, label, layout, "label", "a sequence has one label",
        "Correct it, name another sequence column, or read a class at every step (on the command "
        f"line --tag {quote(label)}, in Python tags=).",
    )  # fmt: skip


def one_text_each(
    table: Table, name: str, layout: Layout, role: str, because: str, fix: str
) -> list[str]:
    """The text of every sequence in the column `name`, whose `role` an error says.

    **Raises:** `DataError` if one is missing or changes in a sequence: what was expected
    `because`, and how to `fix` it.
    """
    column = texts(table, name, role)
    firsts = layout.order[layout.starts]
    lengths = np.diff(layout.starts, append=len(layout.order))
    owner = np.repeat(np.arange(len(firsts)), lengths)  # the sequence of each row in order
    changed = (column[layout.order] != column[firsts][owner]).to_numpy()
    if changed.any():
        # The first such row in the file, which need not be the first in order.
        at = np.flatnonzero(changed)[layout.order[changed].argmin()]
        place, of = int(layout.order[at]), int(owner[at])
        raise DataError(
            f"column {quote(name)}, row {table.row(place)} has the {role} "
            f"{quote(column[place])} in sequence {quote(layout.names[of])}; expected "
            f"{quote(column[int(firsts[of])])} as at its start because {because}. {fix}"
        )
    return column[firsts].to_list()
