"""What separates the columns and the decimals of a text is told by itself, and never guessed."""

import gzip

import pytest
import torch
from data.refused import refusal

from throughtime.data import read_table
from throughtime.data.table import column_names

HEAD = "id,t,a,b,kind\n"
GOOD = "x,0,1.5,-2,yes\nx,1,2.5,-3e-1,yes\ny,0,3.5,.25,no\n"
ROLES = {"sequence": "id", "time": "t", "label": "kind"}


def same(one, two):
    assert torch.equal(one.values, two.values) and torch.equal(one.labels, two.labels)
    assert torch.equal(one.offsets, two.offsets)
    assert (one.names, one.classes, one.channels) == (two.names, two.classes, two.channels)


@pytest.mark.parametrize(
    "mark, decimal", [*zip(",;\t|", "....", strict=True), *zip(";\t|", ",,,", strict=True)]
)
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_separator_is_read_as_commas_are(write, mark, decimal, bom, end):
    text = (bom + HEAD + "\n" + GOOD).replace(",", mark).replace(".", decimal).replace("\n", end)
    same(read_table(write(text), **ROLES), read_table(write(HEAD + GOOD, "a.csv"), **ROLES))


@pytest.mark.parametrize("name", ["d.csv.gz", "d.TSV.gZ", "D.Txt", "d.tsv", "d.txt.gz"])
@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_every_suffix_takes_every_separator(write, name, mark):
    path = write((HEAD + GOOD).replace(",", mark), name)
    same(read_table(path, **ROLES), read_table(write(HEAD + GOOD, "a.csv"), **ROLES))


@pytest.mark.parametrize(
    "header, rows, names",
    [
        ("id,P(a|b),k", "x,1,y", ["id", "P(a|b)", "k"]),
        ("id;p, bar;k", "x;1;y", ["id", "p, bar", "k"]),
        ("id;p, bar, dry;k;l", "x;1,5;y;z\nx;2;y;z", ["id", "p, bar, dry", "k", "l"]),
        ('id;"p, bar";k', "x;1,5;y", ["id", "p, bar", "k"]),
        ('id,"a;b\n;c",k', "x,1,y", ["id", "a;b\n;c", "k"]),
        ('"id","say ""a;b""",k', "x,1,y", ["id", 'say "a;b"', "k"]),
        ("\n;;\nid;a", "x;1,5", ["id", "a"]),
        ("one", "1", ["one"]),
    ],
)
def test_the_separator_is_the_one_that_fits_header_and_rows(write, header, rows, names):
    assert column_names(write(f"{header}\n{rows}\n")) == names


@pytest.mark.parametrize(
    "text, marks",
    [
        ("id;t,a;k\nx;0,1;y\n", "',' and ';'"),
        ("id;t,a;k\n", "',' and ';'"),
        ("id|t\ta|k\nx|0\t1|y\n", r"'\t' and '|'"),
        ("id,t,a;b;kind\nx,0;1;2;yes\n", "',' and ';'"),
    ],
)
def test_two_separators_that_fit_are_both_named(write, text, marks):
    line = refusal(write(text))
    assert line == (
        f"header has {marks}, and the first rows do not tell which of them separates the columns; "
        "expected one of the two in the header. Rename the columns that have the other in their "
        "names, or put these names in quotation marks."
    )


@pytest.mark.parametrize("row", ["x;0;1;2;yes", "x|0|1,5|2|yes"])
def test_rows_with_another_separator_than_the_header(write, row):
    line = refusal(write(HEAD + GOOD + row + "\n"))
    assert line == (
        f"row 5 has {row[1]!r} between its fields; expected ',' as in the header. Use one of the "
        "two in the whole file."
    )


@pytest.mark.parametrize("name", ["data.csv", "data.csv.gz"])
@pytest.mark.parametrize(
    "row, says",
    [
        ("x;2;1", "row 6 has 3 fields; expected 5, with semicolons between them, because the hea"),
        ("x;2;1;1;no;", "row 6 has 6 fields; expected 5, with semicolons between them, because"),
        ("x;2;1,5;oops;no", "column 'b', row 6 has the text 'oops'; expected a number."),
        ("x;2;1,5;1,2,3;no", "column 'b', row 6 has the text '1,2,3'; expected a number."),
        ("x;2;1,5;;no", "column 'b', row 6 has no value; expected a number."),
        ("y;0,0;1,5;1;no", "column 't', row 6 has the time '0.0' a second time in sequence 'y'"),
    ],
)
def test_rows_are_counted_in_a_file_of_semicolons(write, name, row, says):
    head = (HEAD + "\n" + GOOD.replace(".", ";")).replace(",", ";").replace(";5", ",5")
    line = refusal(write(head.replace(";;25", ";0,25") + row, name), strict=True)
    assert line.startswith(says)
    if "6 fields" in line:
        assert line.endswith("or put a text with semicolons in quotation marks.")


def test_a_comma_and_a_point_in_one_file(write):
    line = refusal(write("id;t;a;b;kind\nx;0;1;2.5;yes\ny;0;1,5;2;no\n"))
    assert line == (
        "column 'a', row 3 has '1,5' with a decimal comma; expected a decimal point because column "
        "'b', row 2 has '2.5'. Write all numbers of the file with one of the two, and none "
        "between thousands."
    )


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_a_comma_that_may_stand_for_thousands(write, mark):
    text = "id,t,a,kind\nx,0,987,yes\ny,0,1.234,no\n".replace(",", mark).replace(".", ",")
    line = refusal(write(text))
    assert line == (
        "column 'a', row 3 has '1,234', which may be 1.234 or 1234; expected a number that can be "
        "read in one way, because no other number of the file tells what its commas are. Write it "
        "without the comma, or with a decimal point."
    )
    clear = read_table(write(text + f"y{mark}1{mark}0,5{mark}no\n"), **ROLES)
    assert clear.values.flatten().tolist() == pytest.approx([987, 1.234, 0.5])


def test_only_numbers_lose_their_commas(write):
    text = "id;t;a;kind\n1,5;2024-01-01 00:00:01,5;1,5;a,5\n2,5;2024-01-01;2,5;b,5\n"
    data = read_table(write(text), **ROLES)
    assert data.names == ("1,5", "2,5") and data.classes == ("a,5", "b,5")
    assert data.values.flatten().tolist() == [1.5, 2.5]


def test_in_a_file_of_commas_a_comma_is_no_decimal(write):
    line = refusal(write('id,t,a,kind\nx,0,"1,5",yes\ny,0,2,no\n'))
    assert line.startswith("column 'a', row 2 has the text '1,5'; expected a number.")


def test_a_line_in_quotation_marks(write):
    line = refusal(write('"id;t;a"\n"x;0;1"\n'))
    assert line.startswith("header has one column, 'id;t;a'; expected several. Remove the quota")


@pytest.mark.parametrize("name", ["data.csv.gz", "data.tsv.gz"])
@pytest.mark.parametrize(
    "damage, says",
    [
        (lambda data: b"", "file is empty; expected a table in gzip. Give a file with data."),
        (lambda data: data[:5], "file is cut off; expected gzip to its end. Copy or write it"),
        (lambda data: data[:-9], "file is cut off; expected gzip to its end. Copy or write it"),
        (lambda data: data[:-1], "file is cut off; expected gzip to its end. Copy or write it"),
        (lambda data: b"id,t\n", "file has contents that are not gzip ("),
        (lambda data: data + b"more", "file has contents that are not gzip ("),
        (lambda data: data[:12] + b"\xff" * 9 + data[21:], "file has contents that are not gzip ("),
        (lambda data: gzip.compress(b""), "file has no text; expected a header and rows."),
        (lambda data: gzip.compress(b"\x89PNG\r\n"), "row 1 has the byte 0x89; expected UTF-8"),
        (lambda data: gzip.compress(b"a\0,b\n"), "header has zero bytes; expected text."),
    ],
)
def test_gzip_that_is_none_or_cut_off(write, name, damage, says):
    path = write(HEAD + GOOD * 50, name)
    path.write_bytes(damage(path.read_bytes()))
    assert refusal(path).startswith(says)
