"""Frames of polars, pandas and others, and arrays, in place of a file; sequences as a frame."""

import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from throughtime.data import Sequences, Target, read_table
from throughtime.errors import DataError, OptionError

ROLES = {"sequence": "id", "time": "t", "label": "kind"}
COLUMNS = {
    "id": ["x", "y", "x", "y"],
    "t": [1, 0, 0, 1],
    "a": [1.0, 2.0, 3.0, 4.0],
    "b": [1, 2, 3, 4],
    "kind": ["no", "yes", "no", "yes"],
}


class Arrow:
    """A frame of some other library."""

    def __init__(self, columns):
        self.frame = pl.DataFrame(columns)

    def __arrow_c_stream__(self, requested_schema=None):
        return self.frame.__arrow_c_stream__(requested_schema)


KINDS = {"polars": pl.DataFrame, "pandas": pd.DataFrame, "arrow": Arrow}


def refusal(given, **options):
    with pytest.raises(DataError) as caught:
        read_table(given, **(ROLES | options))
    line = str(caught.value)
    assert line.startswith("the frame: ") and "; expected " in line and line.isprintable()
    return line.removeprefix("the frame: ")


@pytest.fixture(params=KINDS)
def frame(request):
    return KINDS[request.param]


def test_a_frame_is_read_as_a_file_is(frame, tmp_path):
    pl.DataFrame(COLUMNS).write_csv(tmp_path / "data.csv")
    file = read_table(tmp_path / "data.csv", **ROLES)
    data = read_table(frame(COLUMNS), **ROLES)
    assert torch.equal(data.values, file.values) and torch.equal(data.offsets, file.offsets)
    assert data.channels == file.channels == ("a", "b") and data.names == file.names
    assert data.classes == file.classes and torch.equal(data.labels, file.labels)
    assert data.times == file.times and torch.equal(data.rows, file.rows)


def test_rows_count_from_0(frame):
    given = COLUMNS | {"a": [1.0, 2.0, float("inf"), 4.0]}
    assert refusal(frame(given)).startswith("column 'a', row 2 has infinity")
    given = COLUMNS | {"kind": ["no", "yes", "no", "maybe"]}
    assert refusal(frame(given)).startswith("column 'kind', row 3 has the label 'maybe'")
    assert refusal(frame(COLUMNS), label="kinds").endswith("Did you mean 'kind'?")


@pytest.mark.parametrize(
    "cells, says",
    [
        ([1.0, None, 2.0, 3.0], "column 'a', row 1 has no value"),
        (["1", "x", "2", "3"], "column 'a', row 1 has the text 'x'; expected a number"),
        ([[1], [2], [3], [4]], "column 'a' has type List(Int64); expected numbers"),
    ],
)
def test_a_column_that_cannot_be_used(frame, cells, says):
    if frame is pd.DataFrame and cells[1] is None:
        says = "column 'a', row 1 has NaN"
    assert refusal(frame(COLUMNS | {"a": cells}), strict=True).startswith(says)


def test_no_rows(frame):
    given = {name: cells[:0] for name, cells in COLUMNS.items()}
    assert refusal(frame(given)) == "frame has no rows; expected at least 1. Add rows."


@pytest.mark.parametrize(
    "given, says",
    [
        (3, "data has the type 'int'; expected the path of a table, or a frame of polars, of pand"),
        ([[1.0]], "data has the type 'list'; expected the path"),
        (pl.LazyFrame(COLUMNS), "data has the type 'LazyFrame'; expected the path"),
    ],
)
def test_what_is_no_frame(given, says):
    line = refusal(given)
    assert line.startswith(says)
    fix = "Call collect() on it." if "Lazy" in says else "give arrays to Sequences.from_list."
    assert line.endswith(fix)


@pytest.mark.parametrize("levels", [["who", "when"], [None, None]])
def test_pandas_with_an_index_of_two_levels(levels):
    index = pd.MultiIndex.from_arrays([COLUMNS["id"], COLUMNS["t"]], names=levels)
    given = pd.DataFrame({"a": COLUMNS["a"], "kind": COLUMNS["kind"]}, index=index)
    data = read_table(given, label="kind")
    assert data.names == ("x", "y") and data.times == ["0", "1", "0", "1"]
    assert data.values.flatten().tolist() == [3, 1, 2, 4]
    first, second = levels if levels[0] else ("sequence", "time")
    same = read_table(given, sequence=first, time=second, label="kind")
    assert torch.equal(same.values, data.values)
    by_time = read_table(given.drop(columns="kind"), sequence=second, channels=["a"])
    assert by_time.names == ("1", "0") and by_time.times is None


def test_pandas_with_an_index_of_one_level():
    given = pd.DataFrame({"id": ["x", "x"], "a": [1.0, 2.0]})
    assert read_table(given, sequence="id").channels == ("a",)
    assert read_table(given.iloc[::-1], sequence="id").values.flatten().tolist() == [2, 1]
    named = given.set_index(pd.Index([5, 4], name="when"))
    assert read_table(named, sequence="id", time="when").values.flatten().tolist() == [2, 1]
    index = pd.MultiIndex.from_tuples([(1, 2, 3), (1, 2, 4)])
    assert refusal(given.set_index(index)).startswith("index has 3 levels; expected 1, or 2 for")


def test_columns_of_pandas():
    when = pd.Series(np.array([1_700_000_000_000_000_002, 1_700_000_000_000_000_001], "M8[ns]"))
    given = pd.DataFrame(
        {
            "id": pd.Categorical(["x", "x"], ["y", "x"]),
            "local": when.dt.tz_localize("Europe/Berlin"),
            "naive": when,
            "day": [datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)],
            "whole": pd.array([2, 1], dtype="Int64"),
            "text": pd.array(["2", "1"], dtype="string"),
            "small": np.array([2, 1], dtype=np.float16),
            "object": np.array([2, 1.5], dtype=object),
            7: [2.0, 1.0],
        }
    )
    for time in ("local", "naive", "day", "whole", "text"):
        data = read_table(given, sequence="id", time=time, channels=["whole", "small", "7"])
        assert data.values.tolist() == [[1, 1, 1], [2, 2, 2]], time
    assert read_table(given, sequence="id", channels=["object"]).values.flatten().tolist() == [
        2,
        1.5,
    ]
    given["whole"] = pd.array([2, None], dtype="Int64")
    assert refusal(given, time=None, label=None, channels=["whole"], strict=True).startswith(
        "column 'whole', row 1 has no value"
    )
    gap = read_table(given, sequence="id", channels=["whole"]).values.flatten()
    assert gap[0] == 2 and gap[1].isnan()
    given["object"] = [1, "x"]
    assert refusal(given, time=None, label=None, channels=["object"]).startswith(
        "column 'object', row 1 has the text 'x'; expected a number."
    )


def test_names_that_two_columns_of_pandas_have():
    given = pd.DataFrame([["x", 1, 2, 3]], columns=["id", "a", 1, "1"])
    assert refusal(given).startswith("header has the column '1' twice; ")
    given = pd.DataFrame({"id": ["x"], "a": [1]}, index=pd.Index([1], name="a"))
    assert refusal(given).startswith("header has the column 'a' twice; ")


def test_pandas_is_not_imported():
    code = (
        "import sys, polars; from throughtime.data import read_table;"
        "read_table(polars.DataFrame({'id': ['x'], 'a': [1.0]}), sequence='id');"
        "assert 'pandas' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_to_frame_and_back():
    data = read_table(pl.DataFrame(COLUMNS), **ROLES)
    frame = data.to_frame()
    assert frame.columns == ["sequence", "time", "a", "b", "kind"]
    assert frame.rows() == [
        ("x", "0", 3.0, 3.0, "no"), ("x", "1", 1.0, 1.0, "no"),
        ("y", "0", 2.0, 2.0, "yes"), ("y", "1", 4.0, 4.0, "yes"),
    ]  # fmt: skip
    again = read_table(frame, sequence="sequence", time="time", label="kind")
    assert torch.equal(again.values, data.values) and torch.equal(again.labels, data.labels)
    assert again.names == data.names and again.times == data.times


def test_to_frame_of_every_kind_of_target():
    nan = float("nan")
    data = Sequences(
        values=torch.tensor([[1.0], [2.0], [3.0]]),
        offsets=torch.tensor([0, 2, 3]),
        channels=("a",),
        names=("x", "y"),
        targets={
            "class": Target(torch.tensor([-1, 1]), ("p", "q")),
            "tag": Target(torch.tensor([1, -1, 0]), ("p", "q"), each_step=True),
            "n": Target(torch.tensor([0.5, nan])),
            "m": Target(torch.tensor([[1.0, nan], [2.0, 3.0], [nan, 4.0]]), each_step=True),
        },
        attributes={"who": ("ann", "bo")},
    )
    frame = data.to_frame()
    assert frame.to_dict(as_series=False) == {
        "sequence": ["x", "x", "y"], "step": [0, 1, 0], "who": ["ann", "ann", "bo"],
        "a": [1, 2, 3], "class": [None, None, "q"], "tag": ["q", None, "p"],
        "n": [0.5, 0.5, None], "m0": [1, 2, None], "m1": [None, 3, 4],
    }  # fmt: skip


def test_to_frame_with_a_name_twice():
    data = Sequences.from_list([[1.0]], channels=["step"])
    with pytest.raises(DataError, match="^to_frame: 'step' names two columns; expected every name"):
        data.to_frame()


@pytest.mark.parametrize("make", [np.array, torch.tensor])
def test_channels_before_steps(make):
    x = np.arange(24.0).reshape(2, 3, 4)
    data = Sequences.from_list(make(x), layout="nct")
    assert data.values.shape == (8, 3) and data[1][:, 0].tolist() == [12, 13, 14, 15]
    ragged = Sequences.from_list([make(x[0, :, :2]), make(x[1])], [0, 1], layout="nct")
    assert ragged.lengths.tolist() == [2, 4] and ragged[0].tolist() == [[0, 4, 8], [1, 5, 9]]
    one = [make([1.0, 2.0])]
    for layout in ("nct", "ntc"):
        assert Sequences.from_list(one, layout=layout).values.tolist() == [[1], [2]]
    with pytest.raises(OptionError, match="layout has 'tnc'; expected 'ntc' for steps before"):
        Sequences.from_list(one, layout="tnc")


def test_arrays_that_run_backward_or_cannot_be_written_to():
    x = np.arange(6.0).reshape(3, 2)
    x.flags.writeable = False
    data = Sequences.from_list([x, x[::-1]])
    assert data[1].tolist() == [[4, 5], [2, 3], [0, 1]]
