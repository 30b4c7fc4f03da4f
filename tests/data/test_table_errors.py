"""Every table that cannot be used gives one line: what was given, where, and how to mend it."""

import polars as pl
import pytest
from data.refused import refusal

from throughtime.data import read_table
from throughtime.errors import DataError

HEAD = "id,t,a,b,kind\n"
GOOD = "x,0,1,2,yes\nx,1,3,4,yes\ny,0,5,6,no\n"


@pytest.fixture
def parquet(tmp_path):
    """Writes columns as data.parquet, beside good ones, and gives its path."""

    def write(**columns):
        good = {"id": [1, 1, 2], "t": [0, 1, 0], "a": [1.0, 2.0, 3.0], "kind": [0, 0, 1]}
        path = tmp_path / "data.parquet"
        pl.DataFrame(good | columns).write_parquet(path)
        return path

    return write


def test_the_good_table_is_good(csv, parquet):
    for path in (csv(HEAD + GOOD), parquet()):
        assert len(read_table(path, sequence="id", time="t", label="kind")) == 2


def test_no_file(tmp_path):
    assert refusal(tmp_path / "none.csv").startswith("path has no file; expected a table. Check")


def test_a_folder(tmp_path):
    assert refusal(tmp_path).startswith("path has no file; expected tables, of '.csv',")


@pytest.mark.parametrize("name", ["data.xlsx", "data", "data.gz", "data.1.xlsx.gz", "a.parquet.gz"])
def test_another_suffix(tmp_path, name):
    (tmp_path / name).write_text(HEAD + GOOD)
    line = refusal(tmp_path / name)
    assert (
        "expected one of '.csv', '.tsv', '.txt', '.jsonl', '.ndjson', '.ts', '.parquet', '.npz', or"
        in line
    )
    suffix = {"data": "", "data.gz": ".gz", "data.1.xlsx.gz": ".xlsx.gz"}
    assert f"the suffix {suffix.get(name, name.removeprefix('data').removeprefix('a'))!r}" in line


def test_a_name_that_no_file_can_have(tmp_path):
    assert "path has an obstacle" in refusal(tmp_path / ("x" * 5000 + ".csv"))


def test_a_file_name_with_control_characters_is_escaped():
    with pytest.raises(DataError, match=r"^'evil\\n\\x1b\.csv': path has no file"):
        read_table("evil\n\x1b.csv", sequence="id")


@pytest.mark.parametrize("text", ["", "\n\n", " \n"])
def test_an_empty_file(csv, text):
    line = refusal(csv(text))
    assert "file has no text" in line or "no name for column 1" in line


@pytest.mark.parametrize("text", [HEAD, HEAD.rstrip("\n"), HEAD + "\n\n"])
def test_only_a_header(csv, text):
    assert refusal(csv(text)).startswith("file has a header and no rows; expected at least 1.")


@pytest.mark.parametrize("channels", [None, ("a",), ("b", "a")])
@pytest.mark.parametrize(
    "rows, says",
    [
        (GOOD + "y,1,5", "row 5 has 3 fields; expected 5"),
        (GOOD + "y,1,5,6", "row 5 has 4 fields; expected 5"),
        (GOOD + "y", "row 5 has 1 field; expected 5"),
        ("\n\nx,0,1\n" + GOOD, "row 4 has 3 fields; expected 5"),
        ('"x\n\n",0,1,2,yes\n"y",1\n', "row 5 has 2 fields; expected 5"),
    ],
)
def test_a_row_that_is_too_short(csv, rows, says, channels):
    line = refusal(csv(HEAD + rows), channels=channels)
    assert line.startswith(says) and line.endswith("or the file if it was cut off there.")


@pytest.mark.parametrize("channels", [None, ("a",), ("b", "a")])
@pytest.mark.parametrize(
    "rows, says",
    [
        ("x,0,1,2,yes,9\n" + GOOD, "row 2 has 6 fields; expected 5"),
        ("x,0,1,2,yes,\n" + GOOD, "row 2 has 6 fields; expected 5"),
        (GOOD + "y,1,1.5,000,2,no\n", "row 5 has 6 fields; expected 5"),
        (GOOD + "y,1,1,2,no,", "row 5 has 6 fields; expected 5"),
        (GOOD + 'y,1,"1,5",2,no,,,\n', "row 5 has 8 fields; expected 5"),
        (GOOD.replace("\n", ",0\n"), "row 2 has 6 fields; expected 5"),
        (GOOD * 3000 + "y,1,1,2,no,9\n", "row 9002 has 6 fields; expected 5"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_row_that_is_too_long(csv, rows, says, channels, end):
    line = refusal(csv((HEAD + rows).replace("\n", end)), channels=channels)
    assert line.startswith(says) and "Complete" not in line
    assert line.endswith("Remove what is too much, or put a text with commas in quotation marks.")


@pytest.mark.parametrize(
    "text",
    [
        HEAD.replace("\n", "\r") + GOOD,
        HEAD + GOOD.replace("\n", "\r"),
        HEAD + GOOD + "y,1,1,2,no\ry,2,1,2,no\n",
    ],
)
def test_line_ends_of_two_kinds(csv, text):
    line = refusal(csv(text))
    assert line.startswith("file has lines that end in a carriage return and others that do not;")


def test_a_quotation_that_never_ends(csv):
    line = refusal(csv(HEAD + GOOD + '"y,1,1,1,no\n'))
    assert line.startswith("row 5 or later has broken quotation") and "Close it" in line


@pytest.mark.parametrize(
    "data, says",
    [
        (HEAD.encode() + b"x,0,1,2,\xe9t\xe9\n", "row 2 has the byte 0xe9; expected UTF-8"),
        (b"\n" + (HEAD + GOOD).encode("utf-16"), "row 2 has the byte 0xff; expected UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0", "row 1 has the byte 0x89; expected UTF-8"),
        (HEAD.encode() + GOOD.encode() * 2000 + b"\xff", "row 6002 has the byte 0xff"),
    ],
)
def test_not_utf8(csv, data, says):
    line = refusal(csv(data))
    assert line.startswith(says) and line.endswith("Save the file as CSV in UTF-8.")


def test_zero_bytes(csv):
    assert "header has zero bytes; expected text" in refusal(csv(b"\0\0\0\0ab\n\0"))


@pytest.mark.parametrize("size", [0, 3, 9, 300, -1])
def test_parquet_cut_off(parquet, size):
    path = parquet()
    path.write_bytes(path.read_bytes()[:size])
    line = refusal(path)
    assert {0: "is empty", 3: "begin with PAR1"}.get(size, "is cut off; expected Parquet") in line


def test_parquet_with_a_broken_footer(parquet):
    path = parquet()
    data = bytearray(path.read_bytes())
    footer = int.from_bytes(data[-8:-4], "little")
    data[-8 - footer : -8] = bytes(footer)
    path.write_bytes(data)
    assert "file has contents that are not Parquet" in refusal(path)


def test_a_csv_named_parquet(csv, tmp_path):
    path = csv(HEAD + GOOD).rename(tmp_path / "data.parquet")
    assert "begin with PAR1. Give a Parquet file, or name it .csv" in refusal(path)


@pytest.mark.parametrize("role", ["sequence", "time", "label"])
@pytest.mark.parametrize(
    "given, near",
    [("Kind", "Did you mean 'kind'?"), (" kind ", "Did you mean 'kind'?"), ("?", "Name one")],
)
def test_a_column_that_is_not_there(csv, role, given, near):
    others = {"sequence": None, "time": None, "label": None} | {"sequence": "id"}
    line = refusal(csv(HEAD + GOOD), **(others | {role: given}))
    assert line.startswith(f"{role} has {given!r}; expected one of the columns 'id', 't', 'a',")
    assert near in line


def test_a_channel_that_is_not_there(csv):
    line = refusal(csv("id,t,A1,kind\nx,0,1,yes\n"), channels=("a1",))
    assert line.startswith("channels has 'a1'; ") and line.endswith("Did you mean 'A1'?")


def test_a_channel_that_is_named_twice(csv):
    line = refusal(csv(HEAD + GOOD), channels=("a", "b", "a"))
    assert line.startswith("channels has 'a' 2 times; expected every column once. Name it once.")


def test_many_columns_are_not_all_listed(csv):
    header = ",".join(f"c{i}" for i in range(500))
    line = refusal(csv(header + "\n"))
    assert "'c11', and 488 more" in line and "'c12'" not in line


def test_a_column_twice(csv):
    line = refusal(csv("id,t,a,a,kind\nx,0,1,2,yes\n"))
    assert line.startswith("header has the column 'a' twice; ") and "Rename or remove" in line


def test_a_column_without_a_name(csv):
    line = refusal(csv(",id,t,a,kind\n0,x,0,1,yes\n"))
    assert line.startswith("header has no name for column 1; ") and "leave it out" in line


def test_one_column_for_two_roles(csv):
    line = refusal(csv(HEAD + GOOD), time="id")
    assert "sequence and time have the same column 'id'; expected two" in line


def test_no_channels_left(csv):
    line = refusal(csv("id,t,kind\nx,0,yes\ny,0,no\n"))
    assert line.startswith("channels has no column; expected at least 1 beside sequence, time,")


@pytest.mark.parametrize(
    "text, says",
    [
        ("oops", "has the text 'oops'; expected a number."),
        ("1_000", "has the text '1_000'; expected a number."),
        ("NA", "has the text 'NA'; expected a number."),
        ("nan", "has NaN; expected a finite number."),
        ("inf", "has infinity; expected a finite number."),
        ("-Infinity", "has infinity; expected a finite number."),
        ("", "has no value; expected a number."),
        ("1e39", "has '1e39'; expected at most 3.403e+38 in size"),
        ("-1e400", "has '-1e400'; expected at most 3.403e+38 in size"),
        ('"a\n\x1b\'<script>"', r"""has the text "a\n\x1b'<script>"; expected a number."""),
        ("9" * 400 + "x", f"has the text '{'9' * 30}…{'9' * 29}x'; expected a number."),
    ],
)
def test_a_cell_that_is_no_number(csv, text, says):
    rows = "x,0,1,2,yes\nx,1,3,CELL,yes\n\ny,0,5,CELL,no\n".replace("CELL", text)
    line = refusal(csv(HEAD + rows), strict=True)
    assert line.startswith("column 'b', row 3 " + says)
    assert any(mend in line for mend in ("Correct", "Replace", "Fill", "Rescale"))


def test_a_column_of_text_may_be_left_out(csv):
    path = csv("id,t,a,note,kind\nx,0,1,hello,yes\ny,0,1,bye,no\n")
    line = refusal(path, strict=True)
    assert line.startswith("column 'note', row 2 has the text 'hello'")
    assert "naming those to learn from (on the command line --channels a, in Python" in line


def test_the_row_is_the_line_of_the_file(csv):
    rows = '"x\nx",0,1,2,yes\n\ny,0,5,6,"n\no"\ny,1,5,oops,"n\no"\n'
    assert "row 7 has the text 'oops'" in refusal(csv(HEAD + rows))


@pytest.mark.parametrize(
    "values, says",
    [
        ([1.0, None, 3.0], "column 'b', row 2 has no value"),
        ([1.0, 2.0, float("nan")], "column 'b', row 3 has NaN"),
        ([1.0, float("-inf"), 3.0], "column 'b', row 2 has infinity"),
        ([1.0, 2.0, 1e300], "column 'b', row 3 has '1e+300'; expected at most 3.403e+38"),
        (["1", "x", "3"], "column 'b', row 2 has the text 'x'"),
        ([True, False, None], "column 'b', row 3 has no value; expected a number."),
        ([[1], [2], [3]], "column 'b' has type List(Int64); expected numbers"),
    ],
)
def test_parquet_rows_are_counted_from_1(parquet, values, says):
    assert refusal(parquet(b=values), strict=True).startswith(says)


@pytest.mark.parametrize(
    "times, says",
    [
        (["0", "", "1"], "column 't', row 3 has no value; expected a number or a date"),
        (["0", "soon", "1"], "column 't', row 3 has the text 'soon'"),
        (["0", "nan", "1"], "column 't', row 3 has the text 'nan'"),
        (["2024-01-01", "2024-01-02", "03/01/2024"], "column 't', row 4 has the text '03/01/2024'"),
        (
            ["2024-02-31", "2024-01-02", "2024-01-03"],
            "column 't', row 2 has '2024-02-31', which no ",
        ),
        (
            ["2024-02-28", "2023-02-29 01:00", "2024-03-01"],
            "column 't', row 3 has '2023-02-29 01:00', which",
        ),
        (["2024-13-01"], "column 't', row 2 has '2024-13-01', which no calendar has; expected"),
        (
            ["2024-01-01T00:00Z", "2024-01-01T24:00Z"],
            "column 't', row 3 has '2024-01-01T24:00Z', which",
        ),
        (["2024-01-01", "2024-01-01 12:60"], "column 't', row 3 has the text '2024-01-01 12:60'"),
        (["2024-01-01", "2024-01-01 00:00+24:00"], "column 't', row 3 has the text '2024-01-01 00"),
        (
            ["2024-01-01 00:00Z", "2024-01-01 00:01"],
            "column 't', row 3 has the time '2024-01-01 00:01' without a time zone; expected one "
            "because row 2 has the time '2024-01-01 00:00Z'. Write all times with a zone, or all",
        ),
    ],
)
def test_a_time_that_is_none(csv, times, says):
    rows = "".join(f"x,{time},1,2,yes\n" for time in times)
    assert refusal(csv(HEAD + rows)).startswith(says)


def test_parquet_times_that_are_none(parquet):
    assert refusal(parquet(t=[0, None, 0])).startswith("column 't', row 2 has no value")
    assert "column 't' has type List(Int64)" in refusal(parquet(t=[[0], [1], [2]]))


@pytest.mark.parametrize(
    "one, other",
    [
        ("1", "1"),
        ("1", "1.0"),
        ("1", "01"),
        ("1", "1e0"),
        ("2024-01-01", "2024-01-01 00:00"),
        ("2024-01-01T00:00", "2024-01-01 00:00:00.000"),
        ("2024-01-01T00:00Z", "2024-01-01T01:00+01:00"),
        ("2024-01-01T00:00:00.5Z", "2023-12-31 18:30:00.50-0530"),
        ("2024-02-29T23:59:59,123456789Z", "2024-03-01 00:59:59.123456789000+01"),
    ],
)
def test_a_moment_twice_in_a_sequence_however_it_is_written(csv, one, other):
    quoted = [f'"{time}"' for time in (one, other)]  # a comma may be in it
    rows = "".join(
        f"{id},{time},1,2,no\n" for id, time in zip("xyx", [*quoted, quoted[1]], strict=True)
    )
    line = refusal(csv(HEAD + rows))
    assert line.startswith(
        f"column 't', row 4 has the time '{other}' a second time in sequence 'x'"
    )
    assert f"expected every time once in a sequence, and row 2 has it as '{one}'." in line


@pytest.mark.parametrize(
    "ids, says",
    [
        ([1.0, 1.0, float("nan")], "column 'id', row 3 has the number nan; expected a sequence in"),
        ([1.0, float("inf"), 2.0], "column 'id', row 2 has the number inf; expected a sequence in"),
        ([1.0, None, 2.0], "column 'id', row 2 has no value; expected a sequence in every row."),
        (["a", "b", " "], "column 'id', row 3 has no value; expected a sequence in every row."),
    ],
)
def test_parquet_ids_that_are_none(parquet, ids, says):
    assert refusal(parquet(id=ids)).startswith(says)


@pytest.mark.parametrize("cell", ["", '""', "  "])
def test_a_sequence_without_a_name(csv, cell):
    line = refusal(csv(HEAD + GOOD + f"{cell},0,1,2,yes\n"))
    assert line.startswith("column 'id', row 5 has no value; expected a sequence in every row.")


@pytest.mark.parametrize("cell", ["", '""', "  "])
def test_a_label_that_is_missing(csv, cell):
    line = refusal(csv(HEAD + GOOD + f"y,1,1,2,{cell}\n"))
    assert line.startswith("column 'kind', row 5 has no value; expected a label in every row.")


def test_a_label_that_changes_in_a_sequence(csv):
    line = refusal(csv(HEAD + GOOD + "x,-1,1,2,yes\ny,1,1,2,yes\nx,2,1,2,no\n"))
    assert line.startswith(
        "column 'kind', row 6 has the label 'yes' in sequence 'y'; expected 'no'"
    )


def test_labels_that_are_fractions(csv, parquet):
    rows = "x,0,1,2,0.5\ny,0,1,2,1\n"
    line = refusal(csv(HEAD + rows))
    assert line.startswith("column 'kind' has the number '0.5'; expected text or whole numbers")
    line = refusal(parquet(kind=[0.0, 0.0, 1.0]))
    assert line.startswith("column 'kind' has type Float64; expected text or whole numbers")


def test_labels_that_are_lists(parquet):
    line = refusal(parquet(kind=[[0], [0], [1]]))
    assert line.startswith("column 'kind' has type List(Int64); expected text or numbers")


def test_one_class(csv):
    line = refusal(csv(HEAD + GOOD.replace("yes", "no")))
    assert line.startswith("column 'kind' has one class, 'no'; expected at least 2")


def test_one_sequence(csv):
    line = refusal(csv(HEAD + GOOD[: GOOD.index("y,0")]))
    assert line.startswith("column 'id' has one sequence, 'x'; expected at least 2")


def test_a_class_that_was_not_in_training(csv):
    line = refusal(csv(HEAD + GOOD), classes=("yes", "nope"))
    assert line.startswith("column 'kind', row 4 has the unknown class 'no'; expected one of 'yes'")
    assert line.endswith("Did you mean 'nope'?")


def test_an_unknown_class_is_named_at_the_first_row_of_its_sequence_in_time(csv):
    rows = "x,1,1,2,yes\ny,9,3,4,no\nx,0,5,6,yes\ny,7,7,8,no\ny,8,9,0,no\n"
    line = refusal(csv(HEAD + rows), classes=("yes", "other"))
    assert line.startswith("column 'kind', row 5 has the unknown class 'no'; expected one of")


def test_hostile_names_stay_on_one_line(csv):
    evil = '"<script>\n\x1b[31m\'\u202e"'
    line = refusal(csv(f"{evil},t,a,kind\nx,0,1,yes\n"))
    assert r'''"<script>\n\x1b[31m'\u202e"''' in line
    line = refusal(csv(f"id,t,a,{evil}\n{evil},0,1,yes\n"), label="<script>\n\x1b[31m'\u202e")
    assert line.startswith(r"""column 'id' has one sequence, "<script>\n\x1b[31m'\u202e"; """)


def test_a_text_longer_than_the_csv_module_reads(csv):
    rows = f'"{"x" * 200_000}",0,1,2,yes\ny,0,5,oops,no\n'
    assert refusal(csv(HEAD + rows)).startswith("column 'b', row 3 has the text 'oops'")


def test_blank_lines_are_counted_and_blank_rows_too(csv):
    line = refusal(csv(HEAD + "\n,,,,\n" + GOOD + ",,,,\ny,1,oops,6,no\n\n"))
    assert line.startswith("column 'a', row 8 has the text 'oops'")
