"""Series of a table: their parts, their season, their calendar, and what is known after them."""

import math

import polars as pl
import pytest
import torch

from throughtime.data import Sequences, read_table
from throughtime.data.calendar import Clock
from throughtime.data.future import check_known, ended, template, with_known
from throughtime.data.reading import Reading
from throughtime.data.regular import wall_clock
from throughtime.data.series import Series, find_season, with_calendar
from throughtime.data.spelling import offsets
from throughtime.data.time_step import TimeStep
from throughtime.errors import DataError

SALES = Series(("sales",), 3, ("price", "promo"), windows=2)


def days(count, first="2024-01-01"):
    start = pl.Series([first]).str.to_date()
    return pl.date_range(start[0], start.dt.offset_by(f"{count - 1}d")[0], eager=True).cast(str)


def shop(lengths=None, future=0):
    """Shops, day by day, with a price, a promotion, and rows without sales in the end."""
    parts = []
    for name, n in (lengths or {"a": 30, "b": 24}).items():
        total = n + future
        parts.append(pl.DataFrame({
            "shop": [name] * total, "day": days(total),
            "sales": [*map(float, range(n)), *[None] * future],
            "price": [k / 10 for k in range(total)],
            "promo": ["yes" if k % 3 == 0 else "no" for k in range(total)],
        }))  # fmt: skip
    return pl.concat(parts)


def read(frame, series=SALES):
    table = read_table(frame, sequence="shop", time="day")
    return series.on_grid(table)


def test_no_step_of_the_test_part_is_in_training_or_validation():
    whole = read(shop())
    train, test = SALES.parts(whole)
    fitted, held = SALES.aside(train)
    first = {name: float(test[k][-3, 0]) for k, name in reversed([*enumerate(test.names)])}
    for part in (train, fitted, held):
        for k, name in enumerate(part.names):
            assert float(part[k][:, 0].max()) < first[name]
    for k, name in enumerate(fitted.names):
        windows = [held[i][-3, 0] for i in range(len(held)) if held.names[i] == name]
        assert float(fitted[k][-1, 0]) + 1 == float(min(windows))


def test_a_share_of_the_steps_is_tested_on():
    whole = read(shop({"a": 40}))
    _, test = Series(("sales",), 2, share=0.25).parts(whole)
    assert len(test) == 5


def test_a_series_too_short_is_trained_on_alone():
    whole = read(shop({"a": 40, "short": 5}))
    train, test = SALES.parts(whole)
    assert train.lengths.tolist() == [34, 5] and {*test.names} == {"a"}


def test_categories_are_those_of_training():
    frame = shop({"a": 30})
    late = pl.when(pl.int_range(30) >= 28).then(pl.lit("never seen")).otherwise(pl.col("promo"))
    train, test = SALES.parts(read(frame.with_columns(promo=late)))
    assert train.categories["promo"] == ("no", "yes") == test.categories["promo"]
    assert test[1][-1, test.channels.index("promo")] == -1


def test_columns_that_are_not_there_or_text_are_refused():
    with pytest.raises(DataError, match="forecast has 'profit'; expected one of the channels"):
        read(shop(), Series(("profit",), 3))
    with pytest.raises(DataError, match="known has 'holiday'; expected one of"):
        read(shop(), Series(("sales",), 3, ("holiday",)))
    with pytest.raises(DataError, match="column 'promo' is text; expected numbers"):
        read(shop(), Series(("promo",), 3))


def test_another_step_than_in_training_is_refused():
    step = TimeStep("days", 7).describe()
    with pytest.raises(DataError, match="the step of time is daily; expected weekly, as in train"):
        read(shop(), Series(("sales",), 3, step=step))


def test_the_calendar_is_known_ahead():
    whole = read(shop())
    train, _ = SALES.parts(whole)
    assert whole.reading.calendar == ("day of the week",)
    column = train.channels.index("day of the week")
    texts = train.categories["day of the week"]
    assert [texts[int(k)] for k in train[0][:3, column]] == ["Mon", "Tue", "Wed"]
    assert SALES.all_known(whole) == ("price", "promo", "day of the week")


def test_a_column_of_the_table_has_its_name_before_the_calendar():
    frame = shop().rename({"promo": "day of the week"})
    whole = read(frame, Series(("sales",), 3, ("price",)))
    assert whole.reading.calendar == ()


@pytest.mark.parametrize(("when", "name", "value"), [
    ("2024-02-29 13:59", "hour of the day", 13), ("2024-02-29 00:00", "day of the week", 3),
    ("1969-12-31 23:00", "day of the week", 2), ("1969-12-31 23:00", "hour of the day", 23),
    ("2024-02-29", "month of the year", 1), ("1968-12-31", "month of the year", 11),
    ("2024-09-30", "quarter of the year", 2),
])  # fmt: skip
def test_clocks(when, name, value):
    frame = pl.DataFrame({"t": [when, "2030-01-01" + when[10:]], "v": [1.0, 2.0]})
    clock = Clock(wall_clock(read_table(frame, time="t")))
    assert clock.of(name)[0] == value


def test_the_time_of_the_year_goes_round_once_a_year():
    frame = pl.DataFrame({"t": ["2023-06-15", "2024-06-14"], "v": [1.0, 2.0]})
    clock = Clock(wall_clock(read_table(frame, time="t")))
    for name in ("time of the year, sine", "time of the year, cosine"):
        first, second = clock.of(name)
        assert first == pytest.approx(second, abs=0.01)


def test_hours_are_those_that_the_clocks_show():
    times = ["2024-03-31T01:00+01:00", "2024-03-31T03:00+02:00", "2024-07-01T00:00Z"]
    assert offsets(times).tolist() == [3600, 7200, 0]
    series = read_table(pl.DataFrame({"t": times, "v": [1.0, 2.0, 3.0]}), time="t")
    assert Clock(wall_clock(series)).of("hour of the day").tolist() == [1, 3, 0]


def wave(n, season, noise=0.1, trend=0.0, seed=0):
    draw = torch.Generator().manual_seed(seed)
    t = torch.arange(float(n))
    y = torch.sin(2 * math.pi * t / season) if season else torch.zeros(n)
    return y + trend * t + noise * torch.randn(n, generator=draw)


@pytest.mark.parametrize(("arrays", "usual", "found"), [
    ([wave(60, 12)], (12,), 12), ([wave(24, 12)], (12,), 1), ([wave(25, 12)], (12,), 12),
    ([wave(700, 24), wave(700, 24, seed=1)], (24, 168), 24), ([wave(700, 168)], (24, 168), 168),
    ([wave(300, 168)], (24, 168), 24), ([wave(60, 0)], (), 1), ([torch.ones(60)], (12,), 12),
], ids=["12", "short", "just", "day", "week", "no week", "none", "constant"])  # fmt: skip
def test_the_usual_season_after_which_series_are_most_alike(arrays, usual, found):
    series = Sequences.from_list(arrays, channels=["y"])
    assert find_season(series, ("y",), usual) == found


def test_known_inputs_come_from_rows_without_a_target_and_from_another_table():
    frame = shop(future=2)
    whole = read(frame)
    assert ended(whole, ("sales",)).lengths.tolist() == [30, 24]
    more = pl.DataFrame({
        "shop": ["b", "a", "a", "stranger"], 
        "day": ["2024-01-27", "2024-02-02", "2024-03-09", "2024-01-01"],
        "price": [7.0, 8.0, 9.0, 1.0], "promo": ["yes", "no", "no", "no"],
    })  # fmt: skip
    table = read_table(
        more, sequence="shop", time="day", channels=("price", "promo"),
        categories={"promo": whole.categories["promo"]},
    )  # fmt: skip
    ahead = with_known(ended(whole, ("sales",)), 3, ("price", "promo"), whole, table)
    assert ahead.times[30:33] == ["2024-01-31", "2024-02-01", "2024-02-02"]
    price = ahead.channels.index("price")
    assert ahead[0][-3:, price].tolist() == pytest.approx([3.0, 3.1, 8.0])
    assert ahead[1][-3:, price].tolist() == pytest.approx([2.4, 2.5, 7.0])
    check_known(ahead, 3, ("price", "promo"))
    with pytest.raises(DataError, match="have 4 missing values: price of 'a' at 2024-02-02, promo "
                       "of 'a' at 2024-02-02, price of 'b' at 2024-01-27"):  # fmt: skip
        check_known(with_known(ended(whole, ("sales",)), 3, ("price", "promo"), whole), 3,
                    ("price", "promo"))  # fmt: skip


def test_a_text_that_the_model_has_not_seen_is_known():
    whole = read(shop())
    more = shop({"a": 33, "b": 27}).with_columns(promo=pl.lit("new"))
    table = read_table(more, sequence="shop", time="day", channels=("price", "promo"),
                       categories={"promo": whole.categories["promo"]})  # fmt: skip
    ahead = with_known(whole, 3, ("price", "promo"), table)
    check_known(ahead, 3, ("price", "promo"))
    assert ahead[0][-1, ahead.channels.index("promo")] == -1


def test_by_row_known_inputs_are_taken_in_their_order():
    frame = pl.DataFrame({"shop": ["a"] * 9, "sales": [1.0] * 9, "price": [2.0] * 9})
    series = Series(("sales",), 2, ("price",), by_row=True)
    whole = series.on_grid(read_table(frame, sequence="shop"))
    more = read_table(
        pl.DataFrame({"shop": ["a", "a", "a"], "price": [5.0, 6.0, 7.0]}), sequence="shop",
        channels=("price",),
    )  # fmt: skip
    ahead = with_known(whole, 2, ("price",), more)
    assert ahead[0][-2:, ahead.channels.index("price")].tolist() == [5.0, 6.0]


def test_the_template_has_a_row_for_each_step_with_what_is_known():
    whole = read(shop({"a": 30}, future=1))
    ahead = with_known(ended(whole, ("sales",)), 3, ("price", "promo"), whole)
    header, rows = template(ahead, 3, ("price", "promo"), "shop", "day")
    assert header == ["shop", "day", "price", "promo"]
    assert rows[0] == ["a", "2024-01-31", pytest.approx(3.0), "yes"]
    assert rows[1:] == [["a", "2024-02-01", None, None], ["a", "2024-02-02", None, None]]


def test_a_series_without_any_value_is_refused():
    frame = shop({"a": 9, "b": 9}).with_columns(
        sales=pl.when(pl.col("shop") == "b").then(None).otherwise(pl.col("sales"))
    )
    with pytest.raises(DataError, match="the series 'b' has no value of 'sales'"):
        ended(read(frame), ("sales",))


def test_without_a_calendar_nothing_is_added():
    data = Sequences.from_list([[1.0, 2.0]], channels=["y"])
    series = Sequences(**{**data.__dict__, "reading": Reading(step=TimeStep("rows"))})
    assert with_calendar(series).channels == ("y",)
