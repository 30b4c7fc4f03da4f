"""The step of time: the commonest distance, what is missing, in words."""

from datetime import UTC, datetime, time, timedelta

import polars as pl
import pytest

from throughtime.data import read_table
from throughtime.data.steps_of_time import step_of_time


def step(write, *sequences, dates=True):
    """The step of the times of sequences, read from a table."""
    rows = [f"s{k},{time},1\n" for k, times in enumerate(sequences) for time in times]
    path = write("id,t,a\n" + "".join(rows))
    return step_of_time(read_table(path, sequence="id", time="t"), dates=dates)


def days(*numbers, unit=timedelta(days=1)):
    return [datetime(2024, 1, 1) + n * unit for n in numbers]


@pytest.mark.parametrize(
    ("times", "dates", "says"),
    [
        (days(0, 1, 2, 3, 4, 5), True, "daily, none missing"),
        (days(0, 1, 2, 5), True, "daily, 2 steps missing"),
        (days(0, 1, 2, 3, 4, 7, 8, 9, 10), True, "every weekday, none missing"),
        (days(0, 1, 3, 4, 7, 8), True, "every weekday, 1 step missing"),
        (days(0, 7, 14), True, "weekly, none missing"),
        (days(0, 1, 2, unit=timedelta(hours=1)), True, "hourly, none missing"),
        (days(0, 1, 2, unit=timedelta(minutes=15)), True, "every 15 min, none missing"),
        (days(0, 1, 2, unit=timedelta(days=3)), True, "every 3 days, none missing"),
        (days(0, 1, 2, unit=timedelta(seconds=0.25)), True, "every 0.25 s, none missing"),
        (["2023-11", "2023-12", "2024-01", "2024-03"], True, "monthly, 1 step missing"),
        (["2024-01-31", "2024-02-29", "2024-03-31"], True, "monthly, none missing"),
        (["2024 Q1", "2024 Q2", "2024 Q4"], True, "quarterly, 1 step missing"),
        (["2020-01", "2022-01", "2024-01"], True, "every 24 months, none missing"),
        (["2021-01-01", "2022-01-01", "2023-01-01"], True, "yearly, none missing"),
        ([0, 10, 20, 50], False, "steps of 10, 2 steps missing"),
        ([0.1, 0.2, 0.3, 0.4], False, "steps of 0.1, none missing"),
        ([1.7e18 + k * 1e9 for k in range(9)], False, "steps of 1e+09, none missing"),
        ([*range(20), 19.4], False, "steps of 1, none missing, 1 at other distances"),
        ([0, 1, 2, 4.4, 7.9], False, "steps of 1 most often, but uneven"),
    ],
)
def test_in_words(write, times, dates, says):
    assert str(step(write, times, dates=dates)) == says


def test_what_is_missing_in_how_many_sequences(write):
    found = step(write, [0, 1, 2, 5], [7, 8], [3], [0, 2, 3, 4], dates=False)
    assert str(found) == "steps of 1, 3 steps missing in 2 of 4 sequences"
    assert (found.missing, found.gapped, found.sequences, found.distances) == (3, 2, 4, 7)


def test_where_there_is_none(write):
    assert step(write, [0], [1], dates=False) is None
    path = write("id,a\nx,1\nx,2\n")
    assert step_of_time(read_table(path, sequence="id"), dates=False) is None


def test_days_of_summer_time_in_a_zone(write):
    """Distances are those of UTC: the day with 23 hours is no multiple of a day."""
    times = [f"2024-03-{d:02d}T00:00+01:00" for d in range(20, 32)]
    times += [f"2024-04-{d:02d}T00:00+02:00" for d in range(1, 13)]
    assert str(step(write, times)) == "daily, none missing, 1 at other distances"


@pytest.mark.parametrize(
    ("column", "says", "first"),
    [
        (days(0, 1, 2), "daily, none missing", "2024-01-01 00:00:00.000000"),
        ([d.date() for d in days(0, 1, 2)], "daily, none missing", "2024-01-01"),
        ([d.astimezone(UTC) for d in days(0, 1)], "daily, none missing", "2024-01-01"),
        ([time(0, 5), time(0, 10)], "every 5 min, none missing", "00:05:00"),
        ([timedelta(hours=1), timedelta(hours=2)], "hourly, none missing", "PT1H"),
    ],
)
def test_the_types_of_a_parquet_file(tmp_path, column, says, first):
    frame = pl.DataFrame({"t": pl.Series(column), "a": [1.0] * len(column)})
    frame.reverse().write_parquet(tmp_path / "data.parquet")
    sequences = read_table(tmp_path / "data.parquet", time="t")
    assert str(step_of_time(sequences, dates=True)) == says
    assert sequences.times[0].startswith(first)


def test_large_numbers_are_told_as_exactly_as_they_are_kept(write):
    assert str(step(write, [17 * 10**17 + k * 10**6 for k in range(5)], dates=False)) == (
        "steps of 1e+06, none missing"
    )
