"""Which rows of a table are of the steps to come of series, told by their times or their order."""

import re

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from throughtime.data.naming import quote
from throughtime.data.regular import Times, times_of
from throughtime.data.sequences import Sequences
from throughtime.data.time_step import TimeStep
from throughtime.errors import DataError

NEXT = re.compile("[+]([0-9]{1,9})")  # how `regular.extended` calls steps that are rows


def steps_to_come(
    table: Sequences, ahead: Sequences, horizon: int
) -> tuple[Int64[Tensor, " K"], Int64[Tensor, " K"]]:
    """Rows of a table, and the rows of `ahead` that are of the same series and step.

    `ahead`: series whose last `horizon` rows are the steps to come, see `regular.extended`.

    **Raises:** `DataError` where the times of the two cannot be compared.
    """
    assert ahead.reading is not None and ahead.reading.step is not None
    step = ahead.reading.step
    of_series = {name: k for k, name in enumerate(ahead.names)}
    own = np.array([of_series.get(name, -1) for name in table.names])
    if all(part.reading is not None and part.reading.sequence is None for part in (table, ahead)):
        own = np.zeros(1, dtype=np.int64)  # the one series of each is called as its file
    owner = np.repeat(own, table.lengths.numpy())
    starts, lengths = ahead.offsets[:-1].numpy(), ahead.lengths.numpy()
    if step.kind == "rows":
        places, fits = _by_row(table, ahead, lengths[owner] - horizon, owner)
    else:
        theirs, ours = times_of(table), times_of(ahead)
        _check_kind(table, ahead, step, theirs, ours)
        places, fits = step.places(theirs.of(step), ours.of(step)[starts][owner])
    fits = fits & (owner >= 0)
    fits &= (places >= lengths[owner] - horizon) & (places < lengths[owner])
    rows = np.flatnonzero(fits)
    return torch.from_numpy(rows), torch.from_numpy((starts[owner] + places)[rows])


def _by_row(
    table: Sequences,
    ahead: Sequences,
    ended: Int64[np.ndarray, " N"],
    owner: Int64[np.ndarray, " N"],
) -> tuple[Int64[np.ndarray, " N"], Bool[np.ndarray, " N"]]:
    """The place of each row of a table in its series, and whether it has one; see
    `future.with_known`. `ended`: how many steps of its series are known, for each row."""
    starts = np.repeat(table.offsets[:-1].numpy(), table.lengths.numpy())
    if table.reading is not None and table.reading.step is not None:
        return np.arange(len(starts)) - starts, np.ones(len(starts), dtype=bool)
    if table.times is None or ahead.moments is None:
        return ended + np.arange(len(starts)) - starts, np.ones(len(starts), dtype=bool)
    named = [NEXT.fullmatch(text.strip()) for text in table.times]
    if all(named):
        count = np.array([int(name.group(1)) for name in named if name])
        return ended + count - 1, count > 0
    assert table.moments is not None
    last = ahead.moments.numpy()[ahead.offsets[:-1].numpy()[owner] + ended - 1]
    later = table.moments.numpy() > last
    counted = np.cumsum(later)
    before = np.where(starts > 0, counted[starts - 1], 0)
    return ended + counted - before - 1, later


def _check_kind(
    table: Sequences, ahead: Sequences, step: TimeStep, theirs: Times, ours: Times
) -> None:
    """**Raises:** `DataError` for dates beside numbers, and for times of the day with a time zone
    beside some without one."""
    assert table.times is not None and ahead.times is not None
    given, wanted = quote(table.times[0]), quote(ahead.times[0])
    if theirs.dates != ours.dates:
        raise DataError(
            f"the table of known inputs has the time {given}; expected one such as {wanted}, "
            "because the series have these. Write its times as theirs are."
        )
    from throughtime.data.spelling import zones_of  # imports polars

    formats = [part.reading.time_format if part.reading else None for part in (table, ahead)]
    zoned = [
        zones_of(part.times or [], form) is not None
        for part, form in zip((table, ahead), formats, strict=True)
    ]
    if step.kind == "seconds" and zoned[0] != zoned[1]:
        has, want = ("no", "one") if zoned[1] else ("a", "none")
        raise DataError(
            f"the table of known inputs has the time {given} with {has} time zone; expected "
            f"{want}, because the series have times such as {wanted}. Write its times as theirs "
            "are."
        )
