"""More than forty tables that cannot be used, each with the one line that says so.

Those of the formats of sequences are in test_npz.py and test_ts.py; more of the same kinds, each
with its row and its column, in test_table_errors.py, test_dates.py, test_separators.py.
"""

import gzip
import io
import zipfile

import numpy as np
import polars as pl
import pytest
from data.refused import refusal

HEAD = "id,t,a,kind\n"
GOOD = "x,0,1,yes\nx,1,3,yes\ny,0,5,no\n"
TABLE = HEAD + GOOD
FRAME = pl.read_csv(TABLE.encode())


def packed(**files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return file.getvalue()


def parquet(frame):
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


# The name of the file, what is in it, the columns if others than id, t and kind, and what is said.
BAD = {
    "nothing": ("a.csv", "", {},
        "file has no text; expected a header and rows. Give a file"),
    "blank lines": ("a.csv", "\n \n", {},
        "header has no name for column 1; expected"),
    "only a header": ("a.csv", HEAD, {},
        "file has a header and no rows; expected at least 1."),
    "no header": ("a.csv", GOOD, {},
        "sequence has 'id'; expected one of the columns 'x', '0', '1', 'yes'. If the file"),
    "binary": ("a.csv", b"\0\1\2\3" * 99, {},
        "header has zero bytes; expected text. Give a"),
    "an image": ("a.csv", b"\x89PNG\r\n", {},
        "row 1 has the byte 0x89; expected UTF-8 text."),
    "UTF-16": ("a.csv", TABLE.encode("utf-16"), {},
        "file is text in UTF-16; expected UTF-8. Save it in UTF-8, in Excel as CSV UTF-8."),
    "UTF-16 in gzip": ("a.jsonl.gz", gzip.compress(TABLE.encode("utf-16")), {},
        "file is text in"),
    "Latin-1": ("a.csv", TABLE.replace("yes", "déjà").encode("latin-1"), {},
        "row 2 has the byte 0xe9; expected UTF-8 text. Save the file as CSV in UTF-8."),
    "a workbook": ("a.csv", packed(**{"xl/workbook.xml": "<x/>"}), {},
        "file is a zip archive, as workbooks of Excel are; expected a text, as its name"),
    "an old workbook": ("a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1", {},
        "file is an old workbook of"),
    "Parquet as CSV": ("a.csv", parquet(FRAME), {},
        "file is Apache Parquet; expected a text, as its name says. Name it .parquet."),
    "gzip as CSV": ("a.csv", gzip.compress(TABLE.encode()), {},
        "file is in gzip; expected a text, as its name says. Add .gz to its name."),
    "a page of the web": ("a.csv", "\n<!DOCTYPE html>\n<html>", {},
        "file is a page of the web, or XML, that begins"),
    "a pdf": ("a.txt", b"%PDF-1.7\n", {},
        "file is a PDF; expected a text, as its name says. Get"),
    "a database": ("a.csv", b"SQLite format 3\0", {},
        "file is a database; expected a text, as"),
    "CSV as gzip": ("a.csv.gz", TABLE, {},
        "file has contents that are not gzip"),
    "gzip cut off": ("a.csv.gz", gzip.compress(b"1," * 10**7)[:999], {},
        "file is cut off; expected gzip to its end. Copy or write it again."),
    "CSV as Parquet": ("a.parquet", TABLE, {},
        "file has other contents than Parquet; expected it"),
    "Parquet cut off": ("a.parquet", parquet(FRAME)[:-9], {},
        "file is cut off; expected Parquet"),
    "a workbook itself": ("a.xlsx", packed(a=""), {},
        "path has the suffix '.xlsx'; expected one"),
    "rows of unequal length": ("a.csv", TABLE + "y,1,2\n", {},
        "row 5 has 3 fields; expected 4"),
    "a row too long": ("a.csv", TABLE + "y,1,1,5,no\n", {},
        "row 5 has 5 fields; expected 4"),
    "an open quotation": ("a.csv", TABLE + 'y,1,"2,no\n', {},
        "row 5 or later has broken"),
    "two separators": ("a.csv", TABLE + "y;1;2;no\n", {},
        "row 5 has ';' between its fields;"),
    "two kinds of decimals": ("a.csv", "id;t;a;kind\nx;0;1,5;yes\nx;1;2.5;no\n", {},
        "column 'a', row 2 has '1,5' with a decimal comma; expected a decimal point"),
    "a column twice": ("a.csv", "id,t,a,a,kind\nx,0,1,2,yes\n", {},
        "header has the column 'a'"),
    "a column without a name": ("a.csv", ",id,t,a,kind\n0,x,0,1,y\n", {},
        "header has no name for"),
    "one column for two roles": ("a.csv", TABLE, {"time": "id"},
        "sequence and time have the same"),
    "a misspelled column": ("a.csv", TABLE, {"label": "Kind"},
        "label has 'Kind'; expected one of the columns 'id', 't', 'a', 'kind'. Did you mean"),
    "no sequence": ("a.csv", TABLE, {"sequence": None, "time": None},
        "sequence and time are both missing;"),
    "nothing to learn from": ("a.csv", "id,t,kind\nx,0,yes\n", {},
        "channels has no column;"),
    "an infinite number": ("a.csv", TABLE + "y,1,-inf,no\n", {},
        "column 'a', row 5 has infinity;"),
    "a number too large": ("a.csv", TABLE + "y,1,1e300,no\n", {},
        "column 'a', row 5 has '1e300';"),
    "a date that is none": ("a.csv", "id,t,a,kind\nx,2024-02-30,1,yes\n", {},
        "column 't', row 2 has '2024-02-30', which no calendar has; expected a number or a"),
    "dates of two forms": ("a.csv", HEAD + "x,2024-01-31,1,y\nx,31.01.2024,1,y\n", {},
        "column 't', row 3 has the text '31.01.2024'; expected a date such as"),
    "dates with two readings": ("a.csv", HEAD + "x,01/02/2024,1,y\nx,02/02/2024,1,y\n", {},
        "column 't', row 2 has the date '01/02/2024', which is 2024-02-01 with the day first"),
    "zones and none": ("a.csv", HEAD + "x,2024-01-01T00:00Z,1,y\nx,2024-01-01T00:00,1,y\n", {},
        "column 't', row 3 has the time '2024-01-01T00:00' without a time zone;"),
    "a moment twice": ("a.csv", TABLE + "x,1.0,9,yes\n", {},
        "column 't', row 5 has the time"),
    "a sequence without a name": ("a.csv", TABLE + ",1,2,no\n", {},
        "column 'id', row 5 has no"),
    "a label that changes": ("a.csv", TABLE + "y,1,2,yes\n", {},
        "column 'kind', row 5 has the label 'yes' in sequence 'y'; expected 'no' as at its"),
    "a label that is missing": ("a.csv", TABLE + "y,1,2,\n", {},
        "column 'kind', row 5 has no"),
    "all labels missing": ("a.csv", "id,t,a,kind\nx,0,1,\ny,0,2,\n", {},
        "column 'kind', row 2 has no value; expected a label in every row."),
    "labels that are fractions": ("a.csv", HEAD + "x,0,1,0.5\ny,0,1,1.5\n", {},
        "column 'kind' has the number '0.5'; expected text or whole numbers because each"),
    "one class": ("a.csv", TABLE.replace("no", "yes"), {},
        "column 'kind' has one class, 'yes';"),
    "one sequence": ("a.csv", HEAD + "x,0,1,no\nx,1,1,no\n", {},
        "column 'id' has one sequence, 'x';"),
    "a target that is text": ("a.csv", TABLE, {"label": None, "targets": ["kind"]},
        "column 'kind', row 2 has the text 'yes'; expected a number. Correct it, or name a"),
    "a target that changes": ("a.csv", "id,t,a,b\nx,0,1,1\nx,1,3,1\n",
        {"label": None, "targets": ["a"]},
        "column 'a', row 3 has the number 3 in sequence 'x'; expected 1 as at its start"),
    "a target to learn from": ("a.csv", TABLE, {"targets": ["a"], "channels": ["a"]},
        "channels has 'a', which is the target column; expected columns that the target"),
    "a JSON array": ("a.jsonl", '[{"id": 1}]\n', {},
        "file is a JSON array; expected JSON lines,"),
    "JSON over several lines": ("a.jsonl", '{\n"id": 1\n}\n', {},
        "row 1 has other contents than"),
    "JSON with a list": ("a.jsonl", '{"id": 1, "t": 0, "a": [1], "kind": 1}\n', {},
        "column 'a', row 1 has a list; expected a number, a text, true, false or null."),
    "nested Parquet": ("a.parquet", parquet(FRAME.with_columns(a=pl.struct("t", "a"))), {},
        "column 'a' has type"),
    "Parquet of bytes": ("a.parquet",
        parquet(FRAME.with_columns(id=pl.col("id").cast(pl.Binary))), {},
        "column 'id' has type Binary; expected text or numbers because it"),
    "Parquet without rows": ("a.parquet", parquet(FRAME.clear()), {},
        "file has a header and no"),
    "a folder of two formats": ("d/a.csv d/b.jsonl", TABLE, {},
        "path has 'a.csv' and 'b.jsonl';"),
    "a folder with another column": ("d/a.csv d/b.csv", [TABLE, TABLE.replace(",a", ",b")], {},
        "file 'b.csv' has no column 'a' and the column 'b' more;"),
    "a folder without tables": ("d/a.md d/b", "", {},
        "path has no table, only files of the"),
    "arrays of objects": ("a.npz", npz(X=np.array([{}], dtype=object)), {},
        "array X has Python objects; expected numbers or texts"),
    "arrays of other names": ("a.npz", npz(x_train=[1], y_train=[1]), {},
        "file has the arrays"),
    "a video": ("a.ts", b"G@\x11\x10\0\xb0\r\n", {},
        "row 1 has the byte 0xb0; expected UTF-8 text."),
    "a .ts that lacks a dimension": ("a.ts",
        "@dimensions 2\n@classLabel true 1 2\n@data\n1,2:1\n", {},
        "row 4 has 1 dimensions; expected 2 because the lines before"),
}  # fmt: skip


def test_there_are_forty():
    assert len(BAD) >= 40


@pytest.mark.parametrize("kind", BAD)
def test_one_clear_line(tmp_path, kind):
    names, given, columns, says = BAD[kind]
    paths = [tmp_path / name for name in names.split()]
    for k, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        data = given[k] if isinstance(given, list) else given
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    whole = paths[0] if len(paths) == 1 else paths[0].parent
    line = refusal(whole, **columns)
    assert line.startswith(says), line
