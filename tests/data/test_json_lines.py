"""JSON lines read as a table: as CSV is, and every error names its line."""

import json

import polars as pl
import pytest
import torch
from data.refused import refusal

from throughtime.data import read_table
from throughtime.data.table import column_names

GOOD = """\
{"id": "x", "t": 0, "a": 1, "b": -2, "kind": "yes"}

{"b": 3e-1, "id": "x", "t": 1, "a": 2.5, "kind": "yes"}
{"id": "y", "t": 0, "a": 3, "b": 4, "kind": "no"}
"""
SAME = "id,t,a,b,kind\nx,0,1,-2,yes\nx,1,2.5,3e-1,yes\ny,0,3,4,no\n"
ROLES = {"sequence": "id", "time": "t", "label": "kind"}


@pytest.fixture
def write(write):
    return lambda text, name="data.jsonl": write(text, name)


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.JSONL", "a.jsonl.gz", "a.ndjson.gz"])
@pytest.mark.parametrize("start, end", [("", "\n"), ("\ufeff", "\r\n")])
def test_json_lines_are_read_as_csv_is(write, name, start, end):
    one = read_table(write(start + GOOD.replace("\n", end), name), **ROLES)
    two = read_table(write(SAME, "same.csv"), **ROLES)
    assert torch.equal(one.values, two.values) and torch.equal(one.labels, two.labels)
    assert (one.names, one.classes, one.channels) == (two.names, two.classes, two.channels)


def test_what_polars_writes_is_read(write):
    frame = pl.DataFrame(
        {"id": [1, 2], "t": [0.5, 1], "a": [2**40, 2], "kind": ["é\n", "\U0001f600"]}
    )
    data = read_table(write(frame.write_ndjson()), **ROLES)
    assert data.classes == ("é", "\U0001f600") and data.values.flatten().tolist() == [2**40, 2]


def test_the_columns_are_the_keys_of_all_lines(write):
    assert column_names(write('{"b": 1}\n{"a": 1, "b": 2}\n{"c": null}\n')) == ["b", "a", "c"]


def test_numbers_in_quotation_marks_and_large_ones_are_numbers(write):
    rows = [{"id": 2**70 + i, "t": 0, "a": ["1.5", 2**70][i], "kind": i} for i in range(2)]
    data = read_table(write("\n".join(map(json.dumps, rows))), **ROLES)
    assert data.names == (str(2**70), str(2**70 + 1))
    assert data.values.flatten().tolist() == [1.5, 2.0**70]


CELL = '{"id": "x", "t": 1, "a": 1, "b": CELL, "kind": "yes"}\n'


@pytest.mark.parametrize("name", ["data.jsonl", "data.ndjson.gz"])
@pytest.mark.parametrize(
    "row, says",
    [
        (CELL.replace("CELL", '"oops"'), "column 'b', row 5 has the text 'oops'; expected a num"),
        (CELL.replace("CELL", "null"), "column 'b', row 5 has no value; expected a number."),
        (CELL.replace(', "b": CELL', ""), "column 'b', row 5 has no value; expected a number."),
        (CELL.replace("CELL", "NaN"), "column 'b', row 5 has NaN; expected a finite number."),
        (CELL.replace("CELL", "-Infinity"), "column 'b', row 5 has infinity; expected a finite"),
        (CELL.replace("CELL", "1e39"), "column 'b', row 5 has '1e+39'; expected at most 3.4"),
        (CELL.replace("CELL", "true"), "column 'b', row 5 has the text 'true'; expected a number"),
        (CELL.replace("CELL", '[1, "é"]'), "column 'b', row 5 has a list; expected a number, a te"),
        (CELL.replace("CELL", "{}"), "column 'b', row 5 has an object; expected a number, a text"),
        (CELL.replace("CELL", '1, "c": 2'), "column 'c', row 1 has no value; expected a number."),
        (CELL.replace("CELL", '1, "b": 2'), "row 5 has the key 'b' twice; expected it once. Rem"),
        (CELL.replace("CELL", '"\\ud800"'), "row 5 has text that is not UTF-8 (surrogates not al"),
        (CELL.encode().replace(b"CELL", b'"\xe9"'), "row 5 has text that is not UTF-8 (invalid "),
        (CELL[:30], "row 5 has other contents than JSON ("),
        (CELL.strip() + CELL, "row 5 has other contents than JSON ("),
        ("x;0;1;yes\n", "row 5 has other contents than JSON ("),
        ('["x", 0]\n', "row 5 has '[\"x\", 0]'; expected an object such as"),
        ("null\n", "row 5 has 'null'; expected an object such as"),
        ("[" * 100_000, "row 5 has other contents than JSON ("),
        ('{"a": ' + "9" * 5000 + "}\n", "row 5 has other contents than JSON ("),
        ("\0\0\n", "row 5 has other contents than JSON ("),
    ],
)
def test_a_line_that_cannot_be_used_is_named(write, name, row, says):
    row = row if isinstance(row, bytes) else row.encode()
    path = write(GOOD.encode() + row + b"\n" + GOOD.encode(), name)
    assert refusal(path, strict=True).startswith(says)


def test_a_list_in_a_column_that_nobody_asked_for_does_no_harm(write):
    data = read_table(write(GOOD.replace('"b": -2', '"b": [1, {}]')), channels=["a"], **ROLES)
    assert data.values.flatten().tolist() == [1, 2.5, 3]


@pytest.mark.parametrize("text", ["", "\n \n", "{}\n{}\n"])
def test_an_empty_file(write, text):
    assert refusal(write(text)) == (
        "file has no values; expected an object with keys in every line. Give a file with data."
    )


def test_one_array_in_place_of_lines(write):
    for text in ('[\n{"id": 1}\n]\n', '\ufeff[{"id": 1}, {"id": 2}]'):
        line = refusal(write(text))
        assert line.startswith("file is a JSON array; expected JSON lines, each an object. Write")


def test_gzip_that_is_cut_off(write):
    path = write(GOOD * 20, "data.jsonl.gz")
    path.write_bytes(path.read_bytes()[:-4])
    assert refusal(path).startswith("file is cut off; expected gzip to its end.")


def test_hostile_keys_stay_on_one_line(write):
    line = refusal(write('{"<script>\\n\\u001b[31m": 1, "kind": 2}\n'))
    assert r"'<script>\n\x1b[31m'" in line
