"""Which step of time series have, found from how far their times lie apart."""

import numpy as np
from jaxtyping import Bool, Float64, Int64

from throughtime.data.naming import quote
from throughtime.data.sequences import Sequences
from throughtime.data.time_step import DAY, TimeStep, day_of, day_of_month
from throughtime.errors import DataError

SHORTEST = 28  # days: what lies nearer is no month


def step_of_series(
    sequences: Sequences,
    clock: Float64[np.ndarray, " N"],
    elapsed: Float64[np.ndarray, " N"],
    *,
    dates: bool,
) -> TimeStep:
    """The commonest distance in each series, which has to be the same in all; a series of one or
    two steps takes that of the others.

    **Arguments:** `clock`: seconds since 1970 as the clocks show them, or numbers; `elapsed`: the
    same in UTC; `dates`: whether they are dates.

    **Raises:** `DataError` where series have different steps, and where no series has two times.
    """
    owner = np.repeat(np.arange(len(sequences)), sequences.lengths.numpy())
    within = owner[1:] == owner[:-1]
    if not within.any():
        raise DataError(
            "no series has two times; expected at least one that has, because the step of time is "
            "found from how far they lie apart. Say it with --every 1d, say, or name the column "
            "that tells series apart."
        )
    own = owner[1:][within]
    if not dates:
        return _alike(sequences, "number", _rounded(np.diff(clock)[within], clock), own)
    days = day_of(clock)
    if np.ptp(clock - days * DAY) > 1e-3:
        return _alike(sequences, "seconds", _rounded(np.diff(elapsed)[within], elapsed), own)
    apart = np.diff(days)[within]
    at_day, at_end = _day_of_month(days, sequences.offsets[:-1].numpy(), owner)
    if (at_day or at_end) and np.median(apart) >= SHORTEST:
        months = np.diff(days.astype(np.int64).astype("datetime64[D]").astype("datetime64[M]"))
        step = _alike(sequences, "months", months.astype(np.float64)[within], own)
        return TimeStep("months", step.count, month_end=at_end)
    if _on_weekdays(days, apart, within):
        return TimeStep("weekdays")
    return _alike(sequences, "days", apart, own)


def _day_of_month(
    days: Float64[np.ndarray, " N"],
    starts: Int64[np.ndarray, " S"],
    owner: Int64[np.ndarray, " N"],
) -> tuple[bool, bool]:
    """Whether all dates of each series are of one day of the month, or the last one where a month
    is shorter; and whether all dates are the last of their month."""
    day, length = day_of_month(days)
    latest = np.maximum.reduceat(day, starts)[owner]
    return bool((day == np.minimum(latest, length)).all()), bool((day == length).all())


def _on_weekdays(
    days: Float64[np.ndarray, " N"],
    apart: Float64[np.ndarray, " D"],
    within: Bool[np.ndarray, " M"],
) -> bool:
    """Whether the commonest distance is a day, and weekends are left out."""
    dates = days.astype(np.int64).astype("datetime64[D]")
    if _commonest(apart) != 1 or not np.is_busday(dates).all():
        return False
    weekdays = np.busday_count(dates[:-1], dates[1:])[within]
    return bool((weekdays < apart).any())  # there was a weekend


def _rounded(
    distances: Float64[np.ndarray, " D"], times: Float64[np.ndarray, " N"]
) -> Float64[np.ndarray, " D"]:
    """Distances without what only rounding of the times adds."""
    grain = max(float(np.abs(times).max()) * 1e-14, float(distances.min()) * 1e-4)
    digits = int(np.clip(np.floor(-np.log10(grain)), -3, 15))
    return np.round(distances, digits)


def _alike(
    sequences: Sequences,
    kind: str,
    distances: Float64[np.ndarray, " D"],
    own: Int64[np.ndarray, " D"],
) -> TimeStep:
    """The commonest distance of all series. **Raises:** `DataError` where two have different."""
    order = np.lexsort((distances, own))
    d, o = distances[order], own[order]
    begins = np.flatnonzero(np.r_[True, (np.diff(d) != 0) | (np.diff(o) != 0)])
    counts = np.diff(np.r_[begins, len(d)])
    # of each series the commonest distance, of several the least
    best = np.lexsort((d[begins], -counts, o[begins]))
    series, first = np.unique(o[begins][best], return_index=True)
    steps, often = d[begins][best][first], counts[best][first]
    overall = _commonest(distances)
    unlike = (steps != overall) & (often > 1)
    if unlike.any():
        k = int(unlike.argmax())
        like = series[int((steps == overall).argmax())] if (steps == overall).any() else series[0]
        one, other = (TimeStep(kind, float(s)) for s in (steps[k], overall))  # type: ignore[arg-type]
        raise DataError(
            f"series {quote(sequences.names[int(series[k])])} has steps that are {one}, and "
            f"{quote(sequences.names[int(like)])} {other}; expected one step of time in all, "
            "because they share a model. Say it with --every 1d, say, count rows with --by-row (in "
            "Python every=, by_row=), or give two tables."
        )
    return TimeStep(kind, overall)  # type: ignore[arg-type]


def _commonest(distances: Float64[np.ndarray, " D"]) -> float:
    """The commonest distance, of several the least."""
    values, counts = np.unique(distances, return_counts=True)
    return float(values[counts.argmax()])
