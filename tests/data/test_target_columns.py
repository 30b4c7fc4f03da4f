"""Numbers of sequences in a table: the same in all rows of a sequence, some of them not known."""

import math

import polars as pl
import pytest
import torch

from throughtime.data import read_table
from throughtime.data.source import Source, remembered
from throughtime.errors import DataError

ROWS = "id,t,a,y,z\nx,1,2,7.5,1\nw,0,3,,2\nx,0,4,7.5,1\nw,1,5, ,2\n"


def read(file, *targets, **options):
    return read_table(file, sequence="id", time="t", targets=targets, **options)


def test_targets_are_no_channels_and_may_be_missing(write):
    data = read(write(ROWS), "y", "z")
    assert data.channels == ("a",) and data.names == ("x", "w")
    assert data.targets["z"].values.tolist() == [1, 2] and data.targets["z"].classes == ()
    assert data.targets["y"].values[0] == 7.5 and math.isnan(data.targets["y"].values[1])
    assert data.labels is None and not data.targets["y"].each_step


def test_decimal_commas(write):
    file = write("id;t;a;y\nx;0;1,5;2,25\nx;1;2,5;2,25\nw;0;3,5;\n")
    assert read(file, "y").targets["y"].values[0] == 2.25


def test_a_label_beside_targets(write):
    data = read_table(write(ROWS), sequence="id", time="t", label="z", targets=["y"])
    assert data.classes == ("1", "2") and {*data.targets} == {"z", "y"}


def test_parquet_with_nulls_and_nans(tmp_path):
    frame = pl.DataFrame({"id": ["x", "y", "z"], "a": [1.0, 2.0, 3.0], "v": [None, math.nan, 4.0]})
    frame.write_parquet(tmp_path / "data.parquet")
    data = read_table(tmp_path / "data.parquet", sequence="id", targets=["v"])
    assert data.targets["v"].values.isnan().tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ROWS.replace("x,0,4,7.5", "x,0,4,8"),
         "column 'y', row 2 has the number 7.5 in sequence 'x'; expected 8 as at its start"),
        (ROWS.replace("x,0,4,7.5", "x,0,4,"), "row 2 has the number 7.5 .*expected nan"),
        (ROWS.replace("x,1,2,7.5", "x,1,2,high"), "row 2 has the text 'high'; .*label column"),
        (ROWS.replace("x,1,2,7.5", "x,1,2,inf"), "column 'y', row 2 has inf"),
    ],
    ids=["changes", "partly missing", "text", "infinite"],
)  # fmt: skip
def test_what_is_no_number_of_a_sequence(write, text, says):
    with pytest.raises(DataError, match=says):
        read(write(text), "y")


@pytest.mark.parametrize(
    ("targets", "options", "says"),
    [
        (["nothing"], {}, "target has 'nothing'; expected one of the columns"),
        (["y", "y"], {}, "target and target 2 have the same column 'y'"),
        (["id"], {}, "sequence and target have the same column 'id'"),
        (["z"], {"channels": ["a", "z"]}, "channels has 'z', which is the target column"),
    ],
)
def test_columns_that_cannot_be_targets(write, targets, options, says):
    with pytest.raises(DataError, match=says):
        read(write(ROWS), *targets, **options)


def test_a_run_remembers_its_targets(write):
    source = Source(
        str(write(ROWS)), test=str(write(ROWS)), sequence="id", time="t", targets=("y",)
    )
    train, test = source.read()
    kept = {"data": source.to_dict(train, test)}
    again, fingerprints = remembered(kept, "run")
    assert again == source and again.read_again(fingerprints)[0].targets.keys() == {"y"}
    other = source.table(str(write(ROWS)), train.channels, {}, targets=False)
    assert other.targets == {} and torch.equal(other.values, test.values)
    bare = write("id,t,a\nx,0,1\nx,1,2\n", "bare.csv")
    assert source.table(str(bare), ("a",), {}, targets=False).targets == {}
    with pytest.raises(DataError, match="no 'y'; .*Add the targets, or use `throughtime predict`"):
        source.table(str(bare), ("a",), {}, targets=True)
