"""New times are written as the others are, and read back as the moments that they stand for."""

import numpy as np
import polars as pl
import pytest

from throughtime.data import read_table
from throughtime.data.periods import EITHER_WAY, FORMS
from throughtime.data.regular import extended, regular
from throughtime.data.spelling import offsets, spelled, zones_of
from throughtime.errors import DataError

# Of each form two times, and the steps that may lie between two of its times.
WRITTEN = {
    "a number": [(["1", "2"], ["1", "0.5", "0.001", "7"]), (["-0.50", "1.25"], ["0.25", "3"]),
                 (["1e3", "2e3"], ["1000"])],
    "a date such as 2024-12-31 23:59:59": [
        (["1968-02-28", "1968-02-29"], ["1d", "1w", "1mo", "weekday", "1y", "1h", "10s"]),
        (["2023-12-31T23:00", "2024-01-01T00:00"], ["1h", "10min", "1d", "1s"]),
        (["1750-12-31t23:00:00Z", "1751-01-01t00:00:00Z"], ["1h", "1d", "1mo"]),
        (["2024-03-31 00:00+01:00", "2024-04-01 00:00+0200"], ["1d", "1h", "1mo"]),
        (["2024-03-31 00:00:00,5-03", "2024-04-01 00:00:00,5-03"], ["1d", "1min"]),
        (["2024-03-31 00:00:00.12345678", "2024-04-01 00:00:00.12345678"], ["1d", "1s"]),
    ],
    "a month such as 2024-01": [(["1969-11", "1969-12"], ["1mo", "1q", "1y", "1d"])],
    "a week such as 2024-W05": [(["2020-W52", "2020-w53"], ["1w", "2w", "1d"])],
    "a day of a week such as 2024-W05-3": [(["2020-W53-5", "2020-W53-7"], ["1d", "1w", "1h"])],
    "a quarter such as 2024 Q1": [(["1969 Q3", "1969-q4"], ["1q", "1y", "1mo"])],
}  # fmt: skip
CASES = [
    pytest.param(times, every, id=f"{times[0]} {every}")
    for written in WRITTEN.values()
    for times, steps in written
    for every in steps
]


def test_all_forms_that_are_read_without_a_format_are_tried():
    assert set(WRITTEN) == {form.such_as for form in FORMS if form is not EITHER_WAY}
    for such_as, written in WRITTEN.items():
        form = next(form for form in FORMS if form.such_as == such_as)
        assert all(form.fits(time) for times, _ in written for time in times)


@pytest.mark.parametrize(("times", "every"), CASES)
@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("horizon", [1, 400])
def test_a_new_time_is_read_back_as_its_moment(times, every, first, horizon):
    frame = pl.DataFrame({"t": times[first : first + 1], "y": [0.0]})
    series, step = regular(read_table(frame, time="t"), every=every)
    new = extended(series, step, horizon)
    read = read_table(pl.DataFrame({"t": new.times[1:], "y": np.zeros(horizon)}), time="t")
    assert np.allclose(read.moments, new.moments[1:], rtol=1e-14, atol=1e-6)
    assert read.rows.tolist() == list(range(horizon))


def test_as_much_is_written_as_the_times_need():
    day = np.array([86400.0, 2 * 86400.0])
    assert spelled(day, ["2024-01-01"]) == ["1970-01-02", "1970-01-03"]
    assert spelled(day, ["2024-01-01", "2024-01-01T06:00"])[0] == "1970-01-02T00:00"
    assert spelled(day + 60, ["2024-01-01"])[0] == "1970-01-02 00:01"
    assert spelled(day + 1, ["2024-01-01T00:00"])[0] == "1970-01-02T00:00:01"
    assert spelled(day + 0.5, ["2024-01-01T00:00:00"])[0] == "1970-01-02T00:00:00.5"
    assert spelled(day + 0.5, ["2024-01-01T00:00:00,000"])[0] == "1970-01-02T00:00:00,500"
    assert spelled(day, ["2024-01-01 00:00:00.000000000"])[0] == "1970-01-02 00:00:00.000000000"
    assert spelled(np.array([]), ["2024-01-01"]) == []


def test_numbers_have_the_decimals_that_they_need():
    assert spelled(np.array([3.0, 3.5]), ["1.00", "2"]) == ["3.00", "3.50"]
    assert spelled(np.array([0.1 + 0.6, 1e-3]), ["0.1"]) == ["0.7", "0.001"]
    assert spelled(np.array([4000.0, 0.5]), ["1e3"]) == ["4000", "0.5"]
    assert spelled(np.array([1.7e18]), ["1"]) == ["1700000000000000000"]


def test_zones_and_how_far_they_are_ahead():
    times = ["2024-01-01T00:00+01:00", "2024-01-01T00:00-0330", "2024-01-01T00:00Z ",
             "2024-01-01T00:00+14"]  # fmt: skip
    assert zones_of(times).to_list() == ["+01:00", "-0330", "Z", "+14"]
    assert offsets(times).tolist() == [3600, -12600, 0, 50400]
    for plain in ("2024-01-01T00:00", "2024-01-01", "2024-01", "17"):
        assert zones_of([plain]) is None and offsets([plain]).tolist() == [0]
    formatted = ["1:00 -0100 am 2024-03-01", "11:00 +0130 am 2024-03-01"]
    assert zones_of(formatted) is None
    assert offsets(formatted, "%I:%M %z %p %Y-%m-%d").tolist() == [-3600, 5400]
    assert zones_of(["1.3.2024"], "%d.%m.%Y") is None


def test_a_date_that_four_digits_cannot_write(write):
    path = write("t,y\n9999-12-30,1\n9999-12-31,2\n")
    series, step = regular(read_table(path, time="t"))
    with pytest.raises(DataError, match="has steps after the year 9999; expected earlier ones"):
        extended(series, step, 1)
