"""Columns of text are categories, columns of true and false numbers; nothing is guessed at."""

import dataclasses
import json
import math
import tempfile
from pathlib import Path

import polars as pl
import pytest
import torch
from data.refused import refusal
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data import Sequences, read_table, restrict_categories, split
from throughtime.data.fingerprint import fingerprint
from throughtime.data.source import Source
from throughtime.errors import DataError

ROLES = {"sequence": "id", "label": "kind"}
HEAD = "id,t,a,b,kind\n"
EVIL = "<script>\n\x1b[31m'\u202e"


def column(csv, *cells, name="data.csv", **options):
    """What becomes of the cells of the column `b`, and its texts; each row is a sequence."""
    rows = "".join(f"s{k},{k},1,{cell},{'xy'[k % 2]}\n" for k, cell in enumerate(cells))
    data = read_table(csv(HEAD + rows, name), **{**ROLES, "channels": ["b"]} | options)
    return data.values[:, 0].tolist(), data.categories.get("b")


def test_a_column_of_text_is_a_category(csv):
    assert column(csv, "shut", " open ", "shut", "Open") == (
        [2, 1, 2, 0], ("Open", "open", "shut")
    )  # fmt: skip


@pytest.mark.parametrize("cells", [("true", "False", "TRUE"), ("1", "0", "1")])
def test_truth_values_are_0_and_1(csv, cells):
    assert column(csv, *cells) == ([1, 0, 1], None)


@pytest.mark.parametrize("name", ["data.csv", "data.csv.gz"])
def test_codes_are_a_category_where_they_are_named(csv, name):
    values, texts = column(csv, "10", "9", "10", " 2", categories=["b"], name=name)
    assert (values, texts) == ([2, 1, 2, 0], ("2", "9", "10"))
    assert column(csv, "10", "9", "10", "2", name=name) == ([10, 9, 10, 2], None)


def test_codes_keep_their_commas_and_points(write):
    path = write("id;a;b\nx;1,5;1.10\nx;2,5;1,10\n")
    data = read_table(path, sequence="id", categories=["b"])
    assert data.categories == {"b": ("1,10", "1.10")} and data.values[:, 0].tolist() == [1.5, 2.5]


def test_codes_that_are_written_in_two_ways_are_two(csv):
    assert column(csv, "01", "1", "1a", categories=["b"])[1] == ("01", "1", "1a")


@pytest.mark.parametrize(
    "values, texts, places",
    [
        (["x", "y", "x"], ("x", "y"), [0, 1, 0]),
        ([True, False, True], None, [1, 0, 1]),
        (pl.Series(["v", "u", "v"], dtype=pl.Categorical), ("u", "v"), [1, 0, 1]),
        (pl.Series(["v", "u", "v"], dtype=pl.Enum(["v", "u", "w"])), ("u", "v"), [1, 0, 1]),
    ],
)
def test_kinds_of_a_parquet_file(tmp_path, values, texts, places):
    frame = pl.DataFrame({"id": [1, 2, 3], "kind": ["x", "y", "x"], "b": values})
    frame.write_parquet(tmp_path / "data.parquet")
    data = read_table(tmp_path / "data.parquet", **ROLES)
    assert data.categories.get("b") == texts and data.values[:, 0].tolist() == places


@pytest.mark.parametrize("values", [[7, 5, 7], [7.0, 5.0, 7.0], ["7", "5", "7"]])
def test_codes_of_a_parquet_file(tmp_path, values):
    frame = pl.DataFrame({"id": [1, 2, 3], "kind": ["x", "y", "x"], "b": values})
    frame.write_parquet(tmp_path / "data.parquet")
    data = read_table(tmp_path / "data.parquet", categories=["b"], **ROLES)
    assert data.categories == {"b": ("5", "7")} and data.values[:, 0].tolist() == [1, 0, 1]
    frame.with_columns(b=pl.Series([0.5, 1, 2])).write_parquet(tmp_path / "data.parquet")
    with pytest.raises(DataError, match="column 'b', row 1 has the number 0.5; expected text or"):
        read_table(tmp_path / "data.parquet", categories=["b"], **ROLES)


def test_kinds_of_json_lines(write):
    rows = [{"id": k, "kind": "xy"[k % 2], "b": "uv"[k % 2], "c": k > 1} for k in range(4)]
    path = write("\n".join(map(json.dumps, rows)), "data.jsonl")
    data = read_table(path, **ROLES)
    assert data.categories == {"b": ("u", "v")}
    assert data.values.tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]]


def test_another_table_has_the_texts_of_training(csv):
    train = {"a": (), "b": ("open", "shut")}
    values, texts = column(csv, "shut", "ajar", "", "open", categories={"b": train["b"]})
    assert values[:2] == [1, -1] and values[3] == 0 and texts == ("open", "shut")
    assert values[2] != values[2], "a text that is missing is not one that was not seen"
    # numbers alone, which are none of the texts, all of them missing, and truth values
    assert column(csv, "1", "2", categories={"b": train["b"]})[0] == [-1, -1]
    assert column(csv, "true", "true", categories={"b": ("true",)})[0] == [0, 0]
    lost, _ = column(csv, "", "", categories={"b": train["b"]})
    assert all(value != value for value in lost)


def test_another_table_has_no_category_that_was_none_in_training(csv):
    path = csv(HEAD + "x,0,1,oops,k\ny,0,1,shut,k\n")
    with pytest.raises(DataError, match="column 'b', row 2 has the text 'oops'; expected a number"):
        read_table(path, sequence="id", time="t", channels=["a", "b"], categories={})


def test_many_wide_tables_take_no_step_for_each_pair_of_columns(csv):
    """A table of 300 columns, all of text, is read at once."""
    header = ",".join(f"c{k}" for k in range(300))
    data = read_table(csv(f"id,{header}\n" + f"x{',u' * 300}\n" * 2), sequence="id")
    assert data.values.eq(0).all() and len(data.categories) == 300


@pytest.mark.parametrize(
    "cells, says",
    [
        (
            ("1", "12a", "3"),
            "column 'b', row 3 has the text '12a'; expected a number. Correct it or remove the "
            "row. If its numbers are codes, name it as a category (on the command line "
            "--categories 'b', in Python categories=).",
        ),
        (("true", "1", "0"), "column 'b', row 2 has the text 'true'; expected a number."),
        (("true", "maybe", "0"), "column 'b', row 2 has the text 'true'; expected a number."),
        (
            ("2024-01-01", "2024-01-02", "2024-01-03"),
            "column 'b', row 2 has the date '2024-01-01'; expected a number, or a text of a "
            "category. Leave the column out by naming those to learn from (on the command line "
            "--channels a, in Python",
        ),
        (("", " ", "NA"), "column 'b' has no value in any row; expected one in some, to learn fr"),
    ],
)
def test_what_is_neither_a_number_nor_a_category(csv, cells, says):
    rows = "".join(f"s{k},{k},1,{cell},{'xy'[k % 2]}\n" for k, cell in enumerate(cells))
    assert refusal(csv(HEAD + rows)).startswith(says)


def test_dates_may_be_when_each_step_was(csv):
    rows = "".join(f"s,{k},1,2024-01-0{k + 1},x\nr,{k},1,2024-02-0{k + 1},y\n" for k in range(3))
    line = refusal(csv(HEAD + rows), time=None)
    assert "If it is when each step was, name it as the time column (on the command line" in line


@pytest.mark.parametrize("count, rows", [(100, 100), (5_000, 10_000)])
def test_so_many_texts_are_a_category(csv, count, rows):
    lines = "".join(f"{k % 2},{k},1,text {k % count},{'xy'[k % 2]}\n" for k in range(rows))
    data = read_table(csv(HEAD + lines), time="t", **ROLES)
    assert len(data.categories["b"]) == count


@pytest.mark.parametrize(
    "count, rows, expected",
    [
        (101, 101, "at most 100"),
        (5_001, 10_000, "at most 5,000"),
        (10_001, 20_002, "at most 10,000"),
        (100_000, 100_000, "at most 10,000"),
    ],
)
@pytest.mark.parametrize("named", [None, ("b",)])
def test_so_many_texts_are_none(csv, count, rows, expected, named):
    lines = "".join(f"{k % 2},{k},1,text {k % count},{'xy'[k % 2]}\n" for k in range(rows))
    line = refusal(csv(HEAD + lines), categories=named)
    assert line.startswith(
        f"column 'b' has {count:,} different texts in {rows:,} rows; expected {expected} in a "
        "category because each is learned from the steps that have it. Leave the column out by na"
    )
    assert "--channels a, in" in line and line.endswith("Or write one text for all that are alike.")


def test_a_category_that_is_no_channel(csv):
    line = refusal(csv(HEAD + "x,0,1,u,k\ny,0,1,v,l\n"), categories=["kind"])
    assert line == (
        "categories has 'kind'; expected one of the channels 'a', 'b'. Name one of them."
    )


def test_strictly_text_is_refused_unless_it_is_named(csv):
    path = csv(HEAD + "x,0,1,u,k\ny,0,1,v,l\n")
    assert refusal(path, strict=True).startswith("column 'b', row 2 has the text 'u'; expected a n")
    data = read_table(path, strict=True, categories=["b"], time="t", **ROLES)
    assert data.categories == {"b": ("u", "v")}
    gap = csv(HEAD + "x,0,1,u,k\ny,0,1,,l\n")
    line = refusal(gap, strict=True, categories=["b"])
    assert line == "column 'b', row 3 has no value; expected a text. Fill it in or remove the row."


def test_a_text_may_hold_anything(csv):
    rows = f'x,0,1,"{EVIL}",k\ny,0,1,"{EVIL * 100}",l\n'
    data = read_table(csv(HEAD + rows), time="t", **ROLES)
    assert data.categories == {"b": (EVIL, EVIL * 100)}
    assert refusal(csv(HEAD + f'x,0,1,"{EVIL}",k\ny,0,1,2,l\n')).count("\\x1b") == 1


DATA = Sequences.from_list(
    [[[0.0, 5.0], [2.0, 6.0]], [[1.0, 7.0]], [[torch.nan, 8.0], [-1.0, 9.0]]],
    channels=("valve", "flow"), categories={"valve": ("a", "b", "c")},
)  # fmt: skip


def test_a_selection_keeps_the_texts():
    assert DATA.select([1]).categories == DATA.categories
    assert all(part.categories == DATA.categories for part in split(DATA, 0.4, 0))


def test_texts_of_another_part_than_training_are_not_seen():
    train, test = restrict_categories(DATA.select([0, 2]), DATA)
    assert train.categories == test.categories == {"valve": ("a", "c")}
    assert train.values[:2].tolist() == [[0, 5], [1, 6]] and train.values[3, 0] == -1
    assert test.values[:3, 0].tolist() == [0, 1, -1] and test.values[3, 0].isnan()
    assert torch.equal(test.values[:, 1], DATA.values[:, 1])
    assert DATA.values[1, 0] == 2, "what was given stays as it was"
    (same,) = restrict_categories(DATA)
    assert same.values is DATA.values and same.categories == DATA.categories
    none, _ = restrict_categories(DATA.select([2]), DATA)
    assert none.categories == {"valve": ()}


def test_parts_of_other_tables_are_refused():
    other = dataclasses.replace(DATA, categories={"valve": ("a", "b", "d")})
    with pytest.raises(DataError, match="Read the table with `categories=train.categories`"):
        restrict_categories(DATA, other)


@pytest.mark.parametrize(
    "categories, says",
    [
        ({"none": ("a",)}, "categories has 'none'; expected one of the channels 'valve', 'flow'"),
        ({"valve": ("a", "b", "a")}, "category 'valve' has a text twice; expected each once"),
        (
            {"valve": ("a", "b")},
            "category 'valve' has the value 2; expected a whole number from -1",
        ),
        ({"flow": tuple("abcdefghi")}, "category 'flow' has the value 9; expected a whole number"),
    ],
)
def test_values_that_are_no_places_are_refused(categories, says):
    with pytest.raises(DataError, match=says):
        dataclasses.replace(DATA, categories=categories)


def test_a_fraction_is_no_place():
    with pytest.raises(DataError, match="has the value 0.5; expected a whole number from -1 to 1"):
        Sequences.from_list([[0.5, 1.0]], categories={"c0": ("a", "b")})


def test_a_run_reads_its_texts_from_the_training_part_only(csv):
    rows = "".join(f"{k},0,1,{'u' if k else 'rare'},{'xy'[k % 2]}\n" for k in range(10))
    path = str(csv(HEAD + rows))
    of = {"sequence": "id", "time": "t", "label": "kind"}
    parts = [Source(path, test_share=0.3, seed=seed, **of).read() for seed in range(12)]
    sides = {("rare" in train.categories["b"], (test.values[:, 1] == -1).any().item())
             for train, test in parts}  # fmt: skip
    assert sides == {(True, False), (False, True)}, "in one part or the other, and never a leak"
    train, test = Source(path, test=path, **of).read()
    assert train.categories == test.categories == {"b": ("rare", "u")}


def test_the_fingerprint_knows_the_texts():
    other = dataclasses.replace(DATA, categories={"valve": ("a", "b", "d")})
    assert fingerprint(DATA) == fingerprint(DATA.select([0, 1, 2])) != fingerprint(other)


CELLS = ["1", "2.5", "-3", "", " ", "NA", "nan", "true", "False", "open", "shut", "None", "1e39",
         "inf", "2024-01-01", "01/02/2024", "\u202e", "a b"]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(CELLS), st.sampled_from(CELLS)), min_size=1, max_size=5),
       st.booleans(), st.sampled_from([None, ("a",), {"b": ("open",)}, {}]))  # fmt: skip
def test_any_table_is_read_or_refused_in_one_line(rows, strict, categories):
    text = "id,a,b\n" + "".join(f'x,"{a}","{b}"\n' for a, b in rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_text(text)
        try:
            data = read_table(path, sequence="id", strict=strict, categories=categories)
        except DataError as error:
            assert str(error).isprintable() and "; expected " in str(error)
            return
    if strict:
        assert not data.values.isnan().any()
    if categories is None and strict:
        assert not data.categories
    for c, name in enumerate("ab"):
        cells, texts = [row[c].strip() for row in rows], data.categories.get(name)
        for cell, value in zip(cells, data.values[:, c].tolist(), strict=True):
            if texts is not None:
                place = texts.index(cell) if cell in texts else -1
                assert value == place if cell else math.isnan(value)
            elif cell.lower() in ("", "na", "nan", "none"):
                assert math.isnan(value)
            else:
                assert value == {"true": 1, "false": 0}.get(cell.lower(), None) or (
                    value == float(cell))  # fmt: skip


def test_a_frame_has_the_texts_again():
    data = DATA.to_frame()
    assert data["valve"].to_list() == ["a", "c", "b", None, None]
    again = read_table(data, sequence="sequence", time="step", categories=DATA.categories)
    assert (
        torch.equal(again.values[:, 1], DATA.values[:, 1]) and again.categories == DATA.categories
    )


def test_what_is_masked_is_no_text_that_training_has():
    masked = dataclasses.replace(DATA, mask=torch.tensor([True, False, True, True, True]))
    assert restrict_categories(masked)[0].categories == {"valve": ("a", "b")}
    anything = masked.values.clone()
    anything[1] = 77.0
    assert dataclasses.replace(masked, values=anything).categories == DATA.categories
