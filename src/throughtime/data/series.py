"""Series that are to be forecast: their columns, their grid of time, and the windows of each part.

A table of series is divided over time: the last windows of each series are the test part, the
windows before these the validation part, and what is before all of them is trained on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from throughtime.data import calendar
from throughtime.data.categories import restrict_categories
from throughtime.data.naming import counted, quote, quote_all
from throughtime.data.plain import with_tuples
from throughtime.data.reading import Reading
from throughtime.data.regular import extended, regular, wall_clock
from throughtime.data.sequences import Sequences
from throughtime.data.time_step import TimeStep
from throughtime.data.windows import before, ended, windows
from throughtime.errors import DataError

VALIDATED = 500  # windows of the validation part, at most
VALIDATION = 0.25  # of what is before the test part, at most
OVERLAP = 3  # validation windows in the time of one horizon


@dataclass(frozen=True)
class Series:
    """What a table of series holds, and how it is divided.

    - `targets`: the columns to forecast; `horizon`: the steps ahead, H.
    - `known`: the columns that are known ahead of time.
    - `windows`: how many windows of each series are the test part; or `share`, that of the steps
      of the longest series which they cover.
    - `every`, `by_row`: the step of time, see `regular`.
    - `season`: steps of a season; None for one that the training part shows.
    - `refit`, `every_baseline`: how a test is done, see `tasks.Forecast`.
    - `step`, `calendar`: of the training part, as a run remembers them: the step of time, and the
      columns of the calendar that are known ahead. None before one was read.
    """

    targets: tuple[str, ...]
    horizon: int
    known: tuple[str, ...] = ()
    windows: int = 3
    share: float | None = None
    every: str | None = None
    by_row: bool = False
    season: int | None = None
    refit: bool = False
    every_baseline: bool = False
    step: dict[str, Any] | None = None
    calendar: tuple[str, ...] | None = None

    @property
    def least(self) -> int:
        """The steps that are known before the first origin of a series, at least."""
        return max(self.horizon, 4)

    def count(self, series: Sequences) -> int:
        """How many windows of each series are the test part, at most: of series that are too short
        for as many as asked for fewer, so that the longest can be validated on too."""
        longest = int(series.lengths.max())
        count = self.windows
        if self.share is not None:
            count = round(self.share * longest / self.horizon)
        room = (longest - self.least) // self.horizon - 1  # a window less to validate on
        return max(1, min(count, room))

    def on_grid(self, table: Sequences) -> Sequences:
        """The series of a table with a row for each step of time; their `reading` says which step
        that is, and which columns of the calendar tell something of it.

        **Raises:** `DataError` for uneven times, or for another step than was found in training.
        """
        self._check(table)
        trained = None if self.step is None else TimeStep.from_description(self.step)
        series, step = regular(table, every=self.every, by_row=self.by_row, trained=trained)
        names = self.calendar
        if names is None:
            names = calendar.columns(step, _longest(series))
            names = tuple(name for name in names if name not in table.channels)
        reading = replace(series.reading or Reading(), step=step, calendar=names)
        return replace(series, reading=reading)

    def parts(self, series: Sequences, *, restrict: bool = True) -> tuple[Sequences, Sequences]:
        """What there is to train on, and the windows of the test part.

        Rows at the end in which no target is known, steps to come that were announced, are in
        neither.

        `restrict`: whether categories have the texts of the first part alone.
        """
        series = ended(series, self.targets)
        count, least = self.count(series), self.least
        train = before(series, self.horizon, count=count, least=least)
        test = windows(series, self.horizon, count=count, least=least)
        if restrict:
            train, test = restrict_categories(train, test)
        return with_calendar(train), with_calendar(test)

    def aside(self, train: Sequences) -> tuple[Sequences, Sequences]:
        """What a model is fitted on, and the windows that it is validated on.

        These cover as many steps as are tested on, or a quarter of short series, with origins that
        lie closer than a horizon; of very many some are drawn. No step that they forecast is
        fitted on.

        **Raises:** `DataError` if no series is long enough for one.
        """
        longest, wanted = int(train.lengths.max()), self.horizon + self.least
        if longest < wanted:
            raise DataError(
                f"the longest series has {counted(longest, 'step')} before those to test on; "
                f"expected at least {wanted}, which are {self.horizon} to validate on and "
                f"{self.least} before them. Forecast fewer steps, or give longer series."
            )
        most = int(VALIDATION * float(train.lengths.double().median()) / self.horizon)
        count, stride = max(1, min(self.count(train), most)), max(1, self.horizon // OVERLAP)
        fitted = before(train, self.horizon, count=count, least=self.least)
        generator = torch.Generator().manual_seed(0)
        fitting = (train.lengths >= wanted).nonzero()[:, 0]
        if len(fitting) > 2 * VALIDATED:  # windows of all would take memory, to be dropped again
            drawn = torch.randperm(len(fitting), generator=generator)[: 2 * VALIDATED]
            fitting = fitting[drawn.sort().values]
        held = windows(
            train.select(fitting), self.horizon, stride=stride, least=self.least,
            count=(count - 1) * self.horizon // stride + 1,
        )  # fmt: skip
        # a series too short for `count` has origins nearer to each other that are fitted on
        ends = dict(zip(fitted.names, fitted.lengths.tolist(), strict=True))
        origins = (held.lengths - self.horizon).tolist()
        later = [k for k, name in enumerate(held.names) if origins[k] >= ends[name]]
        held = held.select(later) if len(later) < len(held) else held
        if len(held) > VALIDATED:
            chosen = torch.randperm(len(held), generator=generator)[:VALIDATED]
            held = held.select(chosen.sort().values)
        return fitted, held

    def in_table(
        self, channels: tuple[str, ...], categories: Mapping[str, Any]
    ) -> tuple[tuple[str, ...], dict[str, Any]]:
        """Of the channels and categories of a model those that are columns of a table."""
        own = self.calendar or ()
        columns = tuple(name for name in channels if name not in own)
        return columns, {n: texts for n, texts in categories.items() if n not in own}

    def found(self, series: Sequences) -> "Series":
        """This with the step of time and the calendar of series that were read."""
        assert series.reading is not None and series.reading.step is not None
        step = series.reading.step.describe()
        return replace(self, step=step, calendar=series.reading.calendar)

    def all_known(self, series: Sequences) -> tuple[str, ...]:
        """What is known ahead of time: columns of the table, and of the calendar."""
        assert series.reading is not None
        return (*self.known, *series.reading.calendar)

    def _check(self, table: Sequences) -> None:
        for role, names in (("forecast", self.targets), ("known", self.known)):
            for name in names:
                if name not in table.channels:
                    raise DataError(
                        f"{role} has {quote(name)}; expected one of the channels "
                        f"{quote_all(table.channels)}. Name one of them."
                    )
                if role == "forecast" and name in table.categories:
                    raise DataError(
                        f"column {quote(name)} is text; expected numbers, because it is to be "
                        "forecast. Name a column of numbers."
                    )


def _longest(series: Sequences) -> float:
    """How many seconds the longest series lasts."""
    if series.moments is None:
        return 0.0
    ends, starts = series.moments[series.offsets[1:] - 1], series.moments[series.offsets[:-1]]
    return float((ends - starts).max())


def with_calendar(series: Sequences) -> Sequences:
    """Series with the columns of the calendar that their reading names beside their channels."""
    assert series.reading is not None
    names = series.reading.calendar
    return calendar.with_calendar(series, names, wall_clock(series)) if names else series


def future(series: Sequences, horizon: int) -> Sequences:
    """Series with the rows of the next steps, in which nothing is known, and their calendar."""
    assert series.reading is not None and series.reading.step is not None
    return with_calendar(extended(series, series.reading.step, horizon))


def described(data: Mapping[str, Any] | None) -> Series | None:
    """Series as a run folder has them."""
    if data is None:
        return None
    return Series(**with_tuples(data))
