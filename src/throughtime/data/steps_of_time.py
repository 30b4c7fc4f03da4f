"""The step of time of sequences: how far apart their steps are, and which are missing."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from throughtime.data.sequences import Sequences

DAY = 86400
UNITS = ((DAY, "day", "daily"), (3600, "h", "hourly"), (60, "min", "every minute"),
         (1, "s", "every second"))  # fmt: skip
MONTHS = {1: "monthly", 3: "quarterly", 12: "yearly"}
NEAR = 0.01  # of a step: how far a distance may be from a multiple of it
UNEVEN = 0.1  # the share of other distances from which on there is no step to speak of


@dataclass(frozen=True)
class StepOfTime:
    """The commonest distance between two steps of a sequence, and what is unlike it.

    - `step`: in words: `monthly`, `every 10 min`, `steps of 0.5`.
    - `missing`: how many steps are not there, where a distance is twice the step or more.
    - `gapped`: in how many sequences that is; `sequences`: of how many.
    - `other`: how many distances are no multiples of the step, of `distances` in all.
    """

    step: str
    missing: int
    gapped: int
    sequences: int
    other: int
    distances: int

    def __str__(self) -> str:
        if self.other > UNEVEN * self.distances:
            return f"{self.step} most often, but uneven"
        says = [self.step]
        if self.missing:
            steps = f"{self.missing:,} step{'s' * (self.missing != 1)} missing"
            where = f" in {self.gapped:,} of {self.sequences:,} sequences"
            says.append(steps + where * (self.sequences > 1))
        else:
            says.append("none missing")
        if self.other:
            says.append(f"{self.other:,} at other distances")
        return ", ".join(says)


def step_of_time(sequences: Sequences, *, dates: bool) -> StepOfTime | None:
    """The step of the times of sequences; None where there are no times, or none that differ.

    `dates`: whether the moments are seconds since 1970, and not numbers with a meaning of their
    own.
    """
    if sequences.moments is None:
        return None
    moments = sequences.moments.numpy()
    owner = np.repeat(np.arange(len(sequences)), sequences.lengths.numpy())
    within = (owner[1:] == owner[:-1]) & (np.diff(moments) > 0)
    if not within.any():
        return None
    if dates:
        step, distances = _of_dates(moments, within)
    else:
        distances = np.diff(moments)[within]
        largest = float(np.abs(moments).max())
        unit = _commonest(distances, largest)
        known = int(np.log10(unit / largest) + 15.5) if largest else 6  # digits that floats keep
        step, distances = f"steps of {unit:.{min(max(known, 1), 6)}g}", distances / unit
    multiples = distances.round().clip(min=1)
    fits = np.abs(distances - multiples) < NEAR * multiples
    missing = np.where(fits, multiples - 1, 0).astype(np.int64)
    return StepOfTime(
        step=step,
        missing=int(missing.sum()),
        gapped=len(np.unique(owner[1:][within][missing > 0])),
        sequences=len(sequences),
        other=int((~fits).sum()),
        distances=len(distances),
    )


def _of_dates(
    moments: Float64[np.ndarray, " N"], within: np.ndarray
) -> tuple[str, Float64[np.ndarray, " D"]]:
    """The step of dates in words, and the distances in steps."""
    dates = (moments * 1e6).round().astype("datetime64[us]")
    months = dates.astype("datetime64[M]")
    next_day = dates + np.timedelta64(1, "D")
    at_start = (dates == months).all()
    at_end = (next_day.astype("datetime64[D]") == next_day.astype("datetime64[M]")).all()
    if at_start or at_end:
        apart = np.diff(months.astype(np.int64))[within]
        unit = _most(apart)
        return MONTHS.get(unit, f"every {unit} months"), apart / unit
    seconds = np.diff(moments)[within]
    unit = _commonest(seconds, float(np.abs(moments).max()))
    days = dates.astype("datetime64[D]")
    if abs(unit - DAY) < 1 and np.is_busday(days).all():
        apart = np.diff(days).astype(np.int64)[within]
        weekdays = np.busday_count(days[:-1], days[1:])[within]
        if (weekdays < apart).any():  # there was a weekend
            return "every weekday", weekdays.astype(np.float64)
    return _words(unit), seconds / unit


def _commonest(distances: Float64[np.ndarray, " D"], largest: float) -> float:
    """The commonest distance, of several the least; those that only rounding tells apart are one.

    `largest`: the moment farthest from 0, by which floats round.
    """
    grain = max(largest * 1e-14, float(np.median(distances)) * 1e-4)
    rounded = (distances / grain).round().astype(np.int64)
    return float(np.median(distances[rounded == _most(rounded)]))


def _most(numbers: Int64[np.ndarray, " D"]) -> int:
    values, counts = np.unique(numbers, return_counts=True)
    return int(values[counts.argmax()])


def _words(seconds: float) -> str:
    """So many seconds: daily, every 10 min."""
    if abs(seconds - 7 * DAY) < 1:
        return "weekly"
    for length, name, alone in UNITS:
        count = seconds / length
        if abs(count - 1) < 1e-6:
            return alone
        if count >= 1 and abs(count - round(count)) < 1e-6:
            return f"every {round(count)} {name}{'s' * (name == 'day')}"
    return f"every {seconds:.6g} s"
