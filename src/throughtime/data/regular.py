"""Series on a regular grid of time: rows that are not there become missing steps."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from throughtime.data.classes import is_number
from throughtime.data.naming import quote
from throughtime.data.reading import Reading
from throughtime.data.sequences import Sequences
from throughtime.data.step_of_series import step_of_series
from throughtime.data.time_step import TimeStep, day_of, day_of_month
from throughtime.errors import DataError

MOST = 50  # steps for each row of a table, beyond which the grid is not what a person means


class Times(NamedTuple):
    """The times of series as steps are counted in.

    - `clock`: `(N,)`: seconds since 1970 as the clocks there show them, or numbers.
    - `elapsed`: `(N,)`: the same, in UTC where a zone is written.
    - `dates`: whether they are dates, not numbers.
    """

    clock: Float64[np.ndarray, " N"]
    elapsed: Float64[np.ndarray, " N"]
    dates: bool

    def of(self, step: TimeStep) -> Float64[np.ndarray, " N"]:
        """The times in which this step is counted: what passes for `seconds`, else the dates."""
        return self.elapsed if step.kind == "seconds" else self.clock


def regular(
    sequences: Sequences,
    *,
    every: str | None = None,
    by_row: bool = False,
    trained: TimeStep | None = None,
) -> tuple[Sequences, TimeStep]:
    """Each series with a row for each step of time from its first to its last, and that step.

    A row that is not there is inserted: its values are nan, its place in `rows` is -1, its time is
    written as the others are.

    **Arguments:**

    - `every`: the step of time, see `TimeStep.read`; found unless given.
    - `by_row`: each row is one step, whatever its time.
    - `trained`: the step of the series that a model was trained on, which these have to have too;
      it needs not be found then, so that a series may have one time.

    **Raises:** `DataError` for times that do not lie on the grid, for series of different steps
    and for a step that is not the `trained` one; `OptionError` for an `every` that is no step.
    """
    if by_row or sequences.moments is None:
        return _told(sequences, TimeStep("rows"))
    times = times_of(sequences)
    if trained is not None:
        step = trained
        _check_trained_kind(trained, times)
    elif every is not None:
        step = TimeStep.read(every)
        _check_kind(step, times, every)
    else:
        step = step_of_series(sequences, times.clock, times.elapsed, dates=times.dates)
    own = times.of(step)
    starts = sequences.offsets[:-1].numpy()
    owner = np.repeat(np.arange(len(sequences)), sequences.lengths.numpy())
    places, on_grid = step.places(own, own[starts][owner])
    if trained is not None:
        _check_trained(sequences, trained, times, places, on_grid, owner)
    _check_grid(sequences, step, places, on_grid, owner)
    lengths = places[sequences.offsets[1:].numpy() - 1] + 1
    if lengths.sum() > MOST * len(own) + 1000:
        k = int((lengths / sequences.lengths.numpy()).argmax())
        raise DataError(
            f"series {quote(sequences.names[k])} has {int(sequences.lengths[k]):,} rows, and with "
            f"steps that are {step} {int(lengths[k]):,} steps; expected most of them to be there. "
            "Say the step with --every, or count rows with --by-row (in Python every=, by_row=)."
        )
    return _told(_filled(sequences, step, times, places, lengths, owner), step)


def _told(series: Sequences, step: TimeStep) -> tuple[Sequences, TimeStep]:
    """Series whose reading says their step of time, and that."""
    return replace(series, reading=replace(series.reading or Reading(), step=step)), step


def extended(sequences: Sequences, step: TimeStep, horizon: int) -> Sequences:
    """Each series with so many steps more after its own last one, in which nothing is known.

    Steps that are rows are called `+1`, `+2`, and their moments are nan.
    """
    lengths = sequences.lengths.numpy() + horizon
    owner = np.repeat(np.arange(len(sequences)), sequences.lengths.numpy())
    starts = sequences.offsets[:-1].numpy()
    places = np.arange(len(owner)) - starts[owner]
    times = None if step.kind == "rows" else times_of(sequences)
    return _filled(sequences, step, times, places, lengths, owner)


def times_of(sequences: Sequences) -> Times:
    """The times of series, which have some."""
    from throughtime.data import spelling  # imports polars

    assert sequences.moments is not None and sequences.times is not None
    time_format = (sequences.reading or Reading()).time_format
    moments = sequences.moments.numpy()
    if time_format is None and is_number(sequences.times[0].strip()):
        return Times(moments, moments, False)
    elapsed = _exact(moments)
    return Times(elapsed + spelling.offsets(sequences.times, time_format), elapsed, True)


def _exact(seconds: Float64[np.ndarray, " N"]) -> Float64[np.ndarray, " N"]:
    """Moments that lie nearer to a whole millisecond than floats can tell are that millisecond;
    those of the 18th century would else lie on the day before."""
    whole = np.rint(seconds * 1e3) / 1e3
    near = np.abs(seconds - whole) <= 4 * np.spacing(np.abs(seconds))
    return np.where(near, whole, seconds)


def wall_clock(sequences: Sequences) -> Float64[np.ndarray, " N"]:
    """The moment of each step as the clocks there show it, in seconds since 1970."""
    return times_of(sequences).clock


def _filled(
    sequences: Sequences,
    step: TimeStep,
    times: Times | None,
    places: Int64[np.ndarray, " N"],
    lengths: Int64[np.ndarray, " S"],
    owner: Int64[np.ndarray, " N"],
) -> Sequences:
    """Series of so many steps, the rows that there are at their places."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    at = torch.from_numpy(offsets[:-1][owner] + places)
    total = int(offsets[-1])
    new = torch.ones(total, dtype=torch.bool)
    new[at] = False
    moments, texts = _times(sequences, step, times, at, new, offsets)
    rows = sequences.rows
    return replace(
        sequences,
        values=_at(sequences.values, at, total, torch.nan),
        offsets=torch.from_numpy(offsets),
        moments=moments,
        times=texts,
        rows=_at(torch.arange(len(at)) if rows is None else rows, at, total, -1),
        mask=None,
    )


def _at(values: Tensor, at: Tensor, total: int, missing: float) -> Tensor:
    filled = values.new_full((total, *values.shape[1:]), missing)
    filled[at] = values
    return filled


def _times(
    sequences: Sequences,
    step: TimeStep,
    times: Times | None,
    at: Tensor,
    new: Tensor,
    offsets: Int64[np.ndarray, " S1"],
) -> tuple[Tensor | None, list[str] | None]:
    """The moments and the times of all steps, made for those that are `new`."""
    from throughtime.data import spelling  # imports polars

    places = new.nonzero()[:, 0].numpy()
    if times is None and sequences.times is None:
        return None, None
    owner = np.searchsorted(offsets, places, side="right") - 1
    given = sequences.times
    assert given is not None and sequences.moments is not None
    texts = np.empty(len(new), dtype=object)
    texts[at.numpy()] = np.array(given, dtype=object)
    moments = _at(sequences.moments, at, len(new), torch.nan)
    if times is None:
        rows = sequences.lengths.numpy()[owner]
        texts[places] = [f"+{k}" for k in (places - offsets[owner] - rows + 1).tolist()]
        return moments, texts.tolist()
    from_row = _counted_from(sequences, step, times)[owner]
    made = step.moments(times.of(step)[from_row], places - at.numpy()[from_row])
    # the row before each new one in the table tells its zone
    before = np.searchsorted(at.numpy(), places) - 1
    time_format = (sequences.reading or Reading()).time_format
    zones = spelling.zones_of(given, time_format)
    ahead = (times.clock - times.elapsed)[before]
    clock = made + ahead if step.kind == "seconds" else made
    moments[places] = torch.from_numpy(clock - ahead)
    texts[places] = spelling.spelled(
        clock, given, None if zones is None else zones.gather(before).to_list(), time_format
    )
    return moments, texts.tolist()


def _counted_from(sequences: Sequences, step: TimeStep, times: Times) -> Int64[np.ndarray, " S"]:
    """The row of each series from which the times of other steps are counted: its first; of months
    the first of the latest day, as one that begins on 28 February may be one of 30ths."""
    starts = sequences.offsets[:-1].numpy()
    if step.kind != "months":
        return starts
    day, _ = day_of_month(day_of(times.clock))
    lengths = sequences.lengths.numpy()
    latest = np.flatnonzero(day == np.repeat(np.maximum.reduceat(day, starts), lengths))
    return latest[np.searchsorted(latest, starts)]


def _check_kind(step: TimeStep, times: Times, every: str) -> None:
    """**Raises:** `DataError` for a step of dates where times are numbers, and the reverse."""
    if times.dates == (step.kind == "number"):
        are, such = ("dates", "1h, 1d, 1mo") if times.dates else ("numbers", "1, 0.5")
        raise DataError(
            f"--every is {every}, and the times are {are}; expected a step such as {such}. Write "
            "one of them."
        )


def _check_trained_kind(trained: TimeStep, times: Times) -> None:
    """**Raises:** `DataError` for numbers where a model was trained on dates, and the reverse."""
    if times.dates == (trained.kind == "number"):
        are, were = ("dates", "numbers") if times.dates else ("numbers", "dates")
        raise DataError(
            f"the times are {are}; expected {were}, because the model was trained on steps that "
            f"are {trained}. Write the times as in the table of training."
        )


def _check_trained(
    sequences: Sequences,
    trained: TimeStep,
    times: Times,
    places: Int64[np.ndarray, " N"],
    on_grid: np.ndarray,
    owner: Int64[np.ndarray, " N"],
) -> None:
    """**Raises:** `DataError` where series have another step than a model was trained on: times
    that are off its grid, or no two that are one step apart."""
    within = owner[1:] == owner[:-1]
    apart = np.diff(places)[within]
    if not len(apart) or ((apart == 1).any() and (apart > 0).all() and on_grid.all()):
        return
    found = step_of_series(sequences, times.clock, times.elapsed, dates=times.dates)
    if str(found) != str(trained):
        raise DataError(
            f"the step of time is {found}; expected {trained}, as in training. Give series of "
            "that step."
        )


def _check_grid(
    sequences: Sequences,
    step: TimeStep,
    places: Int64[np.ndarray, " N"],
    on_grid: np.ndarray,
    owner: Int64[np.ndarray, " N"],
) -> None:
    """**Raises:** `DataError` for a time that is off the grid, or two at one place of it."""
    again = np.zeros(len(places), dtype=bool)
    again[1:] = (owner[1:] == owner[:-1]) & (places[1:] <= places[:-1])
    wrong = ~on_grid | again
    if not wrong.any():
        return
    k = int(wrong.argmax())
    times, name = sequences.times, quote(sequences.names[int(owner[k])])
    assert times is not None
    before = f", and {quote(times[k - 1])} before it" if k and owner[k] == owner[k - 1] else ""
    many = int(wrong.sum())
    others = f"; {many - 1:,} more lie so" if many > 1 else ""
    raise DataError(
        f"series {name} has the time {quote(times[k])}{before}{others}; expected steps that are "
        f"{step}, because a forecast counts them. Say another step with --every 1h, say, or count "
        "rows with --by-row (in Python every=, by_row=)."
    )
