"""What the time of a step says of it: the month, the day of the week, the hour.

A calendar is known ahead of time, so that a forecast may use it for every step to come.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float64

from throughtime.data.sequences import Sequences
from throughtime.data.time_step import TimeStep, day_of

DAY = 86400.0
YEAR = 365.2425 * DAY
YEARS = 2  # that a series lasts, at least, before the time of the year is told from its trend
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
QUARTERS = ("Q1", "Q2", "Q3", "Q4")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOURS = tuple(f"{hour:02}" for hour in range(24))
TEXTS = {
    "month of the year": MONTHS, "quarter of the year": QUARTERS, "day of the week": DAYS,
    "hour of the day": HOURS,
}  # fmt: skip
WAVES = ("time of the year, sine", "time of the year, cosine")


class Clock(NamedTuple):
    """The moments of steps, seconds since 1970 as the clocks show them where the series is from."""

    seconds: Float64[np.ndarray, " N"]

    def of(self, name: str) -> Float64[np.ndarray, " N"]:
        """One column of a calendar: a wave, or places among its texts."""
        days = day_of(self.seconds)
        if name in WAVES:
            turns = 2 * np.pi * self.seconds / YEAR
            return np.sin(turns) if name == WAVES[0] else np.cos(turns)
        if name == "day of the week":
            return (days + 3) % 7  # the first of January 1970 was a Thursday
        if name == "hour of the day":
            return np.floor((self.seconds - days * DAY) / 3600)
        months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
        return (months // 3 if name == "quarter of the year" else months).astype(np.float64)


def columns(step: TimeStep, seconds: float) -> tuple[str, ...]:
    """Which columns of a calendar tell something of series of this step; none without dates.

    `seconds`: how long the longest series lasts.
    """
    year = WAVES if seconds >= YEARS * YEAR else ()
    week = ("day of the week",)
    if step.kind == "months":
        of_months = {1: ("month of the year",), 3: ("quarter of the year",)}
        return of_months.get(int(step.count), ())
    if step.kind == "weekdays":
        return (*week, *year)
    if step.kind == "days":
        return (*(week if step.count % 7 else ()), *year)
    if step.kind == "seconds":
        return ("hour of the day", *week, *year) if step.count < DAY else (*week, *year)
    return ()


def with_calendar(
    sequences: Sequences, names: tuple[str, ...], seconds: Float64[np.ndarray, " N"]
) -> Sequences:
    """Sequences with columns of a calendar as further channels.

    `seconds`: of each step, as the clocks show them there, see `Clock`.
    """
    if not names:
        return sequences
    clock = Clock(seconds)
    values = [torch.from_numpy(clock.of(name)).float() for name in names]
    return replace(
        sequences,
        values=torch.cat([sequences.values, torch.stack(values, -1)], -1),
        channels=(*sequences.channels, *names),
        categories=sequences.categories | {n: TEXTS[n] for n in names if n in TEXTS},
    )
