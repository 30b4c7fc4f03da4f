"""The step of time of series: months, days, weekdays, seconds, numbers or rows.

A calendar has no fixed unit: months and years differ in length, business days leave out weekends,
and where clocks change a day has 23 or 25 hours. So steps of days and longer are counted by the
dates that the clocks there show, and shorter ones by the time that passes.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64, Int64

from throughtime.data.naming import quote
from throughtime.errors import OptionError

Kind = Literal["rows", "number", "seconds", "days", "weekdays", "months"]

DAY = 86400
NEAR = 0.01  # of a step: how far a moment may lie from the grid
UNITS = {
    "s": ("seconds", 1), "min": ("seconds", 60), "h": ("seconds", 3600), "d": ("days", 1),
    "w": ("days", 7), "mo": ("months", 1), "q": ("months", 3), "y": ("months", 12),
    "weekday": ("weekdays", 1),
}  # fmt: skip
SEASONS: dict[tuple[str, float], tuple[int, ...]] = {
    ("months", 1): (12,), ("months", 3): (4,), ("days", 1): (7,), ("days", 7): (52,),
    ("weekdays", 1): (5,),
}  # fmt: skip
WORDS: dict[tuple[str, float], str] = {
    ("months", 1): "monthly", ("months", 3): "quarterly", ("months", 12): "yearly",
    ("days", 1): "daily", ("days", 7): "weekly", ("weekdays", 1): "every weekday",
    ("seconds", 3600): "hourly", ("seconds", 60): "every minute", ("seconds", 1): "every second",
    ("rows", 1): "row by row",
}  # fmt: skip


@dataclass(frozen=True)
class TimeStep:
    """How far two steps of a series lie apart.

    - `kind`: `months`, `days` and `weekdays` of the calendar, `seconds` that pass, `number` for
      times that are numbers, or `rows`, where times count for nothing.
    - `count`: how many of these.
    - `month_end`: of months: whether each date is the last of its month.
    """

    kind: Kind
    count: float = 1
    month_end: bool = False

    @classmethod
    def read(cls, text: str) -> "TimeStep":
        """The step that a text names: `10min`, `1h`, `weekday`, `3mo`, or a number.

        **Raises:** `OptionError` for another text.
        """
        form = re.fullmatch(r"(\d{1,6})?(s|min|h|d|w|mo|q|y)|(weekday)", text)
        if form and form.group(1) != "0":
            kind, unit = UNITS[form.group(2) or "weekday"]
            return cls(kind, int(form.group(1) or 1) * unit)  # type: ignore[arg-type]
        try:
            number = float(text)
        except ValueError:
            number = 0.0
        if 0 < number < float("inf"):
            return cls("number", number)
        raise OptionError(
            f"--every is {quote(text)}; expected a step of time: a number and one of s, min, h, d, "
            "w, mo, q, y, such as 10min, or weekday, or a number alone where times are numbers. "
            "Write --every 1h, say."
        )

    def __str__(self) -> str:
        if (self.kind, self.count) in WORDS:
            return WORDS[self.kind, self.count]
        if self.kind == "number":
            return f"steps of {self.count:.10g}"
        if self.kind != "seconds":
            return f"every {self.count:g} {self.kind}"
        for length, name in ((3600, "h"), (60, "min")):
            if self.count % length == 0:
                return f"every {self.count / length:g} {name}"
        return f"every {self.count:.10g} s"

    def describe(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @classmethod
    def from_description(cls, data: Mapping[str, Any]) -> "TimeStep":
        """The step that `describe` described."""
        return cls(**data)

    def seasons(self) -> tuple[int, ...]:
        """How many steps a season usually has, the most usual first: of hours a day and a week."""
        if self.kind == "seconds":
            lengths = (DAY, 7 * DAY) if self.count > 60 else (3600, DAY)
            counts = [round(length / self.count) for length in lengths]
            fits = zip(counts, lengths, strict=True)
            return tuple(n for n, length in fits if n > 1 and n * self.count == length)
        return SEASONS.get((self.kind, self.count), ())

    def units(self, moments: Float64[np.ndarray, " N"]) -> Float64[np.ndarray, " N"]:
        """Moments in what steps are counted in, from an origin that is the same for all.

        `moments`: seconds since 1970, as the clocks show them but for `seconds`; or numbers.
        """
        if self.kind in ("number", "seconds"):
            return moments
        if self.kind == "months":
            return _months(moments).astype(np.float64)
        days = day_of(moments)
        if self.kind == "days":
            return days
        return np.busday_count("1970-01-05", _dates(days)).astype(np.float64)

    def places(
        self, moments: Float64[np.ndarray, " N"], first: Float64[np.ndarray, " N"]
    ) -> tuple[Int64[np.ndarray, " N"], np.ndarray]:
        """The place of each moment on the grid that begins at the `first` of its series, and which
        of them lie on it; see `units`."""
        steps = (self.units(moments) - self.units(first)) / self.count
        whole = np.rint(steps)
        on_grid = np.abs(steps - whole) < NEAR
        if self.kind == "weekdays":
            on_grid &= np.is_busday(_dates(day_of(moments)))
        return whole.astype(np.int64), on_grid

    def moments(
        self, first: Float64[np.ndarray, " N"], places: Int64[np.ndarray, " N"]
    ) -> Float64[np.ndarray, " N"]:
        """The moments of places on the grids that begin at `first`; see `units`.

        Of months the day is that of `first`, or the last where a month is shorter.
        """
        if self.kind in ("number", "seconds"):
            return first + places * self.count
        days = day_of(first)
        clock = first - days * DAY
        if self.kind == "days":
            return (days + places * self.count) * DAY + clock
        if self.kind == "weekdays":
            moved = np.busday_offset(
                _dates(days), (places * self.count).astype(np.int64), "forward"
            )
            return moved.astype(np.int64) * float(DAY) + clock
        month = _months(first) + (places * self.count).astype(np.int64)
        begins, ends = _first_day(month), _first_day(month + 1) - 1
        day, _ = day_of_month(days)
        date = ends if self.month_end else np.minimum(begins + day - 1, ends)
        return date * float(DAY) + clock


def day_of(moments: Float64[np.ndarray, " N"]) -> Float64[np.ndarray, " N"]:
    """The days since 1970, whole; exact to a microsecond, as a float before 1970 may lie just below
    the midnight that it stands for."""
    return np.floor_divide(np.rint(moments * 1e6).astype(np.int64), DAY * 10**6).astype(np.float64)


def day_of_month(
    days: Float64[np.ndarray, " N"],
) -> tuple[Int64[np.ndarray, " N"], Int64[np.ndarray, " N"]]:
    """Which day of its month each is, from 1 on, and how many days that month has.

    `days`: since 1970, whole, see `day_of`.
    """
    months = _dates(days).astype("datetime64[M]").astype(np.int64)
    begins = _first_day(months)
    return days.astype(np.int64) - begins + 1, _first_day(months + 1) - begins


def _first_day(months: Int64[np.ndarray, " N"]) -> Int64[np.ndarray, " N"]:
    """The days from 1970 to the first of each month, these counted from January 1970."""
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def _months(moments: Float64[np.ndarray, " N"]) -> Int64[np.ndarray, " N"]:
    """The months since January 1970."""
    return _dates(day_of(moments)).astype("datetime64[M]").astype(np.int64)


def _dates(days: Float64[np.ndarray, " N"]) -> np.ndarray:
    return days.astype(np.int64).astype("datetime64[D]")
