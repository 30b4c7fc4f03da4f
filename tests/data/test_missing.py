"""Missing values: read as nan, filled with the last one that is known."""

import json

import numpy as np
import polars as pl
import pytest
import torch
from data.refused import refusal
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data import Scaler, Sequences, read_table
from throughtime.data.filling import last_known

NAN = torch.nan
ROLES = {"sequence": "id", "label": "kind"}
HEAD = "id,t,a,b,kind\n"


def same(values, expected):
    return np.array_equal(np.array(values), np.array(expected), equal_nan=True)


def read(csv, *cells, **options):
    rows = "".join(f"s{k},{k},1,{cell},{'xy'[k % 2]}\n" for k, cell in enumerate(cells))
    return read_table(csv(HEAD + rows), channels=["b"], **ROLES, **options).values[:, 0].tolist()


@pytest.mark.parametrize("cell", ["", "  ", '""', "NA", "n/a", " nan ", "NaN", "NULL", "None", "?"])
def test_a_number_that_is_missing(csv, cell):
    assert same(read(csv, "1.5", cell, "2"), [1.5, NAN, 2])
    assert same(read(csv, "true", cell, "false"), [1, NAN, 0])


@pytest.mark.parametrize("cell", ["inf", "-", ".", "missing", "1e39", "N A"])
def test_what_is_no_missing_number(csv, cell):
    rows = f"x,0,1,2.5,yes\ny,0,1,{cell},no\n"
    assert refusal(csv(HEAD + rows)).startswith("column 'b', row 3 has ")


def test_in_a_column_of_text_only_an_empty_cell_is_missing(csv):
    assert same(read(csv, "None", "", "NA", "low"), [1, NAN, 0, 2])


@pytest.mark.parametrize("values", [[1.5, None, 2], [1.5, NAN, 2], [True, None, False]])
def test_a_parquet_column_with_gaps(tmp_path, values):
    frame = pl.DataFrame({"id": [1, 2, 3], "kind": ["x", "y", "x"], "b": values})
    frame.write_parquet(tmp_path / "data.parquet")
    kept = read_table(tmp_path / "data.parquet", **ROLES).values[:, 0].tolist()
    assert same(kept, [float("nan") if v is None else v for v in values])


def test_json_lines_with_gaps(write):
    rows = [
        {"id": 1, "kind": "x", "b": 1.5},
        {"id": 2, "kind": "y"},
        {"id": 2, "kind": "y", "b": None},
    ]
    data = read_table(write("\n".join(map(json.dumps, rows)), "data.jsonl"), **ROLES)
    assert same(data.values[:, 0].tolist(), [1.5, NAN, NAN])


def test_a_column_without_any_value(csv):
    rows = "x,0,1,,yes\ny,0,1,NA,no\n"
    line = refusal(csv(HEAD + rows))
    assert line.startswith(
        "column 'b' has no value in any row; expected one in some, to learn from"
    )
    test = read_table(csv(HEAD + rows), channels=["a", "b"], categories={}, **ROLES)
    assert test.values[:, 1].isnan().all(), "a table to test on may have none"


def test_strictly_a_missing_value_is_refused(csv):
    rows = "x,0,1,2,yes\ny,0,1,CELL,no\n"
    for cell, says in [("", "has no value"), ("NA", "has the text 'NA'"), ("nan", "has NaN")]:
        line = refusal(csv(HEAD + rows.replace("CELL", cell)), strict=True)
        assert line.startswith(f"column 'b', row 3 {says}; expected a ")


def test_decimal_commas_beside_gaps(write):
    path = write("id;a;b\nx;1,5;\nx;;2,5\n")
    assert same(read_table(path, sequence="id").values.tolist(), [[1.5, NAN], [NAN, 2.5]])


def slow(values, begins):
    """The same in a plain loop."""
    filled, last = [], []
    for row, begin in zip(values.tolist(), begins.tolist(), strict=True):
        last = [NAN] * len(row) if begin or not last else last
        last = [old if new != new else new for old, new in zip(last, row, strict=True)]
        filled.append(last)
    return filled


@given(st.data())
def test_the_last_known_value_is_that_of_a_plain_loop(data):
    steps = data.draw(st.integers(1, 8))
    number = st.sampled_from([NAN, NAN, 1.0, 2.0, -3.0])
    values = torch.tensor(data.draw(st.lists(st.lists(number, min_size=2, max_size=2),
                                             min_size=steps, max_size=steps)))  # fmt: skip
    begins = torch.tensor(data.draw(st.lists(st.booleans(), min_size=steps, max_size=steps)))
    assert same(last_known(values, begins).tolist(), slow(values, begins))
    never = torch.zeros(steps, dtype=torch.bool)
    assert same(last_known(values).tolist(), slow(values, never))
    side = last_known(torch.stack([values, values.flip(0)], 1), torch.stack([begins, never], 1))
    assert same(side[:, 0].tolist(), slow(values, begins))
    assert same(side[:, 1].tolist(), slow(values.flip(0), never))


def test_a_scaler_is_fitted_on_what_is_known():
    data = Sequences.from_list(
        [[[1.0, NAN, NAN, 0.0], [NAN, 2.0, NAN, 1.0]], [[3.0, 4.0, NAN, 1.0]]],
        categories={"c3": ("a", "b")},
    )
    scaler = Scaler.fit(data)
    assert scaler.mean.tolist() == [2, 3, 0, 0] and scaler.std.tolist() == [1, 1, 1, 1]
    assert same(scaler.apply(data).values[:, 0].tolist(), [-1, NAN, 1])
    assert torch.equal(scaler.apply(data).values[:, 3], data.values[:, 3])
