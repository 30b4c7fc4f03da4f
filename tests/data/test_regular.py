"""Series on a grid of time: the step that is found, the rows that are missing, the steps after."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from throughtime.data import read_table
from throughtime.data.regular import extended, regular, wall_clock
from throughtime.data.time_step import TimeStep
from throughtime.errors import DataError, OptionError


@pytest.fixture
def table(write):
    """Series from lists of times, `a`, `b` and so on; their values count the rows from 0."""

    def read(*series, **options):
        rows = [
            f'{name},"{time}",{k}\n'
            for name, times in zip("abcdef", series, strict=False)
            for k, time in enumerate(times)
        ]
        return read_table(write("id,t,y\n" + "".join(rows)), sequence="id", time="t", **options)

    return read


def steps(sequences):
    """The values of each series, with None where a row is missing."""
    return [
        [None if value != value else int(value) for value in values[:, 0].tolist()]
        for values in sequences
    ]


def days(start, *numbers, unit=timedelta(days=1)):
    return [str(datetime.fromisoformat(start) + n * unit) for n in numbers]


@pytest.mark.parametrize(
    ("times", "step", "missing", "ahead"),
    [
        # months by their start, by the 15th, the 30th, and by their end
        (["2024-01-01", "2024-02-01", "2024-04-01"], "monthly", ["2024-03-01"],
         ["2024-05-01", "2024-06-01"]),
        (["2023-11-15", "2023-12-15", "2024-02-15"], "monthly", ["2024-01-15"],
         ["2024-03-15", "2024-04-15"]),
        (["2023-01-30", "2023-02-28", "2023-04-30"], "monthly", ["2023-03-30"],
         ["2023-05-30", "2023-06-30"]),
        (["2023-02-28", "2023-03-30", "2023-05-30"], "monthly", ["2023-04-30"],
         ["2023-06-30", "2023-07-30"]),
        (["2024-01-31", "2024-02-29", "2024-04-30"], "monthly", ["2024-03-31"],
         ["2024-05-31", "2024-06-30"]),
        (["2023-01-31", "2023-03-31", "2023-04-30", "2023-05-31"], "monthly", ["2023-02-28"],
         ["2023-06-30", "2023-07-31"]),
        (["2022-12-31", "2023-01-31"], "monthly", [], ["2023-02-28", "2023-03-31"]),
        (["2024-06-30", "2024-09-30"], "quarterly", [], ["2024-12-31", "2025-03-31"]),
        (["2023-11", "2023-12", "2024-02"], "monthly", ["2024-01"], ["2024-03", "2024-04"]),
        (["2023 Q3", "2023 Q4", "2024 Q2"], "quarterly", ["2024 Q1"], ["2024 Q3", "2024 Q4"]),
        (["2024-q3", "2024-q4"], "quarterly", [], ["2025-q1", "2025-q2"]),
        # years, of 29 February
        (["2021-07-01", "2022-07-01", "2024-07-01"], "yearly", ["2023-07-01"],
         ["2025-07-01", "2026-07-01"]),
        (["2024-02-29", "2025-02-28"], "yearly", [], ["2026-02-28", "2027-02-28"]),
        (["2026-02-28", "2027-02-28"], "yearly", [], ["2028-02-29", "2029-02-28"]),
        # weeks
        (["2020-W51", "2020-W52", "2021-W01"], "weekly", ["2020-W53"], ["2021-W02", "2021-W03"]),
        (["2024-01-01", "2024-01-08", "2024-01-22"], "weekly", ["2024-01-15"],
         ["2024-01-29", "2024-02-05"]),
        # days, leap days and dates before 1970
        (["2024-W09-5", "2024-W09-6", "2024-W10-1"], "daily", ["2024-W09-7"],
         ["2024-W10-2", "2024-W10-3"]),
        (["2024-02-27", "2024-02-28", "2024-03-01"], "daily", ["2024-02-29"],
         ["2024-03-02", "2024-03-03"]),
        (["1900-02-26", "1900-02-27", "1900-03-01"], "daily", ["1900-02-28"],
         ["1900-03-02", "1900-03-03"]),
        (["1969-12-29", "1969-12-30", "1970-01-01"], "daily", ["1969-12-31"],
         ["1970-01-02", "1970-01-03"]),
        # weekdays with a bank holiday
        (["2024-12-24", "2024-12-26", "2024-12-27", "2024-12-30", "2024-12-31"], "every weekday",
         ["2024-12-25"], ["2025-01-01", "2025-01-02"]),
        (["2024-05-09", "2024-05-10", "2024-05-13"], "every weekday", [],
         ["2024-05-14", "2024-05-15"]),
        (["2024-05-09 17:30", "2024-05-10 17:30", "2024-05-14 17:30"], "every weekday",
         ["2024-05-13 17:30"], ["2024-05-15 17:30", "2024-05-16 17:30"]),
        # less than a day
        (["2024-02-28 23:40", "2024-02-28 23:50", "2024-02-29 00:10"], "every 10 min",
         ["2024-02-29 00:00"], ["2024-02-29 00:20", "2024-02-29 00:30"]),
        (["2024-01-01T00:00:00,25", "2024-01-01T00:00:00,50", "2024-01-01T00:00:01,00"],
         "every 0.25 s", ["2024-01-01T00:00:00,75"],
         ["2024-01-01T00:00:01,25", "2024-01-01T00:00:01,50"]),
        (["1960-01-01 00:00:00.001", "1960-01-01 00:00:00.002", "1960-01-01 00:00:00.004"],
         "every 0.001 s", ["1960-01-01 00:00:00.003"],
         ["1960-01-01 00:00:00.005", "1960-01-01 00:00:00.006"]),
        # some written without what is 0
        (["2024-01-01", "2024-01-01 12:00", "2024-01-02", "2024-01-03"], "every 12 h",
         ["2024-01-02 12:00"], ["2024-01-03 12:00", "2024-01-04 00:00"]),
        # numbers
        (["1990", "1991", "1993"], "steps of 1", ["1992"], ["1994", "1995"]),
        (["0.5", "1.0", "2.0"], "steps of 0.5", ["1.5"], ["2.5", "3.0"]),
        (["1", "1.5", "2.5"], "steps of 0.5", ["2.0"], ["3.0", "3.5"]),
        (["0.1", "0.2", "0.3", "0.5"], "steps of 0.1", ["0.4"], ["0.6", "0.7"]),
        (["-4", "-2", "2"], "steps of 2", ["0"], ["4", "6"]),
        (["1e3", "2e3", "4e3"], "steps of 1000", ["3000"], ["5000", "6000"]),
        (["1700000000000000000", "1700000001000000000"], "steps of 1000000000", [],
         ["1700000002000000000", "1700000003000000000"]),
    ],
)  # fmt: skip
def test_the_step_is_found_and_missing_rows_are_put_in(table, times, step, missing, ahead):
    read = table(times)
    series, found = regular(read)
    assert str(found) == step
    assert [t for t, row in zip(series.times, series.rows, strict=True) if row < 0] == missing
    assert [t for t, row in zip(series.times, series.rows, strict=True) if row >= 0] == times
    assert series.values.isnan()[:, 0].tolist() == (series.rows < 0).tolist()
    further = extended(series, found, 2)
    assert further.times == [*series.times, *ahead]
    assert further.values[-2:].isnan().all() and further.rows[-2:].tolist() == [-1, -1]
    # new times are read back as the moments that they stand for
    again = table(further.times).moments.numpy()
    assert np.allclose(again, further.moments.numpy(), rtol=1e-15, atol=1e-6)


@pytest.mark.parametrize("start", [date(1749, 1, 1), date(1848, 1, 31), date(2300, 5, 1)])
def test_dates_far_from_1970_are_no_day_off(table, start):
    end = start.day == 31
    months = pl.date_range(start.replace(day=1), date(start.year + 9, 12, 1), "1mo", eager=True)
    texts = (months.dt.month_end() if end else months).cast(pl.String).to_list()
    series, step = regular(table(texts))
    assert (step, len(series.values)) == (TimeStep("months", 1, month_end=end), len(texts))
    year = start.year + 10
    assert extended(series, step, 1).times[-1] == (f"{year}-01-31" if end else f"{year}-01-01")
    every_day = days(f"{start}", *range(400))
    series, step = regular(table([text[:10] for text in every_day]))
    assert (str(step), len(series.values)) == ("daily", 400)


def test_daily_at_local_midnight_while_clocks_change(table):
    times = ["2024-03-30T00:00+01:00", "2024-03-31T00:00+01:00", "2024-04-02T00:00+02:00"]
    series, step = regular(table(times))
    assert str(step) == "daily" and steps(series) == [[0, 1, None, 2]]
    assert series.times[2] == "2024-04-01T00:00+01:00"  # the zone of the row before
    assert extended(series, step, 1).times[-1] == "2024-04-03T00:00+02:00"
    autumn = ["2024-10-26T00:00+02:00", "2024-10-27T00:00+02:00", "2024-10-28T00:00+01:00"]
    series, step = regular(table(autumn))
    assert str(step) == "daily" and steps(series) == [[0, 1, 2]]
    assert wall_clock(series).tolist() == [1729900800.0, 1729987200.0, 1730073600.0]


def test_hourly_with_zones_while_clocks_change(table):
    spring = [f"2024-03-31T{h}:30{zone}" for h, zone in
              (("00", "+01:00"), ("01", "+01:00"), ("03", "+02:00"), ("04", "+02:00"))]  # fmt: skip
    autumn = [f"2024-10-27T{h}:30{zone}" for h, zone in
              (("01", "+02:00"), ("02", "+02:00"), ("02", "+01:00"), ("03", "+01:00"))]  # fmt: skip
    series, step = regular(table(spring, autumn))
    assert str(step) == "hourly" and steps(series) == [[0, 1, 2, 3]] * 2
    ahead = extended(series, step, 1)
    assert [ahead.times[4], ahead.times[9]] == ["2024-03-31T05:30+02:00", "2024-10-27T04:30+01:00"]
    assert ahead.moments.diff()[:4].tolist() == pytest.approx([3600.0] * 4)


def test_hourly_in_local_time_the_hour_that_is_left_out_is_missing(table):
    spring = [f"2024-03-31 {hour}:00" for hour in ("00", "01", "03", "04")]
    series, step = regular(table(spring))
    assert str(step) == "hourly" and steps(series) == [[0, 1, None, 2, 3]]
    assert series.times[2] == "2024-03-31 02:00"


def test_hourly_in_local_time_the_hour_that_comes_twice_is_refused(table):
    autumn = [f"2024-10-27 {hour}:00" for hour in ("01", "02", "02", "03")]
    with pytest.raises(DataError, match="row 4 has the time '2024-10-27 02:00' a second time in"):
        table(autumn)


def test_dates_that_go_back_while_time_passes_are_refused(table):
    west = table(["2024-01-02T00:00+14:00", "2024-01-01T12:00-10:00"])
    with pytest.raises(DataError, match="has the time '2024-01-01T12:00-10:00', and '2024-01-02T0"):
        regular(west, every="1d")


def test_zones_in_utc_and_in_a_format(table):
    series, step = regular(table(["2024-01-01T00:00Z", "2024-01-01T01:00Z", "2024-01-01T03:00Z"]))
    assert series.times[2] == "2024-01-01T02:00Z" and str(step) == "hourly"
    times = ["30.03.2024 00:00 +0100", "31.03.2024 00:00 +0100", "01.04.2024 00:00 +0200"]
    series, step = regular(table(times, time_format="%d.%m.%Y %H:%M %z"))
    assert str(step) == "daily" and steps(series) == [[0, 1, 2]]
    assert extended(series, step, 1).times[-1] == "02.04.2024 00:00 +0200"
    times = ["+01:00 30/03/2024 00:00", "+01:00 31/03/2024 00:00", "+02:00 01/04/2024 00:00"]
    series, step = regular(table(times, time_format="%z %d/%m/%Y %H:%M"))
    assert extended(series, step, 1).times[-1] == "+02:00 02/04/2024 00:00"


@pytest.mark.parametrize(
    ("time_format", "times", "step", "grid"),
    [
        ("%d/%m/%Y", ["01/02/2024", "02/02/2024", "04/02/2024"], "daily",
         ["03/02/2024", "05/02/2024"]),
        ("%d.%m.%y %H:%M", ["31.12.24 22:00", "31.12.24 23:00", "01.01.25 01:00"], "hourly",
         ["01.01.25 00:00", "01.01.25 02:00"]),
        ("%m/%Y", ["11/2023", "12/2023", "02/2024"], "monthly", ["01/2024", "03/2024"]),
        ("%Y", ["2020", "2021", "2023"], "yearly", ["2022", "2024"]),
        ("%Y%m%d", ["20240228", "20240301"], "every 2 days", ["20240303"]),
        ("%H:%M", ["10:00", "10:05", "10:15"], "every 5 min", ["10:10", "10:20"]),
        ("%I:%M %p", ["11:00 AM", "12:00 PM", "02:00 PM"], "hourly", ["01:00 PM", "03:00 PM"]),
    ],
)  # fmt: skip
def test_times_in_a_format_are_written_in_it(table, time_format, times, step, grid):
    series, found = regular(table(times, time_format=time_format))
    assert str(found) == step
    ahead = extended(series, found, 1)
    assert [t for t, row in zip(ahead.times, ahead.rows, strict=True) if row < 0] == grid


def test_rows_in_any_order_and_duplicates(table):
    series, _ = regular(table(["2024-01-04", "2024-01-01", "2024-01-02"]))
    assert steps(series) == [[1, 2, None, 0]] and series.rows.tolist() == [1, 2, -1, 0]
    with pytest.raises(DataError, match="has the time '2024-01-01' a second time in sequence 'a'"):
        table(["2024-01-01", "2024-01-02", "2024-01-01"])


def test_series_that_end_early_and_short_ones_have_their_own_grids(table):
    long = [f"2024-01-{day:02}" for day in range(1, 21)]
    series, step = regular(table(long, long[2:7], ["2023-05-05"], ["2024-03-01", "2024-03-04"]))
    assert str(step) == "daily" and series.lengths.tolist() == [20, 5, 1, 4]
    ahead = extended(series, step, 2)
    ends = ahead.offsets[1:].tolist()
    assert [ahead.times[end - 2 : end] for end in ends] == [
        ["2024-01-21", "2024-01-22"], ["2024-01-08", "2024-01-09"], ["2023-05-06", "2023-05-07"],
        ["2024-03-05", "2024-03-06"],
    ]  # fmt: skip
    assert steps(ahead)[3] == [0, None, None, 1, None, None]


def test_each_series_has_its_own_day_of_the_month(table):
    first = ["2024-01-01", "2024-02-01", "2024-03-01"]
    series, step = regular(table(first, [text[:-2] + "15" for text in first]))
    assert str(step) == "monthly"
    ahead = extended(series, step, 1)
    assert [ahead.times[3], ahead.times[7]] == ["2024-04-01", "2024-04-15"]


def refusal(error, sequences, **options):
    with pytest.raises(error) as caught:
        regular(sequences, **options)
    return str(caught.value)


def test_series_of_different_steps_are_both_named(table):
    daily = [f"2024-01-{day:02}" for day in range(1, 11)]
    weekly = ["2024-01-01", "2024-01-08", "2024-01-15"]
    assert refusal(DataError, table(daily, weekly)) == (
        "series 'b' has steps that are weekly, and 'a' daily; expected one step of time in all, "
        "because they share a model. Say it with --every 1d, say, count rows with --by-row (in "
        "Python every=, by_row=), or give two tables."
    )
    series, _ = regular(table(daily, weekly), every="1d")
    assert series.lengths.tolist() == [10, 15]


def test_uneven_times_are_named_with_what_to_do(table):
    hours = ["2024-01-01 00:00", "2024-01-01 01:00", "2024-01-01 02:00", "2024-01-01 02:25"]
    assert refusal(DataError, table(hours)) == (
        "series 'a' has the time '2024-01-01 02:25', and '2024-01-01 02:00' before it; expected "
        "steps that are hourly, because a forecast counts them. Say another step with --every 1h, "
        "say, or count rows with --by-row (in Python every=, by_row=)."
    )
    weeks = ["2024-01-01", "2024-01-08", "2024-01-15", "2024-01-24", "2024-01-30"]
    says = refusal(DataError, table(weeks))
    assert "the time '2024-01-24', and '2024-01-15' before it; 1 more lie so; expected" in says


def test_one_time_in_each_series(table):
    one = table(["2024-01-01"], ["2024-02-01"])
    assert refusal(DataError, one).startswith("no series has two times; expected at least one")
    series, step = regular(one, every="1w")
    assert extended(series, step, 1).times == [
        "2024-01-01", "2024-01-08", "2024-02-01", "2024-02-08",
    ]  # fmt: skip


def test_a_huge_gap(table):
    gap = ["2024-01-05", "2024-01-06", "2024-01-07", "2091-01-03"]
    says = refusal(DataError, table(gap))
    assert says == (
        "series 'a' has 4 rows, and with steps that are daily 24,471 steps; expected most of them "
        "to be there. Say the step with --every, or count rows with --by-row (in Python every=, "
        "by_row=)."
    )


@pytest.mark.parametrize(
    ("every", "times", "ahead"),
    [
        ("30s", ["2024-01-01 00:00", "2024-01-01 00:01"], "2024-01-01 00:01:30"),
        ("10min", ["2024-01-01 00:00", "2024-01-01 00:20"], "2024-01-01 00:30"),
        ("1h", ["2024-01-01", "2024-01-02"], "2024-01-02 01:00"),
        ("1d", ["2024-01-01 08:00", "2024-01-02 09:30"], "2024-01-03 08:00"),
        ("1d", ["2024-03-29T23:00Z", "2024-03-30T23:00Z", "2024-03-31T22:00Z"],
         "2024-04-01T23:00Z"),
        ("1w", ["2024-01-01", "2024-01-22"], "2024-01-29"),
        ("1mo", ["2024-01-31", "2024-02-10"], "2024-03-31"),
        ("1q", ["2024-01-01", "2024-10-01"], "2025-01-01"),
        ("1y", ["2019-12-31", "2020-12-30"], "2021-12-31"),
        ("weekday", ["2024-05-08", "2024-05-10"], "2024-05-13"),
        ("0.5", ["1", "2"], "2.5"),
        ("1d", ["2024-01", "2024-02"], "2024-02-02"),
        ("1mo", ["2024 Q1", "2024 Q2"], "2024-05-01"),
    ],
)  # fmt: skip
def test_a_step_that_is_said(table, every, times, ahead):
    series, step = regular(table(times), every=every)
    assert step == TimeStep.read(every)
    assert extended(series, step, 1).times[-1] == ahead


def test_a_step_that_a_format_cannot_tell_is_written_as_a_date(table):
    read = table(["01.01.2024", "02.01.2024"], time_format="%d.%m.%Y")
    series, step = regular(read, every="12h")
    assert extended(series, step, 1).times == [
        "01.01.2024", "2024-01-01 12:00", "02.01.2024", "2024-01-02 12:00",
    ]  # fmt: skip


def test_a_step_that_is_said_wrongly(table):
    dates, numbers = table(["2024-01-01", "2024-01-02", "2024-01-03"]), table(["1", "2"])
    assert refusal(OptionError, dates, every="often").startswith("--every is 'often'; expected a")
    assert refusal(DataError, dates, every="1") == (
        "--every is 1, and the times are dates; expected a step such as 1h, 1d, 1mo. Write one of "
        "them."
    )
    assert "are numbers; expected a step such as 1, 0.5." in refusal(DataError, numbers, every="1d")
    says = refusal(DataError, dates, every="1mo")
    assert says.startswith(
        "series 'a' has the time '2024-01-02', and '2024-01-01' before it; 1 mor"
    )
    assert "expected steps that are monthly" in says
    assert "steps that are weekly" in refusal(DataError, dates, every="1w")
    weekend = table(["2024-05-10", "2024-05-11"])
    assert "steps that are every weekday" in refusal(DataError, weekend, every="weekday")
    months = table(["2024-01-01", "2024-02-01", "2024-04-01"])
    assert "the time '2024-02-01'" in refusal(DataError, months, every="1q")


def test_row_by_row_with_times_and_without(table, write):
    read = table(["2024-01-01", "2024-01-09", "2024-03-01"], ["2024-01-01"])
    series, step = regular(read, by_row=True)
    assert series.reading.step == step == TimeStep("rows")
    assert series.values is read.values and series.times is read.times
    ahead = extended(series, step, 2)
    assert ahead.times == [*read.times[:3], "+1", "+2", read.times[3], "+1", "+2"]
    assert ahead.moments.isnan().tolist() == [t[0] == "+" for t in ahead.times]
    read = read_table(write("id,y\na,1\na,2\nb,3\n"), sequence="id")
    series, step = regular(read)
    ahead = extended(series, step, 1)
    assert step == TimeStep("rows") and ahead.times is None and ahead.moments is None
    assert ahead.lengths.tolist() == [3, 2] and ahead.values[:2, 0].tolist() == [1.0, 2.0]


def test_the_step_of_training_needs_not_be_found_again(table):
    daily, monthly = TimeStep("days"), TimeStep("months", month_end=True)
    series, step = regular(table(["2024-01-05"]), trained=daily)
    assert step is daily and extended(series, step, 1).times[-1] == "2024-01-06"
    # a week from Monday to Friday, of which one would find weekdays
    week = table(["2024-05-09", "2024-05-10", "2024-05-13", "2024-05-14"])
    assert regular(week, trained=daily)[0].lengths.tolist() == [6]
    assert regular(week, trained=TimeStep("weekdays"))[0].lengths.tolist() == [4]
    series, step = regular(table(["2024-03-30", "2024-04-30"], ["2024-06-30"]), trained=monthly)
    assert series.lengths.tolist() == [2, 1] and extended(series, step, 1).times[-1] == "2024-07-31"


def test_another_step_than_in_training(table):
    daily, number = TimeStep("days"), TimeStep("number")
    months = table(["2024-01-01", "2024-02-01", "2024-03-01"])
    assert refusal(DataError, months, trained=daily) == (
        "the step of time is monthly; expected daily, as in training. Give series of that step."
    )
    weeks = table(["2024-01-01", "2024-01-08", "2024-01-15"])
    assert "weekly; expected monthly" in refusal(DataError, weeks, trained=TimeStep("months"))
    hours = table(["2024-01-01 00:00", "2024-01-01 01:00", "2024-01-01 02:00"])
    assert "hourly; expected daily" in refusal(DataError, hours, trained=daily)
    assert refusal(DataError, months, trained=number) == (
        "the times are dates; expected numbers, because the model was trained on steps that are "
        "steps of 1. Write the times as in the table of training."
    )
    assert "numbers; expected dates" in refusal(DataError, table(["1", "2"]), trained=daily)


def moments(zone=None):
    times = pl.Series(
        [datetime(2024, 3, 30, 23), datetime(2024, 3, 31, 22), datetime(2024, 4, 2, 22)]
    )
    return times if zone is None else times.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)


@pytest.mark.parametrize(
    ("times", "step", "ahead"),
    [
        (pl.Series([date(2024, 1, 31), date(2024, 2, 29)]), "monthly", "2024-03-31"),
        (moments("Europe/Berlin"), "daily", "2024-04-04 00:00:00.000000+02:00"),
        (moments()[[0, 2]].cast(pl.Datetime("ms")), "every 71 h", "2024-04-05 21:00:00.000"),
        (moments()[[0, 2]].cast(pl.Datetime("ns")), "every 71 h", "2024-04-05 21:00:00.000000000"),
        (pl.Series([timedelta(hours=22), timedelta(hours=23)]), "hourly", "P1D"),
        (moments().dt.time()[:2].sort(), "hourly", "00:00:00"),
        (pl.Series([1.0, 1.5]), "steps of 0.5", "2.0"),
    ],
)  # fmt: skip
def test_columns_that_hold_times(tmp_path, times, step, ahead):
    pl.DataFrame({"t": times, "y": range(len(times))}).write_parquet(tmp_path / "data.parquet")
    series, found = regular(read_table(tmp_path / "data.parquet", time="t"))
    assert str(found) == step and extended(series, found, 1).times[-1] == ahead
