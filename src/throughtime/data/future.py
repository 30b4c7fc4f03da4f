"""Where a series ends, and what is known of the steps after it."""

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from throughtime.data.naming import counted, quote, quote_all
from throughtime.data.sequences import Sequences
from throughtime.data.series import future
from throughtime.errors import DataError

NAMED = 5  # missing values that an error names


def ended(series: Sequences, targets: tuple[str, ...]) -> Sequences:
    """Each series up to the last step at which a target is known.

    **Raises:** `DataError` for a series of which none is known.
    """
    columns = [series.channels.index(name) for name in targets]
    known = ~series.values[:, columns].isnan().all(1)
    places = torch.arange(len(known)).where(known, -1)
    last = torch.stack([part.max() for part in places.split(series.lengths.tolist())])
    stops = last + 1 - series.offsets[:-1]
    if (last < 0).any():
        name = series.names[int((last < 0).int().argmax())]
        raise DataError(
            f"the series {quote(name)} has no value of {quote_all(targets)}; expected 1 or more, "
            "to go on from. Leave the series out."
        )
    return series.cut(torch.zeros_like(stops), stops)


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
    """
    ahead = future(series, horizon)
    if not known:
        return ahead
    values = ahead.values.clone()
    columns = torch.tensor([ahead.channels.index(name) for name in known])
    places = _ahead_places(ahead, horizon)
    by_row = ahead.reading is not None and str(ahead.reading.step) == "row by row"
    for table in tables:
        own = [table.channels.index(name) for name in known]
        keys = _by_row(table, series, horizon) if by_row else _by_time(table)
        wanted = _by_row(ahead, ahead, horizon, places) if by_row else _by_time(ahead, places)
        at = dict(zip(keys, range(len(table.values)), strict=True))
        for place, key in zip(places.flatten().tolist(), wanted, strict=True):
            if key in at:
                given = table.values[at[key], own]
                there = ~given.isnan()
                values[place, columns[there]] = given[there]
    return replace(ahead, values=values)


def _by_time(part: Sequences, places: Tensor | None = None) -> list[tuple[str, int]]:
    """The series and the moment of each step, or of those at some places, to a microsecond."""
    assert part.moments is not None
    owner = torch.repeat_interleave(torch.arange(len(part)), part.lengths)
    moments = (part.moments * 1e6).round()
    if places is not None:
        owner, moments = owner[places.flatten()], moments[places.flatten()]
    names = part.names
    return [(names[s], int(m)) for s, m in zip(owner.tolist(), moments.tolist(), strict=True)]


def _by_row(
    table: Sequences, series: Sequences, horizon: int, places: Tensor | None = None
) -> list[tuple[str, int]]:
    """The series and the number of each row where rows are steps, from the first step ahead on:
    those of a table of steps to come are the next ones, those of the series themselves are not."""
    if places is not None:
        return [(name, h) for name in table.names for h in range(horizon)]
    lengths = dict(zip(series.names, series.lengths.tolist(), strict=True))
    same = table.channels == series.channels  # the rows of the series, with some to come
    return [
        (name, step - (lengths.get(name, 0) if same else 0))
        for name, n in zip(table.names, table.lengths.tolist(), strict=True)
        for step in range(n)
    ]


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
        when = str(h + 1) if ahead.times is None else ahead.times[int(places[s, h])]
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
                value, texts = float(ahead.values[place, column]), ahead.categories.get(channel)
                known_one = not math.isnan(value) and (texts is None or value >= 0)
                row.append((value if texts is None else texts[int(value)]) if known_one else None)
            rows.append(row)
    header = [column for column in (sequence, time) if column is not None]
    return [*header, *known], rows


def _ahead_places(ahead: Sequences, horizon: int) -> Tensor:
    """Where the rows of the next steps of each series are, `(S, H)`."""
    return ahead.offsets[1:, None] - torch.arange(horizon, 0, -1)
