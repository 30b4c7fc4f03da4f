"""Where a series ends, and what is known of the steps after it."""

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from throughtime.data.naming import counted, quote
from throughtime.data.sequences import Sequences
from throughtime.data.series import future
from throughtime.data.steps_to_come import steps_to_come
from throughtime.data.windows import ended as ended
from throughtime.errors import DataError

NAMED = 5  # missing values that an error names


def with_known(
    series: Sequences,
    horizon: int,
    known: tuple[str, ...],
    *tables: Sequences,
) -> Sequences:
    """Series with the rows of the next steps, and what tables say of the known inputs there.

    **Arguments:**

    - `known`: the channels that are known ahead of time, without those of the calendar.
    - `tables`: sequences with the same names as the series, with these channels and times; what a
      later table says counts. Rows of other times and of other series count for nothing.

    Where steps are rows, a table that was put on a grid as the series were has the steps to come
    behind them. In another table `+2` is the time of the second step to come; other rows are those
    to come in their order, but for those that are no later than the last of their series.

    **Raises:** `DataError` for a table whose times are of another kind than those of the series.
    """
    ahead = future(series, horizon)
    if not known:
        return ahead
    values = ahead.values.clone()
    columns = torch.tensor([ahead.channels.index(name) for name in known])
    for table in tables:
        rows, at = steps_to_come(table, ahead, horizon)
        given = table.values[rows][:, [table.channels.index(name) for name in known]]
        there = ~given.isnan()
        row, column = there.nonzero(as_tuple=True)
        values[at[row], columns[column]] = given[there]
    return replace(ahead, values=values)


def check_known(ahead: Sequences, horizon: int, known: tuple[str, ...]) -> None:
    """**Raises:** `DataError` that names what is missing of the known inputs of the next steps."""
    if not known:
        return
    columns = [ahead.channels.index(name) for name in known]
    places = _ahead_places(ahead, horizon)
    gaps = ahead.values[places][..., columns].isnan()  # (S, H, I)
    if not gaps.any():
        return
    named = []
    for s, h, i in gaps.nonzero()[:NAMED].tolist():
        when = f"+{h + 1}" if ahead.times is None else ahead.times[int(places[s, h])]
        named.append(f"{known[i]} of {quote(ahead.names[s])} at {when}")
    count = int(gaps.sum())
    more = f" and {count - len(named):,} more" if count > len(named) else ""
    raise DataError(
        f"known inputs of the steps to come have {counted(count, 'missing value')}: "
        f"{', '.join(named)}{more}; expected all of them, because the forecast was trained to use "
        "them. Fill them in; --template FILE writes the rows."
    )


def template(
    ahead: Sequences,
    horizon: int,
    known: tuple[str, ...],
    sequence: str | None,
    time: str | None,
) -> tuple[list[str], list[list[Any]]]:
    """The rows of the next steps with their known inputs, those that are not known left empty: the
    names of the columns, as the table of training has them, and the rows.
    """
    columns = [ahead.channels.index(name) for name in known]
    rows = []
    for name, places in zip(ahead.names, _ahead_places(ahead, horizon).tolist(), strict=True):
        for place in places:
            row: list[Any] = [] if sequence is None else [name]
            if time is not None:
                row.append(None if ahead.times is None else ahead.times[place])
            for channel, column in zip(known, columns, strict=True):
                texts = ahead.categories.get(channel)
                value = float(str(ahead.values[place, column].numpy()))  # 0.1, not that in float32
                known_one = not math.isnan(value) and (texts is None or value >= 0)
                row.append((value if texts is None else texts[int(value)]) if known_one else None)
            rows.append(row)
    header = [column for column in (sequence, time) if column is not None]
    return [*header, *known], rows


def _ahead_places(ahead: Sequences, horizon: int) -> Tensor:
    """Where the rows of the next steps of each series are, `(S, H)`."""
    return ahead.offsets[1:, None] - torch.arange(horizon, 0, -1)
