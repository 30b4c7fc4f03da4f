"""A class or a number at every step: from a table, from Python, remembered with a run."""

import math

import polars as pl
import pytest
import torch
from data.refused import refusal

from throughtime.data import Sequences, Target, read_table
from throughtime.data.source import Source, remembered
from throughtime.data.tags import MOST
from throughtime.errors import DataError

# rows in another order than time; a tag and a number that are not known
ROWS = (
    "id,t,a,phase,force,code,w\n"
    "x,1,2,swing,7.5,3,1\n"
    "w,0,3,,2,1,0\n"
    "x,0,4,stance,,2,0.5\n"
    "w,1,5,stance,1,1,2\n"
)


def read(file, *tags, **options):
    options = {"sequence": "id", "time": "t", "channels": ["a"]} | options
    return read_table(file, tags=tags, **options)


def test_text_is_a_class_and_a_number_a_number(write):
    data = read(write(ROWS), "phase", "force")
    phase, force = data.targets["phase"], data.targets["force"]
    assert phase.each_step and phase.classes == ("stance", "swing")
    assert phase.values.tolist() == [0, 1, -1, 0] and data.names == ("x", "w")
    assert force.each_step and force.classes == ()
    assert torch.equal(force.values.isnan(), torch.tensor([True, False, False, False]))
    assert force.values[1:].tolist() == [7.5, 2, 1]


def test_tags_are_no_channels(write):
    data = read(write(ROWS), "phase", "force", "code", channels=None, weights="w")
    assert data.channels == ("a",)
    assert data.targets["w"].values.tolist() == [0.5, 1, 0, 2] and data.targets["w"].each_step


def test_codes_written_as_numbers(write):
    data = read(write(ROWS), "code:class")
    assert data.targets["code"].classes == ("1", "2", "3")
    assert data.targets["code"].values.tolist() == [1, 2, 0, 0]
    assert read(write(ROWS), "code:number").targets["code"].values.tolist() == [2, 3, 1, 1]
    floats = "id,t,a,code\nx,0,1,1.0\nx,1,1,\nx,2,1,10.0\nx,3,1,2.0\n"
    assert read(write(floats), "code:class").targets["code"].classes == ("1", "2", "10")


def test_a_column_may_be_named_so(write):
    data = read(write("id,t,a,b:class\nx,0,1,2\nx,1,1,3\n"), "b:class")
    assert data.targets["b:class"].values.tolist() == [2, 3]


def test_booleans_and_types_of_parquet(tmp_path):
    frame = pl.DataFrame({
        "id": ["x"] * 4, "t": [0, 1, 2, 3], "a": [1.0] * 4, "on": [True, None, False, True],
        "code": [1.0, None, 2.0, math.nan], "y": [1.5, math.nan, None, 2.0],
        "kind": pl.Series(["p", "q", None, "p"], dtype=pl.Categorical),
    })  # fmt: skip
    frame.write_parquet(tmp_path / "data.parquet")
    data = read(tmp_path / "data.parquet", "on", "code:class", "y", "kind")
    on, code, y, kind = data.targets.values()
    assert on.classes == ("false", "true") and on.values.tolist() == [1, -1, 0, 1]
    assert code.classes == ("1", "2") and code.values.tolist() == [0, -1, 1, -1]
    assert y.values.isnan().tolist() == [False, True, True, False]
    assert kind.classes == ("p", "q") and kind.values.tolist() == [0, 1, -1, 0]


def test_decimal_commas_in_numbers_and_not_in_classes(write):
    file = write("id;t;a;y;c\nx;0;1,5;2,25;1,5\nx;1;2,5;;p\nx;2;2,5;1,5;p\nx;3;2,5;1,5;q\n")
    data = read(file, "y", "c:class")
    assert data.targets["y"].values[0] == 2.25 and data.targets["c"].classes == ("1,5", "p", "q")


def test_classes_of_a_training_set(write):
    tags = {"phase": ("swing", "stance", "fly"), "force": ()}
    data = read_table(write(ROWS), sequence="id", channels=["a"], tags=tags)
    assert data.targets["phase"].classes == tags["phase"]
    assert data.targets["phase"].values.tolist() == [0, 1, -1, 1]
    refused = refusal(write(ROWS), label=None, channels=["a"], tags={"phase": ("swing", "stand")})
    assert refused.startswith("column 'phase', row 4 has the unknown class 'stance'")


@pytest.mark.parametrize(
    ("tags", "text", "says"),
    [
        (["fase"], ROWS, "tag has 'fase'; expected one of .*Did you mean 'phase'"),
        (["fase:class"], ROWS, "tag has 'fase'; expected one of"),
        (["phase", "phase"], ROWS, "tag and tag 2 have the same column 'phase'"),
        (["a"], ROWS, "channels has 'a', which is the tag column"),
        (["phase"], ROWS.replace("swing", "").replace("stance", ""), "'phase' has no value in any"),
        (["phase"], ROWS.replace("swing", "stance"), "'phase' has one class, 'stance'; expected 2"),
        (
            ["force"],
            ROWS.replace("7.5", "high"),
            "row 2 has the text 'high'; .* because 2 of the 3 tags .* write 'force:class' if these",
        ),
        (["phase:number"], ROWS, "column 'phase', row 2 has the text 'swing'; expected a number"),
        (["force"], ROWS.replace("7.5", "inf"), "column 'force', row 2 has infinity"),
        (["code:class"], ROWS.replace("7.5,3", "7.5,2.5"), "'code' has the number '2.5'; expected"),
    ],
)
def test_columns_that_cannot_be_tags(write, tags, text, says):
    with pytest.raises(DataError, match=says):
        read(write(text), *tags)


def test_a_column_of_too_many_classes(write):
    text = "id,t,a,remark\n" + "".join(f"x,{k},1,r{k}\n" for k in range(MOST + 1))
    with pytest.raises(DataError, match="'remark' has 1001 classes; expected 2 to 1000"):
        read(write(text), "remark")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ROWS.replace("7.5,3,1", "7.5,3,-1"), "'w', row 2 has the weight -1; expected 0 or more"),
        (ROWS.replace("7.5,3,1", "7.5,3,"), "'w', row 2 has no value"),
    ],
)
def test_weights_that_cannot_be(write, text, says):
    with pytest.raises(DataError, match=says):
        read(write(text), "phase", weights="w")


def test_a_label_or_a_target_that_changes_names_tags(write):
    says = refusal(write(ROWS.replace("w,0,3,,", "w,0,3,swing,")), label="phase", channels=["a"])
    assert "a class at every step (on the command line --tag 'phase', in Python tags=)" in says
    says = refusal(write(ROWS), label=None, targets=["code"], channels=["a"])
    assert "a number at every step (on the command line --tag 'code', in Python tags=)" in says


def test_a_run_remembers_its_tags(write):
    path = str(write(ROWS))
    tags, columns = ("phase", "code:class"), {"sequence": "id", "time": "t", "channels": ("a",)}
    source = Source(path, test=path, tags=tags, weights="w", **columns)
    train, test = source.read()
    assert {*train.targets} == {"phase", "code", "w"} and {*test.targets} == {"phase", "code"}
    again, fingerprints = remembered({"data": source.to_dict(train, test)}, "run")
    assert again == source and again.read_again(fingerprints)[0].targets.keys() == {*train.targets}
    options = {"tags": {"phase": ("stance", "swing"), "code": ("1", "2", "3")}}
    other = source.table(path, ("a",), options, targets=True)
    assert torch.equal(other.targets["code"].values, test.targets["code"].values)
    assert source.table(path, ("a",), options, targets=False).targets == {}
    bare = str(write("id,t,a\nx,0,1\nx,1,2\n", "bare.csv"))
    assert source.table(bare, ("a",), options, targets=False).targets == {}
    with pytest.raises(DataError, match="no 'phase'; .*Add the tags, or use `throughtime predict`"):
        source.table(bare, ("a",), options, targets=True)


ARRAYS = [torch.zeros(3, 1), torch.zeros(2, 1)]


def test_from_python():
    given = {
        "phase": [["b", None, "a"], ["", "a"]],
        "force": [torch.tensor([1.0, math.nan, 3.0]), (None, 2)],
        "on": [[True, False, None], [True, True]],
        "height": [1.5, None],
    }
    data = Sequences.from_list(ARRAYS, targets=given)
    phase, force, on, height = data.targets.values()
    assert phase.classes == ("a", "b") and phase.values.tolist() == [1, -1, 0, -1, 0]
    assert force.classes == () and force.values.isnan().tolist() == [
        False,
        True,
        False,
        True,
        False,
    ]
    assert on.classes == ("False", "True") and on.values.tolist() == [1, 0, -1, 1, 1]
    assert [t.each_step for t in (phase, force, on, height)] == [True, True, True, False]
    assert data.select([1]).targets["phase"].values.tolist() == [-1, 0]


def test_codes_from_python():
    given = {"code": [[3, 1, None], [1, 2]]}
    assert Sequences.from_list(ARRAYS, targets=given).targets["code"].classes == ()
    data = Sequences.from_list(ARRAYS, targets=given, classes={"code": ("1", "2", "3")})
    assert data.targets["code"].values.tolist() == [2, 0, -1, 0, 1]
    assert isinstance(data.targets["code"], Target)


@pytest.mark.parametrize(
    ("targets", "options", "says"),
    [
        ({"y": [["a", "b"], ["a", "b"]]}, {}, r"sequence 0 has .*; expected shape \(3,\), a class"),
        ({"y": [["a"] * 3]}, {}, "has 1 arrays; expected 2, one for each sequence"),
        ({"y": [torch.zeros(3, 2), torch.zeros(2, 2)]}, {}, r"has shape \(3, 2\); expected shape"),
        ({"y": [[[1], 2, 3], [1, 2]]}, {}, "expected shape"),
        ({"y": [[1, 2, object], [1, 2]]}, {}, "has \"<class 'object'>\"; expected texts or num"),
        ({"y": [["a"] * 3, ["b"] * 2]}, {"classes": {"y": ("a", "c")}}, "the unknown class 'b'"),
        ({"y": [["a"] * 3, ["b"] * 2]}, {"classes": {"z": ("a", "c")}}, "'z', which is no target"),
    ],
)  # fmt: skip
def test_what_from_python_cannot_be(targets, options, says):
    with pytest.raises(DataError, match=says):
        Sequences.from_list(ARRAYS, targets=targets, **options)


def test_labels_at_every_step_name_the_way():
    with pytest.raises(
        DataError, match="for one at each step targets={'tag': labels} and the task"
    ):
        Sequences.from_list(ARRAYS, [torch.zeros(3), torch.zeros(2)])
