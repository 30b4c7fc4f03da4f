"""Series on a grid of time: which step is found, where rows are missing, how times go on."""

import io
import math

import polars as pl
import pytest
import torch

from throughtime.data import read_table
from throughtime.data.regular import extended, regular
from throughtime.data.time_step import TimeStep
from throughtime.errors import DataError, OptionError


def table(times, name="s", **options):
    """One series with these times, and values 0, 1, ... in their order."""
    return several({name: times}, **options)


def several(series, **options):
    rows = [(name, t, float(k)) for name, times in series.items() for k, t in enumerate(times)]
    frame = pl.DataFrame(rows, schema=["id", "t", "v"], orient="row", strict=False)
    return read_table(frame, sequence="id", time="t", **options)


def grid(times, **options):
    given = {k: options.pop(k) for k in ("every", "by_row") if k in options}
    return regular(table(times, **options), **given)


def after(times, steps=3, **options):
    """The times that follow."""
    series, step = grid(times, **options)
    return extended(series, step, steps).times[-steps:]


FOUND = {
    "monthly": (["2024-01", "2024-02", "2024-04"], ["2024-05", "2024-06", "2024-07"]),
    "quarterly": (["2023 Q3", "2023 Q4", "2024 Q1"], ["2024 Q2", "2024 Q3", "2024 Q4"]),
    "yearly": (["2021-01-01", "2022-01-01"], ["2023-01-01", "2024-01-01", "2025-01-01"]),
    "weekly": (["2024-W51", "2024-W52", "2025-W01"], ["2025-W02", "2025-W03", "2025-W04"]),
    "daily": (["2024-02-27", "2024-02-28"], ["2024-02-29", "2024-03-01", "2024-03-02"]),
    "hourly": (["2024-01-01 22:00", "2024-01-01 23:00"],
               ["2024-01-02 00:00", "2024-01-02 01:00", "2024-01-02 02:00"]),
    "every 10 min": (["2024-01-01T23:40:00", "2024-01-01T23:50:00"],
                     ["2024-01-02T00:00:00", "2024-01-02T00:10:00", "2024-01-02T00:20:00"]),
    "every 2 days": (["2024-02-26", "2024-02-28"], ["2024-03-01", "2024-03-03", "2024-03-05"]),
    "steps of 1": ([1990, 1991, 1993], ["1994", "1995", "1996"]),
    "steps of 0.5": (["0.5", "1.0", "1.5"], ["2.0", "2.5", "3.0"]),
    "every 2 h": (["1969-12-31 20:00", "1969-12-31 22:00"],
                  ["1970-01-01 00:00", "1970-01-01 02:00", "1970-01-01 04:00"]),
}  # fmt: skip


@pytest.mark.parametrize("step", FOUND)
def test_the_step_is_found_and_times_go_on_as_they_are_written(step):
    times, following = FOUND[step]
    assert str(grid(times)[1]) == step
    assert after(times) == following


def test_months_by_their_last_day_and_by_any_other():
    ends = ["2023-11-30", "2023-12-31", "2024-01-31"]
    assert after(ends) == ["2024-02-29", "2024-03-31", "2024-04-30"]
    assert after(["2023-11-15", "2023-12-15"]) == ["2024-01-15", "2024-02-15", "2024-03-15"]


def test_weekdays_leave_out_weekends_and_count_holidays_as_missing():
    times = ["2024-12-23", "2024-12-24", "2024-12-27", "2024-12-30", "2024-12-31"]
    series, step = grid(times)
    assert str(step) == "every weekday"
    assert series.times == [
        "2024-12-23", "2024-12-24", "2024-12-25", "2024-12-26", "2024-12-27", "2024-12-30",
        "2024-12-31",
    ]  # fmt: skip
    assert series.rows.tolist() == [0, 1, -1, -1, 2, 3, 4]
    assert after(times) == ["2025-01-01", "2025-01-02", "2025-01-03"]


def test_where_clocks_change_a_day_has_23_hours_and_is_one_day():
    times = ["2024-03-30T00:00+01:00", "2024-03-31T00:00+01:00", "2024-04-01T00:00+02:00"]
    series, step = grid(times)
    assert str(step) == "daily" and series.times == times
    assert after(times, 1) == ["2024-04-02T00:00+02:00"]


def test_hours_with_an_offset_are_even_where_clocks_change():
    times = ["2024-10-27T01:00+02:00", "2024-10-27T02:00+02:00", "2024-10-27T02:00+01:00",
             "2024-10-27T03:00+01:00"]  # fmt: skip
    series, step = grid(times)
    assert str(step) == "hourly" and len(series.values) == 4
    assert after(times, 2) == ["2024-10-27T04:00+01:00", "2024-10-27T05:00+01:00"]


def test_hours_without_an_offset_miss_one_in_spring_and_are_refused_in_autumn():
    series, _ = grid(
        ["2024-03-31 00:00", "2024-03-31 01:00", "2024-03-31 03:00", "2024-03-31 04:00"]
    )
    assert series.values[:, 0].isnan().tolist() == [False, False, True, False, False]
    with pytest.raises(DataError, match="a second time"):
        grid(["2024-10-27 02:00", "2024-10-27 02:00", "2024-10-27 03:00"])


def test_in_utc_z_is_kept():
    assert after(["2024-01-01T00:00Z", "2024-01-01T01:00Z"], 1) == ["2024-01-01T02:00Z"]


def test_a_format_is_kept():
    times = ["30.12.2023", "31.12.2023"]
    assert after(times, 2, time_format="%d.%m.%Y") == ["01.01.2024", "02.01.2024"]


def test_a_row_that_is_not_there_is_a_missing_step():
    series, _ = grid(["2024-01", "2024-02", "2024-05"])
    assert series.times == ["2024-01", "2024-02", "2024-03", "2024-04", "2024-05"]
    values = series.values[:, 0].tolist()
    assert values[:2] == [0, 1] and values[4] == 2 and all(map(math.isnan, values[2:4]))
    assert series.rows.tolist() == [0, 1, -1, -1, 2]
    assert series.moments.diff().gt(0).all()


def test_rows_may_stand_in_any_order():
    series, _ = grid(["2024-03", "2024-01", "2024-02"])
    assert series.times == ["2024-01", "2024-02", "2024-03"]
    assert series.values[:, 0].tolist() == [1, 2, 0]


def test_each_series_ends_by_itself_and_a_short_one_takes_the_step_of_the_others():
    data = several({
        "long": ["2024-01", "2024-02", "2024-03"], "early": ["2023-01", "2023-02"],
        "one": ["2024-07"],
    })  # fmt: skip
    series, step = regular(data)
    ahead = extended(series, step, 2)
    assert ahead.times[3:5] == ["2024-04", "2024-05"]
    assert ahead.times[7:9] == ["2023-03", "2023-04"] and ahead.times[10:] == ["2024-08", "2024-09"]
    assert ahead.lengths.tolist() == [5, 4, 3]


def test_series_of_two_steps_are_refused_by_name():
    days = [f"2024-01-{d:02}" for d in range(1, 9)]
    data = several({"daily": days, "weekly": ["2024-01-01", "2024-01-08", "2024-01-15"]})
    with pytest.raises(DataError, match="series 'weekly' has steps that are weekly, and 'daily' "
                       "daily; .* --every 1d"):  # fmt: skip
        regular(data)
    series, step = regular(data, every="1d")
    assert str(step) == "daily" and series.lengths.tolist() == [8, 15]


def test_uneven_times_are_refused_with_what_to_do():
    times = ["2024-01-01 00:00", "2024-01-01 01:00", "2024-01-01 02:00", "2024-01-01 02:31"]
    says = "has the time '2024-01-01 02:31', and '2024-01-01 02:00' before it; expected steps that "
    with pytest.raises(DataError, match=says + "are hourly, .* --every 1h, .* --by-row"):
        grid(times)
    series, step = grid(times, by_row=True)
    assert str(step) == "row by row" and len(series.values) == 4
    assert extended(series, step, 2).times[-2:] == ["+1", "+2"]


@pytest.mark.parametrize(("every", "words"), [
    ("30s", "every 30 s"), ("10min", "every 10 min"), ("1h", "hourly"), ("1d", "daily"),
    ("2w", "every 14 days"), ("1mo", "monthly"), ("1q", "quarterly"), ("1y", "yearly"),
    ("weekday", "every weekday"), ("h", "hourly"), ("0.5", "steps of 0.5"),
])  # fmt: skip
def test_a_step_can_be_said(every, words):
    step = TimeStep.read(every)
    assert str(step) == words and TimeStep.from_description(step.describe()) == step


@pytest.mark.parametrize("every", ("", "1 hour", "0h", "-1", "weekdays", "inf", "nan", "1x"))
def test_what_is_no_step_is_refused(every):
    with pytest.raises(OptionError, match="--every is .*10min"):
        TimeStep.read(every)


def test_a_said_step_has_to_fit_the_times():
    with pytest.raises(DataError, match="times are dates; expected a step such as 1h, 1d, 1mo"):
        grid(["2024-01-01", "2024-01-02"], every="2")
    with pytest.raises(DataError, match="times are numbers; expected a step such as 1, 0.5"):
        grid([1, 2, 3], every="1h")
    with pytest.raises(DataError, match="'2024-01-01 00:30'.*1 more lies so|expected steps"):
        grid(["2024-01-01 00:00", "2024-01-01 00:30", "2024-01-01 01:00"], every="1h")


def test_a_month_said_takes_rows_of_any_day():
    series, _ = grid(["2024-01-03", "2024-02-05", "2024-04-02"], every="1mo")
    assert series.rows.tolist() == [0, 1, -1, 2]
    with pytest.raises(DataError, match="expected steps that are monthly"):
        grid(["2024-01-03", "2024-01-05"], every="1mo")


def test_a_gap_that_is_no_gap_is_refused():
    times = ["1900-01-01 00:00", "1900-01-01 00:01", "2024-01-01 00:00"]
    with pytest.raises(DataError, match="3 rows, and with steps that are every minute .* steps"):
        grid(times)


def test_one_time_alone_has_no_step():
    with pytest.raises(DataError, match="no series has two times"):
        grid(["2024-01"])


def test_without_times_each_row_is_a_step():
    frame = pl.DataFrame({"id": ["a", "a"], "v": [1.0, 2.0]})
    series, step = regular(read_table(frame, sequence="id"))
    assert str(step) == "row by row"
    ahead = extended(series, step, 2)
    assert ahead.times is None and ahead.values[:, 0].isnan().tolist() == [False, False, True, True]


FORMS = [
    ["2024-01", "2024-02"], ["2024 Q1", "2024 Q2"], ["2024-Q1", "2024-Q2"], ["2024q1", "2024q2"],
    ["2024-W51", "2024-W52"], ["2024-W05-3", "2024-W05-4"], ["2024-12-30", "2024-12-31"],
    ["2024-12-31 22:30", "2024-12-31 23:30"], ["2024-12-31T22:00:30", "2024-12-31T23:00:30"],
    ["2024-12-31T22:00:00.250", "2024-12-31T22:00:00.500"],
    ["2024-12-31T22:00:00+05:30", "2024-12-31T23:00:00+05:30"],
    ["2024-12-31T22:00:00-0800", "2024-12-31T23:00:00-0800"],
    ["7", "8"], ["1.25", "1.5"], ["-3", "-1"],
]  # fmt: skip


@pytest.mark.parametrize("times", FORMS, ids=lambda t: t[1])
def test_new_times_are_read_back_as_the_same_moments(times):
    series, step = grid(times)
    ahead = extended(series, step, 30)
    again = table(ahead.times)
    assert torch.allclose(again.moments, ahead.moments, rtol=0, atol=1e-6)
    assert regular(again)[1] == step and len(regular(again)[0].values) == 32


def test_dates_of_a_frame_go_on():
    frame = pl.read_csv(io.StringIO("t,v\n2024-01-30,1\n2024-01-31,2\n"), try_parse_dates=True)
    series, step = regular(read_table(frame, time="t"))
    assert extended(series, step, 1).times[-1] == "2024-02-01"


@pytest.mark.parametrize(("step", "seasons"), [
    (TimeStep("months"), (12,)), (TimeStep("months", 3), (4,)), (TimeStep("months", 12), ()),
    (TimeStep("days"), (7,)), (TimeStep("days", 7), (52,)), (TimeStep("weekdays"), (5,)),
    (TimeStep("seconds", 3600), (24, 168)), (TimeStep("seconds", 1800), (48, 336)),
    (TimeStep("seconds", 60), (60, 1440)), (TimeStep("number"), ()), (TimeStep("rows"), ()),
])  # fmt: skip
def test_usual_seasons(step, seasons):
    assert step.seasons() == seasons
