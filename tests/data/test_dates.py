"""Times as people write them: periods of ISO, formats of one's own, and dates that need a format.

What is refused is one line with the file, the column, the row and one way to mend it.
"""

from datetime import date, datetime

import polars as pl
import pytest
from typechecker import unchecked

from throughtime.data import read_table
from throughtime.data.date_format import fault
from throughtime.errors import DataError


@pytest.fixture
def order(tmp_path):
    """Writes the times as a CSV table of one sequence and gives their places in sorted order."""

    def read(times, **options):
        path = tmp_path / "data.csv"
        pl.DataFrame({"id": "s", "t": times, "a": range(len(times))}).write_csv(path)
        return read_table(path, sequence="id", time="t", **options)[0].flatten().tolist()

    return read


@pytest.fixture
def refusal(order, tmp_path):
    """The line that reading the times ends with, less the file it names."""

    def read(times, **options):
        with pytest.raises(DataError) as caught:
            order(times, **options)
        line, file = str(caught.value), f"{tmp_path / 'data.csv'}: "
        assert line.startswith(file) and line.isprintable()
        assert "; expected " in line and line[-1] in ".?)"
        return line.removeprefix(file)

    return read


@pytest.mark.parametrize(
    "times",
    [
        ["2024-02", "2024-01", "2023-12"],
        ["2021-W01", "2020-W53", "2020-W52"],
        ["2024-w10", "2024-W09", "2023-W52"],
        ["2021-W01-1", "2020-W53-7", "2020-W53-1"],
        ["2024 Q1", "2023-Q4", "2023Q3"],
        [" 2024q2 ", "2024-q1", "2023 Q4"],
        ["2024", "1999", "-5"],
        ["10000", "2024", "1.5"],
    ],
)
def test_periods_are_sorted_by_their_start(order, times):
    assert order(times) == [2, 1, 0]


def test_a_period_is_the_one_that_the_calendar_of_python_has():
    from throughtime.data.periods import FORMS

    months, weeks, days, quarters = FORMS[2:6]
    for k in range(40):
        day = date.fromordinal(date(2019, 12, 28).toordinal() + 31 * k)
        year, week, of_week = day.isocalendar()
        monday = date.fromisocalendar(year, week, 1)
        quarter = (day.month + 2) // 3
        for form, text, start in (
            (months, f"{day:%Y-%m}", day.replace(day=1)),
            (weeks, f"{year}-W{week:02}", monday),
            (days, f"{year}-W{week:02}-{of_week}", day),
            (quarters, f"{day.year} Q{quarter}", date(day.year, 3 * quarter - 2, 1)),
        ):
            assert form.read(pl.Series([text])).to_list() == [start]
            assert [other for other in FORMS if other.fits(text)] == [form]


@pytest.mark.parametrize("times", [["2024Q1", "2024 Q1"], ["2024-W05", "2024-w05"]])
def test_a_period_twice_however_it_is_written(refusal, times):
    line = refusal(times)
    assert line.startswith(f"column 't', row 3 has the time '{times[1]}' a second time")


@pytest.mark.parametrize(
    "text",
    ["2024-13", "2024-00", "2024-W53", "2024-W00", "2024-W05-8", "2024-W05-0", "2024 Q5", "2024Q0",
     "31/31/2024", "29.2.2023"],
)  # fmt: skip
def test_periods_that_no_calendar_has(refusal, text):
    assert refusal([text]).startswith(f"column 't', row 2 has '{text}', which no calendar has; exp")


FORMS = {
    "a number": "2024",
    "a date such as 2024-12-31 23:59:59": "2024-01-01",
    "a month such as 2024-01": "2023-02",
    "a week such as 2024-W05": "2023-W07",
    "a day of a week such as 2024-W05-3": "2023-W07-3",
    "a quarter such as 2024 Q1": "2023 Q4",
    "a date such as 31/12/2024": "25/12/2024",
}


@pytest.mark.parametrize("most", FORMS)
@pytest.mark.parametrize("other", FORMS)
def test_a_column_has_one_form(refusal, most, other):
    if most == other:
        return
    few, many = FORMS[other], FORMS[most]
    assert refusal([many, few, many]) == (
        f"column 't', row 3 has the text '{few}'; expected {most} because row 2 has '{many}'. "
        "Write all times of the column in one form."
    )


def test_a_year_alone_is_a_number_in_a_column_of_months(refusal):
    line = refusal(["2024", "2024-01", "2024-02"])
    assert line.startswith("column 't', row 2 has the text '2024'; expected a month such as")
    assert "because row 3 has '2024-01'." in line


@pytest.mark.parametrize(
    "time_format, times",
    [
        ("%d.%m.%Y %H:%M", ["01.02.2024 00:00", "31.01.2024 23:59", "31.01.2024 9:05"]),
        ("%d/%m/%Y", ["01/03/2024", "02/02/2024", "03/01/2024"]),
        ("%m/%d/%Y", ["03/01/2024", "02/02/2024", "01/03/2024"]),
        ("%d.%m.%y", ["01.01.01", "31.12.00", "31.12.99"]),
        ("%m/%Y", ["01/2024", "12/2023", "11/2023"]),
        ("%Y%m%d", ["20240201", "20240131", "20231231"]),
        ("%Y", ["2024", "2023", "1999"]),
        ("%H:%M", ["23:59", "10:00", "9:59"]),
        ("%I:%M %p", ["1:00 PM", "12:30 PM", "11:00 AM"]),
        ("%d %b %Y", ["1 Mar 2024", "29 Feb 2024", " 28 Feb 2024 "]),
        ("%H:%M:%S,%3f", ["9:00:00,250", "09:00:00,249", "0:00:00,300"]),
        ("%s", ["1700000002", "1700000001", "999"]),
        ("%d.%m.%Y %H:%M:%S%.f", ["1.1.2024 0:00:00.5", "1.1.2024 0:00:00.49", "1.1.2024 0:00:00"]),
        ("%Y-%m-%d %H:%M %z", ["2024-01-01 00:30 +0000", "2024-01-01 01:00 +0100",
                               "2024-01-01 05:15 +0530"]),
        ("%Y-%m-%d %H:%M%#z", ["2024-01-01 00:30Z", "2024-01-01 01:00+01",
                               "2024-01-01 05:15+05:30"]),
    ],
)  # fmt: skip
def test_a_format_of_ones_own(order, time_format, times):
    assert order(times, time_format=time_format) == [2, 1, 0]


def test_a_moment_twice_in_a_format(refusal):
    times = ["1.2.2024", "01.02.2024"]
    line = refusal(times, time_format="%d.%m.%Y")
    assert line.startswith("column 't', row 3 has the time '01.02.2024' a second time in sequence")
    assert "row 2 has it as '1.2.2024'." in line


def test_parquet_numbers_are_read_with_the_format_and_dates_as_they_are(tmp_path):
    path = tmp_path / "data.parquet"
    moments = [datetime(2024, 2, 1), datetime(2024, 1, 31)]
    for times in ([10022024, 31012024], moments):
        pl.DataFrame({"id": [1, 1], "t": times, "a": [2, 1]}).write_parquet(path)
        read = read_table(path, sequence="id", time="t", time_format="%d%m%Y")
        assert read[0].flatten().tolist() == [1, 2]


@pytest.mark.parametrize(
    "times, says",
    [
        (
            ["2024-01-01", "2024-01-02"],
            "column 't', row 2 has the text '2024-01-01'; expected a time of the format "
            "'%d.%m.%Y', which no row has. Give the format that the column has, or write its times "
            "in this one.",
        ),
        (
            ["1.1.2024", "2.1.2024", "31.2.2024"],
            "column 't', row 4 has the text '31.2.2024'; expected a time of the format '%d.%m.%Y'. "
            "Correct it or remove the row.",
        ),
        (
            ["1.1.2024", "2.1.2024 10:00"],
            "column 't', row 3 has the text '2.1.2024 10:00'; expected a time of the format "
            "'%d.%m.%Y'. Correct it or remove the row.",
        ),
        (
            ["1.1.2024", " "],
            "column 't', row 3 has no value; expected a time of the format '%d.%m.%Y'. Fill it in "
            "or remove the row.",
        ),
    ],
)
def test_a_row_that_the_format_does_not_fit(refusal, times, says):
    assert refusal(times, time_format="%d.%m.%Y") == says


UNKNOWN = [
    "%Q",
    "%",
    "",
    "%%",
    "day",
    "%a",
    "%j",
    "%d.%m.%Y %H",
    "%d.%m.%Y %I:%M",
    "%d.%m.%Y %z",
    "%M",
]


@pytest.mark.parametrize("time_format", UNKNOWN)
def test_a_format_that_polars_cannot_read(tmp_path, time_format):
    """It is refused at once: there is not even a file."""
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / "no.csv", sequence="id", time="t", time_format=time_format)
    assert str(caught.value) == (
        f"{tmp_path / 'no.csv'}: time_format has {time_format!r}, which polars cannot read; "
        "expected codes of strftime that make up a date or a time of day. Write '%d.%m.%Y %H:%M' "
        "for 31.12.2024 23:59, say."
    )


@pytest.mark.parametrize(
    "time_format, says",
    [
        ("%d.%m.", "which has no year; expected one because days of two years could not be told"),
        ("%d.%m. %H:%M", "which has no year; .* Add %Y to it and the year to the table."),
        (
            "%H:%M:%S.%f",
            "in which %f is a number of nanoseconds; .* Write '%S%.f' for seconds such",
        ),
        ("%d.%m.%Y %H:%M %Z", "in which %Z is the name of a time zone; .* Write %z for zones such"),
    ],
)
def test_a_format_that_would_be_read_wrongly(time_format, says):
    with pytest.raises(DataError, match=f"time_format has '{time_format}', {says}"):
        read_table("no.csv", sequence="id", time="t", time_format=time_format)


def test_a_format_needs_a_time_column():
    with unchecked(), pytest.raises(DataError, match="time has no column; .* Name it as time, or"):
        read_table("no.csv", sequence="id", time_format="%Y")


GIVE = "(in `throughtime train` --date-format, in Python time_format=)."


@pytest.mark.parametrize("text", ["01/02/24", "Q1 2024", "5 Mar 2024", "2024-W1", "2024-1"])
def test_a_column_of_a_form_that_nobody_knows(refusal, text):
    assert refusal([text, text]) == (
        f"column 't', row 2 has the text '{text}'; expected a number or a date such as 2024-12-31 "
        "23:59:59 because it is the time column. Name another column, or give the format of this "
        f"one {GIVE}"
    )
    assert refusal(["2024-01-01", text]).endswith("time column. Correct it or remove the row.")


@pytest.mark.parametrize(
    "times, says",
    [
        (
            ["01/02/2024"],
            "row 2 has the date '01/02/2024', which is 2024-02-01 with the day first and "
            "2024-01-02 with the month first; expected a format because no row says which. Give "
            f"'%d/%m/%Y' or '%m/%d/%Y' {GIVE}",
        ),
        (
            ["01/01/2024", "3/1/2024"],
            "row 3 has the date '3/1/2024', which is 2024-01-03 with the day first and 2024-03-01 "
            f"with the month first; expected a format because no row says which. Give '%d/%m/%Y' "
            f"or '%m/%d/%Y' {GIVE}",
        ),
        (
            ["01/02/2024", "13/02/2024"],
            "row 3 has the date '13/02/2024', which is a date only with the day first; expected a "
            f"format because other dates can be read two ways. Give '%d/%m/%Y' {GIVE}",
        ),
        (
            ["01.02.2024 9:30", "02.13.2024 9:30"],
            "row 3 has the date '02.13.2024 9:30', which is a date only with the month first; "
            "expected a format because other dates can be read two ways. Give '%m.%d.%Y %H:%M' "
            f"{GIVE}",
        ),
        (
            ["13/02/2024", "02/13/2024"],
            "row 3 has the date '02/13/2024' with the month first; expected the day first because "
            "row 2 has '13/02/2024'. Write all dates in one order.",
        ),
    ],
)
def test_dates_that_can_be_read_two_ways(refusal, times, says):
    assert refusal(times) == f"column 't', {says}"


@pytest.mark.parametrize(
    "text",
    ["25/12/2024", "25.12.2024", "25-12-2024 7:05", "25/12/2024T07:05:09", "25.12/2024",
     "12/25/2024 07:05:09.125", "12/25/2024 7:05 PM", "12/25/2024 7:05:09AM", "25/12/2024 23:59"],
)  # fmt: skip
def test_the_format_that_is_proposed_reads_the_column(refusal, order, text):
    proposed = refusal([text]).split("Give '")[1].split("'")[0]
    assert fault(proposed) is None
    assert order([text], time_format=proposed) == [0]


def test_a_column_of_such_dates_that_nobody_named_is_proposed_as_time(tmp_path):
    (tmp_path / "data.csv").write_text("id,when,a\nx,01/02/2024,1\nx,02/02/2024,2\n")
    with pytest.raises(DataError, match="name it as the time column .* --time 'when'"):
        read_table(tmp_path / "data.csv", sequence="id")
