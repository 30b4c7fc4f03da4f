"""Several files as one table: a folder, a pattern."""

import polars as pl
import pytest
from data.refused import refusal

from throughtime.data import read_table

ROLES = {"sequence": "id", "time": "t", "label": "kind"}
FIRST = "id,t,a,kind\nx,0,1,yes\ny,1,2,no\n"
LATER = "id,t,a,kind\nx,1,3,yes\ny,0,4,no\n"
TYPES = {"id": pl.String, "t": pl.Int64, "a": pl.Float64, "kind": pl.String}


@pytest.fixture
def folder(tmp_path):
    """Writes files, by their names, into a folder and gives its path."""

    def write(**files):
        path = tmp_path / "data"
        path.mkdir(exist_ok=True)
        for name, given in files.items():
            name = name.replace("_", ".")
            if name.endswith(".parquet") and isinstance(given, str):
                given = pl.read_csv(given.encode(), schema_overrides=TYPES)
            if isinstance(given, pl.DataFrame):
                given.write_parquet(path / name)
            else:
                (path / name).write_text(given)
        return path

    return write


def json(text):
    return pl.read_csv(text.encode(), schema_overrides=TYPES).write_ndjson()


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
@pytest.mark.parametrize("pattern", ["", "/*", "/?.*", "/**/[ab].*"])
def test_sequences_go_on_in_a_later_file(folder, kind, pattern):
    form = json if kind == "jsonl" else str
    path = folder(**{f"b_{kind}": form(LATER), f"a_{kind}": form(FIRST)})
    data = read_table(f"{path}{pattern}", **ROLES)
    assert data.names == ("x", "y") and data.classes == ("no", "yes")
    assert data.values.flatten().tolist() == [1, 3, 4, 2]
    assert data.rows.tolist() == [0, 2, 3, 1]


def test_without_times_the_files_follow_each_other_by_name(folder):
    path = folder(a_csv="id,a\nx,1\n", B_csv="id,a\nx,2\n", a2_csv="id,a\nx,3\n")
    assert read_table(path, sequence="id").values.flatten().tolist() == [2, 1, 3]


def test_columns_may_come_in_another_order(folder):
    path = folder(a_csv="id,a,b\nx,1,2\n", b_csv="b,id,a\n4,x,3\n")
    assert read_table(path, sequence="id").values.tolist() == [[1, 2], [3, 4]]


def test_hidden_files_and_those_of_no_format_are_left_out(folder):
    path = folder(a_csv=FIRST, LICENSE="none", notes_md="#", _SUCCESS="")
    (path / ".b.parquet").write_text("hidden")
    (path / "below.csv").mkdir()
    (path / "below.csv" / "c.jsonl").write_text("not read")
    assert len(read_table(path, **ROLES)) == 2
    both = read_table(folder(b_csv=LATER), **ROLES)
    assert len(both.values) == 4


def test_folders_below_are_read_with_a_pattern(folder):
    path = folder()
    for name, text in {"2023": FIRST, "2024": LATER}.items():
        (path / name).mkdir()
        (path / name / "part.csv").write_text(text)
    line = refusal(path)
    assert line.startswith("path has no file; expected tables, of '.csv',")
    assert "name those in the folders below it with a pattern such as '" in line
    assert len(read_table(path / "**" / "*.csv", **ROLES).values) == 4
    (path / "2024" / "part.csv").write_text(LATER.replace("3", "none"))
    line = refusal(path / "*" / "*.csv", strict=True)
    assert line.startswith("column 'a', row 2 of '2024/part.csv' has the text 'none'")


def test_a_file_may_have_brackets_in_its_name(tmp_path):
    (tmp_path / "[ab].csv").write_text(FIRST)
    (tmp_path / "a.csv").write_text(LATER)
    assert read_table(tmp_path / "[ab].csv", **ROLES).values.flatten().tolist() == [1, 2]
    (tmp_path / "[x]").mkdir()
    (tmp_path / "[x]" / "b.csv").write_text(FIRST)
    assert len(read_table(tmp_path / "[x]", **ROLES)) == 2


def test_types_are_brought_together(folder):
    whole = pl.DataFrame({"id": ["x"], "a": [1], "b": [None], "when": [None]})
    part = pl.DataFrame({"id": ["x"], "a": [1.5], "b": [2.0], "when": ["2024-01-01"]})
    path = folder(a_parquet=whole, b_parquet=part, c_parquet=whole.clear().cast(pl.String))
    data = read_table(path, sequence="id", channels=["a"])
    assert data.values.flatten().tolist() == [1, 1.5]


def test_categories_of_parquet_are_texts(folder):
    kinds = {"id": pl.Enum(["x", "y", "z"]), "kind": pl.Categorical}
    one = pl.DataFrame(
        {"id": ["x", "y"], "a": [1, 2], "kind": ["no", "yes"]}, schema_overrides=kinds
    )
    two = one.with_columns(pl.col("id").cast(pl.Enum(["y", "x"])))
    data = read_table(folder(a_parquet=one, b_parquet=two), sequence="id", label="kind")
    assert data.names == ("x", "y") and data.classes == ("no", "yes")


def test_decimal_commas(folder):
    path = folder(a_csv="id;a\nx;1,5\n", b_csv="id\ta\nx\t2,5\n")
    assert read_table(path, sequence="id").values.flatten().tolist() == [1.5, 2.5]


@pytest.mark.parametrize(
    "later, says",
    [
        ("id,t,a\n", "file 'b.csv' has no column 'kind'; expected the columns of 'a.csv', because"),
        (
            "id,t,a,kind,c\n",
            "file 'b.csv' has the column 'c' more; expected the columns of 'a.csv'",
        ),
        (
            "id,t,A,kind\n",
            "file 'b.csv' has no column 'a' and the column 'A' more; expected the co",
        ),
        ("id,t,a,kind\nx,2,?,yes\n", "column 'a', row 2 of 'b.csv' has the text '?'; expected a n"),
        ("id,t,a,kind\n\nx,0,3,yes\n", "column 't', row 3 of 'b.csv' has the time '0' a second"),
        ("id,t,a,kind\nx,2,1,no\n", "column 'kind', row 2 of 'b.csv' has the label 'no' in seque"),
        ("id,t,a,kind\nx,2,1\n", "file 'b.csv': row 2 has 3 fields; expected 4 because the header"),
        ("", "file 'b.csv': file has no text; expected a header and rows. Give a file with data."),
        ("id;t;a;kind\n", "file 'a.csv' has commas between its columns and 'b.csv' has not; expec"),
    ],
)
def test_what_is_wrong_in_one_file_is_said_of_it(folder, later, says):
    assert refusal(folder(a_csv=FIRST, b_csv=later), strict=True).startswith(says)


def test_the_row_that_an_error_names_is_that_of_the_first_file_too(folder):
    path = folder(a_csv=FIRST.replace("no", ""), b_csv=LATER)
    assert refusal(path).startswith("column 'kind', row 3 of 'a.csv' has no value")


def test_one_type_in_all_files(folder):
    path = folder(a_parquet=FIRST, b_parquet=pl.DataFrame(
        {"id": ["x"], "t": ["soon"], "a": [1.0], "kind": ["no"]}))  # fmt: skip
    assert refusal(path) == (
        "column 't' has type String in 'b.parquet' and Int64 in 'a.parquet'; expected one type "
        "because all files are read as one table. Convert the column in one of them."
    )


def test_files_of_two_formats(folder):
    line = refusal(folder(a_csv=FIRST, b_parquet=LATER))
    assert line.startswith("path has 'a.csv' and 'b.parquet'; expected tables of one format")
    assert line.endswith("*.csv'.")


def test_no_rows_in_any_file(folder):
    path = folder(a_csv="id,t,a,kind\n", b_csv="id,t,a,kind\n")
    assert refusal(path).startswith("file has a header and no rows; expected at least 1.")
    assert len(read_table(folder(c_csv=FIRST), **ROLES)) == 2


def test_a_pattern_that_fits_nothing(tmp_path):
    line = refusal(tmp_path / "*.csv")
    assert line.startswith("path has no file; expected tables") and line.endswith("the pattern.")
    (tmp_path / "a.xlsx").write_text("x")
    line = refusal(tmp_path / "*")
    assert line.startswith("path has no table, only files of the suffixes '.xlsx'; expected")
