"""What the calendar says of a step, by hand for some dates."""

import math

import numpy as np
import pytest
import torch

from throughtime.data import read_table
from throughtime.data.calendar import TEXTS, WAVES, YEAR, Clock, columns, with_calendar
from throughtime.data.regular import wall_clock
from throughtime.data.time_step import TimeStep

WEEK, HOUR = "day of the week", "hour of the day"


def clock(*moments):
    return Clock(np.array(moments, "datetime64[us]").astype(np.int64) / 1e6)


@pytest.mark.parametrize(
    ("moment", "month", "quarter", "day", "hour"),
    [
        ("1970-01-01T00:00", "Jan", "Q1", "Thu", "00"),
        ("1969-12-31T23:59:59.999999", "Dec", "Q4", "Wed", "23"),
        ("2024-02-29T12:30", "Feb", "Q1", "Thu", "12"),
        ("2024-03-31T23:00", "Mar", "Q1", "Sun", "23"),
        ("2024-07-01T01:00", "Jul", "Q3", "Mon", "01"),
        ("1749-01-01T00:00", "Jan", "Q1", "Wed", "00"),
        ("1900-03-01T06:59", "Mar", "Q1", "Thu", "06"),
    ],
)
def test_month_quarter_weekday_and_hour(moment, month, quarter, day, hour):
    said = {name: TEXTS[name][int(clock(moment).of(name)[0])] for name in TEXTS}
    assert said == {
        "month of the year": month, "quarter of the year": quarter, WEEK: day, HOUR: hour,
    }  # fmt: skip


def test_waves_turn_once_a_year():
    sine, cosine = (clock("1970-01-01", "1970-04-02T07:27", "2024-01-01").of(w) for w in WAVES)
    assert sine == pytest.approx([0, 1, 0], abs=0.02)
    assert cosine == pytest.approx([1, 0, 1], abs=0.02)
    quarter = Clock(np.array([YEAR / 8]))
    assert [quarter.of(w)[0] for w in WAVES] == pytest.approx([math.sqrt(0.5)] * 2)


@pytest.mark.parametrize(
    ("step", "years", "names"),
    [
        ("1mo", 9, ("month of the year",)), ("1q", 9, ("quarter of the year",)), ("1y", 9, ()),
        ("1d", 1.9, (WEEK,)), ("1d", 2, (WEEK, *WAVES)), ("1w", 2, WAVES), ("1w", 1, ()),
        ("2d", 1, (WEEK,)), ("weekday", 1, (WEEK,)), ("weekday", 3, (WEEK, *WAVES)),
        ("1h", 1, (HOUR, WEEK)), ("10min", 3, (HOUR, WEEK, *WAVES)), ("6h", 1, (HOUR, WEEK)),
        ("24h", 1, (WEEK,)), ("1", 9, ()),
    ],
)  # fmt: skip
def test_columns_that_tell_something_of_a_step(step, years, names):
    assert columns(TimeStep.read(step), years * YEAR) == names
    assert columns(TimeStep("rows"), years * YEAR) == ()


def test_columns_stand_behind_the_channels_by_the_clocks_of_the_place(write):
    path = write("t,y\n2024-03-31T23:30Z,1\n2024-04-01T01:30+02:00,2\n".replace("Z", "-05:00"))
    series = read_table(path, time="t")
    assert series.values[:, 0].tolist() == [2.0, 1.0]  # in order of the moments
    added = with_calendar(series, (HOUR, WEEK, *WAVES), wall_clock(series))
    assert added.channels == ("y", HOUR, WEEK, *WAVES)
    assert {n: len(texts) for n, texts in added.categories.items()} == {HOUR: 24, WEEK: 7}
    assert added.values[:, 1:3].tolist() == [[1, 0], [23, 6]]
    assert added.values.dtype == torch.float32 and added.moments is series.moments
    assert with_calendar(series, (), wall_clock(series)) is series
