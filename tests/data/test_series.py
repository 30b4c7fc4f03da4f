"""Series to be forecast: their parts over time, what is told of a table, and their season."""

import json
from dataclasses import asdict, replace
from datetime import date, timedelta

import pytest
import torch

from throughtime.data import read_table
from throughtime.data.series import Series, described, future
from throughtime.errors import DataError


@pytest.fixture
def daily(write):
    """Series of so many days; the value of each step is its place, `x` is that too."""

    def read(*lengths, start="2024-01-01"):
        rows = ["id,t,y,x"]
        for k, length in enumerate(lengths):
            days = [date.fromisoformat(start) + timedelta(days=n) for n in range(length)]
            rows += [f"s{k},{day},{place},{place}" for place, day in enumerate(days)]
        return read_table(write("\n".join(rows)), sequence="id", time="t", channels=("y", "x"))

    return read


def places(part, column=0):
    """The first and last place of each sequence of a part, of series that count their steps."""
    return [(int(values[0, column]), int(values[-1, column])) for values in part]


def test_parts_are_the_last_windows_and_what_is_before_all_of_them(daily):
    own = Series(("y",), 5, windows=3)
    series = own.on_grid(daily(60, 100))
    train, test = own.parts(series)
    assert places(train) == [(0, 44), (0, 84)]
    assert places(test) == [(0, 49), (0, 54), (0, 59), (0, 89), (0, 94), (0, 99)]
    assert train.channels == test.channels == ("y", "x", "day of the week")
    fitted, held = own.aside(train)
    assert places(fitted) == [(0, 34), (0, 74)]
    ends = [*range(39, 45), *range(79, 85)]
    assert places(held) == [(0, end) for end in ends]


@pytest.mark.parametrize("windows", [1, 2, 7])
@pytest.mark.parametrize("horizon", [1, 2, 5, 7])
def test_no_step_is_forecast_in_one_part_and_learned_in_another(daily, horizon, windows):
    own = Series(("y",), horizon, windows=windows)
    shortest = 2 * horizon + own.least
    short = range(own.least, shortest + 3 * horizon + 2)
    lengths = [*short, *[20 * horizon + 8] * (len(short) + 2)]
    series = own.on_grid(daily(*lengths))
    train, test = own.parts(series)
    fitted, held = own.aside(train)
    assert train.names == fitted.names == series.names
    for part, later in ((train, test), (fitted, train), (fitted, held)):
        ends = dict(zip(part.names, part.lengths.tolist(), strict=True))
        learned = [ends[name] for name in later.names]
        if later is not train:
            origins = later.lengths - horizon
            assert (origins >= torch.tensor(learned)).all()
            assert (origins >= own.least).all()
        assert (later.lengths >= torch.tensor(learned)).all()
    last = dict(zip(train.names, train.lengths.tolist(), strict=True))
    assert all(len(values) <= last[name] for name, values in zip(held.names, held, strict=True))
    assert held.names[-1] == test.names[-1] == "s" + str(len(lengths) - 1)


def test_what_comes_after_the_origin_changes_nothing_that_is_learned(daily):
    own = Series(("y",), 5)
    table = daily(60)
    changed = table.values.clone()
    changed[45:] = -1e6
    one, other = (own.parts(own.on_grid(t))[0] for t in (table, replace(table, values=changed)))
    for a, b in zip((one, *own.aside(one)), (other, *own.aside(other)), strict=True):
        assert a.values.equal(b.values) and a.names == b.names and a.times == b.times


def test_short_series_leave_windows_to_train_and_to_validate_on(daily):
    own = Series(("y",), 12, windows=3)
    assert own.least == 12 and Series(("y",), 1).least == 4
    for length, count in ((36, 1), (47, 1), (48, 2), (60, 3), (600, 3)):
        series = own.on_grid(daily(length))
        assert own.count(series) == count
        train, test = own.parts(series)
        fitted, held = own.aside(train)
        assert len(test) == count and len(train.values) == length - 12 * count
        assert len(held) >= 1 and len(fitted.values) >= 12
    train, test = own.parts(own.on_grid(daily(30)))
    with pytest.raises(DataError) as caught:
        own.aside(train)
    assert str(caught.value) == (
        "the longest series has 18 steps before those to test on; expected at least 24, which are "
        "12 to validate on and 12 before them. Forecast fewer steps, or give longer series."
    )
    with pytest.raises(DataError, match="the longest series has 23 steps; expected at least 24"):
        own.parts(own.on_grid(daily(23)))


def test_a_series_that_is_too_short_is_trained_on_and_not_tested(daily):
    own = Series(("y",), 5)
    train, test = own.parts(own.on_grid(daily(100, 9, 1)))
    assert places(train) == [(0, 84), (0, 8), (0, 0)] and set(test.names) == {"s0"}


def test_a_share_counts_the_windows_of_the_longest_series(daily):
    series = Series(("y",), 5).on_grid(daily(100, 40))
    for share, count in ((0.2, 4), (0.5, 10), (0.01, 1), (1.0, 18)):
        own = Series(("y",), 5, share=share)
        assert own.count(series) == count
    _, test = Series(("y",), 5, share=0.2).parts(series)
    assert [test.names.count(name) for name in ("s0", "s1")] == [4, 4]


@pytest.mark.parametrize("count", [200, 1100])
def test_of_very_many_validation_windows_some_are_drawn_and_the_same_again(daily, count):
    own = Series(("y",), 1, windows=3)
    train, _ = own.parts(own.on_grid(daily(*[40] * count, *[6] * 20)))
    fitted, held = own.aside(train)
    assert len(held) == 500 and len(fitted) == count + 20
    again = own.aside(train)[1]
    assert held.names == again.names and held.values.equal(again.values)
    assert len(set(held.names)) > 150 and max(int(n[1:]) for n in held.names) > 0.9 * count


def test_texts_that_only_the_test_part_has_are_unknown(write):
    rows = [f"{k},{k % 3},{'late' if k > 27 else 'ab'[k % 2]}" for k in range(30)]
    table = read_table(write("t,y,shop\n" + "\n".join(rows)), time="t")
    own = Series(("y",), 2, ("shop",), windows=1)
    train, test = own.parts(own.on_grid(table))
    assert train.categories["shop"] == test.categories["shop"] == ("a", "b")
    assert test.values[-2:, 1].tolist() == [-1, -1]
    _, test = own.parts(own.on_grid(table), restrict=False)
    assert test.categories["shop"] == ("a", "b", "late")


def test_the_grid_and_the_calendar_are_remembered(daily):
    own = Series(("y",), 5, ("x",))
    series = own.on_grid(daily(60))
    assert own.all_known(series) == ("x", "day of the week")
    remembered = described(json.loads(json.dumps(asdict(own.found(series)))))
    assert remembered == own.found(series) and remembered.calendar == ("day of the week",)
    assert described(None) is None
    channels, categories = ("y", "x", "day of the week"), {"day of the week": ("Mon",), "x": ()}
    assert remembered.in_table(channels, categories) == (("y", "x"), {"x": ()})
    # a table of one row, or of years, is read as in training
    one = remembered.on_grid(daily(1))
    assert one.reading.step == series.reading.step and one.reading.calendar == ("day of the week",)
    assert remembered.on_grid(daily(1000)).reading.calendar == ("day of the week",)
    assert own.on_grid(daily(1000)).reading.calendar[0] == "day of the week"
    assert len(own.on_grid(daily(1000)).reading.calendar) == 3


def test_another_step_than_in_training_is_refused(daily, write):
    own = Series(("y",), 5)
    own = own.found(own.on_grid(daily(60)))
    weekly = read_table(write("t,y\n2024-01-01,1\n2024-01-08,1\n2024-01-15,1\n"), time="t")
    with pytest.raises(DataError) as caught:
        own.on_grid(weekly)
    assert str(caught.value) == (
        "the step of time is weekly; expected daily, as in training. Give series of that step."
    )


def test_a_column_that_is_called_as_one_of_the_calendar_stays(daily):
    table = daily(60)
    table = replace(table, channels=("y", "day of the week"))
    assert Series(("y",), 5).on_grid(table).reading.calendar == ()


def test_the_rows_of_the_next_steps_have_their_calendar(daily):
    series = Series(("y",), 3).on_grid(daily(7, start="2024-01-01"))
    ahead = future(series, 3)
    assert ahead.channels == ("y", "x", "day of the week")
    assert ahead.values[7:, 2].tolist() == [0, 1, 2]  # a Monday
    assert ahead.values[7:, :2].isnan().all()


def test_columns_that_are_not_there_and_targets_of_text(daily, write):
    with pytest.raises(DataError, match="forecast has 'z'; expected one of the channels 'y', 'x'"):
        Series(("z",), 5).on_grid(daily(9))
    with pytest.raises(DataError, match="known has 'z'; expected one of the channels 'y', 'x'. Na"):
        Series(("y",), 5, ("z",)).on_grid(daily(9))
    table = read_table(write("t,y\n1,a\n2,b\n"), time="t")
    with pytest.raises(DataError) as caught:
        Series(("y",), 1).on_grid(table)
    assert str(caught.value) == (
        "column 'y' is text; expected numbers, because it is to be forecast. Name a column of "
        "numbers."
    )
