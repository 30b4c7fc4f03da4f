"""The steps to come: where a series ends, what is known of them, the rows to fill in."""

import pytest
import torch

from throughtime.data import read_table
from throughtime.data.future import check_known, ended, template, with_known
from throughtime.data.series import Series
from throughtime.errors import DataError

KNOWN = ("price", "shop")


@pytest.fixture
def read(write):
    """A table of series on its grid, to be forecast two steps ahead; or, of known inputs, as read.

    `like`: the series whose categories the table has.
    """

    def read(text, *, like=None, known=KNOWN, by_row=False, columns=("sequence", "time"), **own):
        roles = {"sequence": "id", "time": "t"}
        options = {role: roles[role] for role in columns}
        if like is not None:
            texts = {name: like.categories[name] for name in known if name in like.categories}
            return read_table(
                write(text, "known.csv"), **options, channels=known, categories=texts, **own
            )
        series = Series(("y",), 2, known, by_row=by_row)
        return series.on_grid(read_table(write(text), **options, **own))

    return read


TABLE = (
    "id,t,y,price,shop\n"
    "a,2024-01-01,1,0.1,open\na,2024-01-02,2,0.2,shut\na,2024-01-03,3,0.3,open\n"
    "a,2024-01-04,,0.4,shut\na,2024-01-05,,,open\n"
    "b,2024-01-01,5,1,open\nb,2024-01-02,6,2,shut\n"
)


def ahead_of(read, text=TABLE, *future, known=KNOWN, **options):
    whole = read(text, known=known, **options)
    tables = [read(rows, like=whole, known=known, **options) for rows in future]
    return with_known(ended(whole, ("y",)), 2, known, whole, *tables)


def said(ahead):
    """The last two rows of each series, in words."""
    texts = {**ahead.categories}
    rows = []
    for values in ahead:
        for value in values[-2:].tolist():
            row = []
            for name, number in zip(ahead.channels, value, strict=True):
                if name in KNOWN:
                    text = number == number and name in texts
                    text = text and ("new" if number < 0 else texts[name][int(number)])
                    row.append(text or (None if number != number else round(number, 6)))
            rows.append(row)
    return rows


def test_a_series_ends_at_the_last_step_with_a_target(read):
    whole = read(TABLE)
    assert ended(whole, ("y",)).lengths.tolist() == [3, 2]
    assert ended(whole, ("price",)).lengths.tolist() == [4, 2]
    assert ended(whole, ("y", "price")).lengths.tolist() == [4, 2]
    gap = read("id,t,y\na,1,1\na,2,\na,3,3\na,4,\n", known=())
    assert ended(gap, ("y",)).lengths.tolist() == [3]


def test_a_series_without_any_target_is_named(read):
    whole = read("id,t,y\na,1,1\na,2,1\nb,1,\nb,2,\n", known=())
    with pytest.raises(DataError) as caught:
        ended(whole, ("y",))
    assert str(caught.value) == (
        "the series 'b' has no value of 'y'; expected 1 or more, to go on from. Leave the series "
        "out."
    )


def test_known_inputs_are_in_the_rows_behind_the_end(read):
    ahead = ahead_of(read)
    assert ahead.lengths.tolist() == [5, 4]
    assert ahead.times[3:5] == ["2024-01-04", "2024-01-05"]
    assert ahead.times[-2:] == ["2024-01-03", "2024-01-04"]
    assert said(ahead) == [[0.4, "shut"], [None, "open"], [None, None], [None, None]]
    assert ahead.values[3:5, ahead.channels.index("y")].isnan().all()
    assert "day of the week" in ahead.channels and not ahead.values[:, -1].isnan().any()


def test_what_is_missing_is_named_by_series_and_date(read):
    with pytest.raises(DataError) as caught:
        check_known(ahead_of(read), 2, KNOWN)
    assert str(caught.value) == (
        "known inputs of the steps to come have 5 missing values: price of 'a' at 2024-01-05, "
        "price of 'b' at 2024-01-03, shop of 'b' at 2024-01-03, price of 'b' at 2024-01-04, shop "
        "of 'b' at 2024-01-04; expected all of them, because the forecast was trained to use them. "
        "Fill them in; --template FILE writes the rows."
    )
    check_known(ahead_of(read), 2, ())
    whole = read(TABLE.replace("open", "").replace("shut", "1"))
    with pytest.raises(DataError, match="shop of 'a' at .* and 1 more; expected"):
        check_known(with_known(ended(whole, ("y",)), 2, KNOWN, whole), 2, KNOWN)


FUTURE = (
    "t,id,shop,price,note\n"
    "2024-01-04,b,open,9,x\n2024-01-03,b,shut,8,x\n2024-01-02,b,open,7,x\n2024-01-05,b,open,7,x\n"
    "2024-01-05,a,shut,5,x\n2024-01-04,c,open,3,x\n2024-01-01,a,open,1,x\n"
)


def test_a_table_of_known_inputs(read):
    """Rows in any order; other series, and rows before the end and beyond the horizon, are none."""
    ahead = ahead_of(read, TABLE, FUTURE)
    assert said(ahead) == [[0.4, "shut"], [5.0, "shut"], [8.0, "shut"], [9.0, "open"]]
    before = ended(read(TABLE), ("y",))
    assert ahead.values[:3, :3].equal(before.values[:3]) and ahead.values[5:7, 1].tolist() == [1, 2]
    check_known(ahead, 2, KNOWN)


def test_a_later_table_counts_and_what_it_leaves_empty_does_not(read):
    one = "id,t,price,shop\na,2024-01-04,7,\na,2024-01-05,,open\n"
    other = "id,t,price,shop\na,2024-01-04,8,open\na,2024-01-05,6,\n"
    assert said(ahead_of(read, TABLE, one, other))[:2] == [[8.0, "open"], [6.0, "open"]]
    assert said(ahead_of(read, TABLE, other, one))[:2] == [[7.0, "open"], [6.0, "open"]]


def test_a_text_that_the_model_has_not_seen_is_known(read):
    future = FUTURE.replace("b,open", "b,burnt down")
    ahead = ahead_of(read, TABLE, future)
    assert said(ahead)[3] == [9.0, "new"]
    check_known(ahead, 2, KNOWN)
    _, rows = template(ahead, 2, KNOWN, "id", "t")
    assert rows[3] == ["b", "2024-01-04", 9.0, None]


def test_the_rows_to_fill_in(read):
    ahead = ahead_of(read)
    header, rows = template(ahead, 2, KNOWN, "id", "t")
    assert header == ["id", "t", "price", "shop"]
    assert rows == [
        ["a", "2024-01-04", 0.4, "shut"], ["a", "2024-01-05", None, "open"],
        ["b", "2024-01-03", None, None], ["b", "2024-01-04", None, None],
    ]  # fmt: skip
    assert template(ahead, 2, ("price",), None, "t") == (
        ["t", "price"], [row[1:3] for row in rows],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("times", "future"),
    [
        # floats of these moments differ by how they were found
        (["2024-04-15", "2024-05-15"], ["2024-06-15", "2024-07-15"]),
        (["1749-01-31", "1749-02-28"], ["1749-03-31", "1749-04-30"]),
        (["0.1", "0.2"], ["0.3", "0.4"]),
        (["0.1", "0.2"], ["0.30", "4e-1"]),
        (["2024 Q3", "2024 Q4"], ["2025-Q1", "2025-Q2"]),
        (["2024-W51", "2024-W52"], ["2025-W01", "2025-W02"]),
        (["2024-01-01", "2024-02-01"], ["2024-03", "2024-04"]),
        (["2024-12-30", "2024-12-31"], ["2025-01-01T00:00", "2025-01-02T00:00"]),
        # a zone of which one cannot know when the series ends
        (["2024-03-29T00:00+01:00", "2024-03-30T00:00+01:00"],
         ["2024-03-31T00:00+01:00", "2024-04-01T00:00+02:00"]),
        (["2024-03-31T00:00+01:00", "2024-03-31T01:00+01:00"],
         ["2024-03-31T03:00+02:00", "2024-03-31T02:00Z"]),
    ],
)  # fmt: skip
def test_known_inputs_are_found_by_their_step_however_times_are_written(read, times, future):
    rows = "".join(f"a,{time},{k},{k}\n" for k, time in enumerate(times))
    table = "id,t,y,price\n" + rows
    for k in (0, 1):
        one = f"id,t,price\na,{future[k]},7\n"
        ahead = ahead_of(read, table, one, known=("price",))
        assert said(ahead)[k] == [7.0] and said(ahead)[1 - k] == [None]


def test_times_that_cannot_be_compared(read):
    table = "id,t,y,price\na,2024-03-01T00:00+01:00,1,1\na,2024-03-01T01:00+01:00,1,1\n"
    with pytest.raises(DataError) as caught:
        ahead_of(read, table, "id,t,price\na,2024-03-01T02:00,1\n", known=("price",))
    assert str(caught.value) == (
        "the table of known inputs has the time '2024-03-01T02:00' with no time zone; expected "
        "one, because the series have times such as '2024-03-01T00:00+01:00'. Write its times as "
        "theirs are."
    )
    with pytest.raises(DataError, match="has the time '3'; expected one such as '2024-03-01T00:0"):
        ahead_of(read, table, "id,t,price\na,3,1\n", known=("price",))
    bare = table.replace("+01:00", "")
    with pytest.raises(DataError, match="with a time zone; expected none, because the series"):
        ahead_of(read, bare, "id,t,price\na,2024-03-01T02:00Z,1\n", known=("price",))


BY_ROW = "id,t,y,price\na,{},1,1\na,{},2,2\na,{},,3\nb,{},4,4\nb,{},5,5\n"


@pytest.mark.parametrize(
    ("times", "future"),
    [
        (["2024-01-01", "2024-01-09", "2024-02-01"] * 2, ["2024-02-01", "2024-03-09"]),
        (["1", "10", "11"] * 2, ["11", "100"]),
        (["1", "10", "11"] * 2, ["+1", "+2"]),
        (["2024-01-01", "2024-01-09", "2024-02-01"] * 2, ["+1", "+2"]),
    ],
)
def test_row_by_row_the_rows_of_a_table_are_those_to_come_in_their_order(read, times, future):
    table, options = BY_ROW.format(*times), {"known": ("price",), "by_row": True}
    assert said(ahead_of(read, table, **options)) == [[3.0], [None], [None], [None]]
    first, second = future
    rows = f"id,t,price\nb,{second},9\na,{second},7\nb,{first},8\nc,{first},1\n"
    ahead = ahead_of(read, table, rows, **options)
    # `+2` says which step it is, another time that it is the next one in the table
    own = [[3.0], [7.0]] if second == "+2" else [[7.0], [None]]
    assert said(ahead) == [*own, [8.0], [9.0]]


def test_row_by_row_what_was_known_before_is_left_out_of_a_table(read):
    """As a table has it that holds the history and the steps to come."""
    table, options = BY_ROW.format(*["1", "10", "11"] * 2), {"known": ("price",), "by_row": True}
    rows = "id,t,price\na,1,1\na,10,2\na,12,3\na,14,4\na,19,5\nb,1,1\nb,11,6\n"
    assert said(ahead_of(read, table, rows, **options)) == [[3.0], [4.0], [6.0], [None]]


def test_row_by_row_without_times(read):
    options = {"known": ("price",), "columns": ("sequence",)}
    table = "id,y,price\na,1,1\na,2,2\na,,3\nb,4,4\n"
    assert said(ahead_of(read, table, **options)) == [[3.0], [None], [None], [None]]
    future = "id,price\nb,8\na,6\nc,1\nb,9\na,7\nb,10\n"
    ahead = ahead_of(read, table, future, **options)
    assert said(ahead) == [[6.0], [7.0], [8.0], [9.0]]
    assert template(ahead, 2, ("price",), "id", None) == (
        ["id", "price"], [["a", 6.0], ["a", 7.0], ["b", 8.0], ["b", 9.0]],
    )  # fmt: skip
    with pytest.raises(DataError, match=r"price of 'a' at \+2, price of 'b' at \+1, price of 'b' "):
        check_known(ahead_of(read, table, **options), 2, ("price",))


def test_the_rows_to_fill_in_of_steps_that_are_rows_are_read_again(read):
    table, options = BY_ROW.format(*["1", "10", "11"] * 2), {"known": ("price",), "by_row": True}
    header, rows = template(ahead_of(read, table, **options), 2, ("price",), "id", "t")
    assert rows == [["a", "+1", 3.0], ["a", "+2", None], ["b", "+1", None], ["b", "+2", None]]
    filled = [",".join(header)] + [f"{name},{time},{k}" for k, (name, time, _) in enumerate(rows)]
    ahead = ahead_of(read, table, "\n".join(filled), **options)
    assert said(ahead) == [[0.0], [1.0], [2.0], [3.0]]


@pytest.mark.parametrize("by_row", [False, True])
def test_one_series_that_no_column_names_is_that_of_another_file(read, by_row):
    table = "t,y,price\n2024-01-01,1,1\n2024-01-02,2,2\n2024-01-03,3,3\n"
    options = {"known": ("price",), "columns": ("time",), "by_row": by_row}
    whole, rows = read(table, **options), "t,price\n2024-01-05,8\n2024-01-04,7\n"
    assert whole.names == ("data",) and read(rows, like=whole, **options).names == ("known",)
    assert said(ahead_of(read, table, rows, **options)) == [[7.0], [8.0]]


def test_nothing_known_needs_no_table(read):
    whole = read(TABLE)
    ahead = with_known(ended(whole, ("y",)), 2, ())
    assert torch.isnan(ahead.values[3:5, :3]).all() and ahead.lengths.tolist() == [5, 4]
