"""A step of time: what names it, in words, and the places and moments of its grid."""

import numpy as np
import pytest

from throughtime.data.time_step import DAY, TimeStep, day_of, day_of_month
from throughtime.errors import OptionError


def seconds(*dates):
    return np.array(dates, "datetime64[us]").astype(np.int64) / 1e6


def dates(moments):
    return np.rint(moments * 1e6).astype("datetime64[us]").astype("datetime64[m]").astype(str)


@pytest.mark.parametrize(
    ("text", "kind", "count", "says"),
    [
        ("s", "seconds", 1, "every second"), ("30s", "seconds", 30, "every 30 s"),
        ("min", "seconds", 60, "every minute"), ("10min", "seconds", 600, "every 10 min"),
        ("1h", "seconds", 3600, "hourly"), ("6h", "seconds", 21600, "every 6 h"),
        ("24h", "seconds", DAY, "every 24 h"), ("1d", "days", 1, "daily"),
        ("10d", "days", 10, "every 10 days"), ("w", "days", 7, "weekly"),
        ("2w", "days", 14, "every 14 days"), ("1mo", "months", 1, "monthly"),
        ("q", "months", 3, "quarterly"), ("1y", "months", 12, "yearly"),
        ("2y", "months", 24, "every 24 months"), ("weekday", "weekdays", 1, "every weekday"),
        ("1", "number", 1, "steps of 1"), ("0.5", "number", 0.5, "steps of 0.5"),
        ("1e3", "number", 1000, "steps of 1000"),
    ],
)  # fmt: skip
def test_a_step_is_read_and_said(text, kind, count, says):
    step = TimeStep.read(text)
    assert (step.kind, step.count, str(step)) == (kind, count, says)
    assert TimeStep.from_description(step.describe()) == step


@pytest.mark.parametrize(
    "text", ["", "0", "0h", "-1", "1x", "h1", "1 h", "nan", "inf", "1.5h", "2weekday", "monthly"]
)
def test_another_text_is_refused(text):
    with pytest.raises(OptionError) as caught:
        TimeStep.read(text)
    assert str(caught.value) == (
        f"--every is {text!r}; expected a step of time: a number and one of s, min, h, d, w, mo, "
        "q, y, such as 10min, or weekday, or a number alone where times are numbers. Write "
        "--every 1h, say."
    )


def test_rows_and_fractions_of_seconds_in_words():
    assert str(TimeStep("rows")) == "row by row"
    assert str(TimeStep("seconds", 0.25)) == "every 0.25 s"


@pytest.mark.parametrize(
    ("text", "seasons"),
    [
        ("1h", (24, 168)), ("10min", (144, 1008)), ("30min", (48, 336)), ("1min", (60, 1440)),
        ("1s", (3600, 86400)), ("12h", (2, 14)), ("24h", (7,)), ("7h", (24,)), ("5h", ()),
        ("1d", (7,)), ("w", (52,)), ("mo", (12,)), ("q", (4,)), ("y", ()), ("weekday", (5,)),
        ("2d", ()), ("1", ()),
    ],
)  # fmt: skip
def test_usual_seasons(text, seasons):
    assert TimeStep.read(text).seasons() == seasons


@pytest.mark.parametrize(
    ("step", "first", "later"),
    [
        (TimeStep("months"), "2024-01-01", ["2024-02-01", "2024-03-01", "2024-04-01"]),
        (TimeStep("months"), "2024-01-30", ["2024-02-29", "2024-03-30", "2024-04-30"]),
        (TimeStep("months"), "2023-01-31", ["2023-02-28", "2023-03-31", "2023-04-30"]),
        (TimeStep("months", month_end=True), "2023-02-28",
         ["2023-03-31", "2023-04-30", "2023-05-31"]),
        (TimeStep("months", 3), "1969-11-15", ["1970-02-15", "1970-05-15", "1970-08-15"]),
        (TimeStep("months", 12), "2024-02-29", ["2025-02-28", "2026-02-28", "2027-02-28"]),
        (TimeStep("days"), "2024-02-28", ["2024-02-29", "2024-03-01", "2024-03-02"]),
        (TimeStep("days"), "1900-02-27", ["1900-02-28", "1900-03-01", "1900-03-02"]),
        (TimeStep("days", 7), "1969-12-30", ["1970-01-06", "1970-01-13", "1970-01-20"]),
        (TimeStep("weekdays"), "2024-05-09", ["2024-05-10", "2024-05-13", "2024-05-14"]),
        (TimeStep("weekdays"), "1969-12-31", ["1970-01-01", "1970-01-02", "1970-01-05"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("clock", ["00:00", "09:30", "23:59"])
def test_moments_of_a_grid_and_their_places(step, first, later, clock):
    begin = seconds(f"{first}T{clock}").repeat(3)
    places = np.array([1, 2, 3])
    made = step.moments(begin, places)
    assert dates(made).tolist() == [f"{date}T{clock}" for date in later]
    again, on_grid = step.places(made, begin)
    assert (again == places).all() and on_grid.all()


def test_seconds_and_numbers_are_added():
    first, places = np.array([0.5, 0.5]), np.array([1, -2])
    assert TimeStep("number", 0.25).moments(first, places).tolist() == [0.75, 0.0]
    assert TimeStep("seconds", 60).moments(first, places).tolist() == [60.5, -119.5]


def test_what_lies_off_a_grid():
    def on_grid(step, *moments):
        moments = seconds(*moments)
        return step.places(moments, moments[:1].repeat(len(moments)))[1].tolist()

    assert on_grid(TimeStep("seconds", 600), "2024-01-01T00:00:00", "2024-01-01T00:10:05",
                   "2024-01-01T00:10:07") == [True, True, False]  # fmt: skip
    assert on_grid(TimeStep("weekdays"), "2024-05-10", "2024-05-11", "2024-05-13") == [
        True, False, True,
    ]  # fmt: skip
    assert on_grid(TimeStep("months", 3), "2024-01-01", "2024-03-01", "2024-04-01") == [
        True, False, True,
    ]  # fmt: skip
    assert on_grid(TimeStep("days", 7), "2024-01-01", "2024-01-09") == [True, False]


def test_days_and_days_of_months():
    moments = seconds("1969-12-31T23:59:59.999999", "1970-01-01", "2024-02-29T12:00", "1899-02-28")
    days = day_of(moments)
    assert days.tolist() == [-1, 0, 19782, -25874]
    day, length = day_of_month(days)
    assert day.tolist() == [31, 1, 29, 28] and length.tolist() == [31, 31, 29, 28]
