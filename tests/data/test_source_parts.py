"""The parts of a table: by a column, from files, validated likewise; read again as they were."""

import gzip

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data import read_table
from throughtime.data.source import Source, remembered
from throughtime.errors import DataError, OptionError, RunError

STEPS = 3


@pytest.fixture
def write(tmp_path):
    """Writes sequences of three steps, with columns given one a sequence, and gives the path."""

    def write(count=20, name="data.csv", **columns):
        rows = [
            {"id": f"s{k}", "t": 10 * k + step, "a": k + step / 4, "kind": "xy"[k % 2]}
            | {column: values[k % len(values)] for column, values in columns.items()}
            for k in range(count)
            for step in range(STEPS)
        ]
        pl.DataFrame(rows).write_csv(tmp_path / name)
        return str(tmp_path / name)

    return write


def source(path, **options):
    return Source(path, sequence="id", time="t", label="kind", **options)


def parts(of):
    train, test = of.read()
    return (*of.set_aside(train, test), test)


def numbers(part):
    return [] if part is None else [int(name[1:]) for name in part.names]


def test_a_column_names_the_parts(write):
    path = write(fold=["train", "test", "Val", "train", "training"])
    fitted, held, test = parts(source(path, part="fold"))
    assert numbers(fitted) == [k for k in range(20) if k % 5 in (0, 3, 4)]
    assert numbers(held) == [k for k in range(20) if k % 5 == 2]
    assert numbers(test) == [k for k in range(20) if k % 5 == 1]
    assert fitted.channels == ("a",), "the part is no input"
    train, _ = source(path, part="fold").read()
    assert numbers(train) == sorted(numbers(fitted) + numbers(held))


@pytest.mark.parametrize(
    ("folds", "says"),
    [
        (["train", "dev", "test"], "column 'fold' has 'dev'; expected train, test or validation"),
        (["train"], "column 'fold' has no sequence of the test part; expected at least 1"),
        (["test", "val"], "column 'fold' has no sequence of the train part; expected at least 1"),
    ],
)
def test_a_column_that_names_no_parts(write, folds, says):
    with pytest.raises(DataError, match=f"data.csv: {says}"):
        parts(source(write(fold=folds), part="fold"))


def test_two_validation_parts(write):
    of = source(write(fold=["train", "test", "val"]), part="fold", validation=0.2)
    with pytest.raises(OptionError, match="--validation 0.2 is given with --part fold; expected o"):
        parts(of)
    of = source(write(fold=["train", "train", "test", "test"]), part="fold", validation=0.2)
    fitted, held, test = parts(of)
    assert (len(fitted), len(held), len(test)) == (8, 2, 10)


def test_a_part_or_group_that_changes_in_a_sequence(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("id,a,who\nx,1,ann\nx,2,bob\ny,3,ann\n")
    says = "row 3 has the attribute 'bob' in sequence 'x'; expected 'ann' as at its start because"
    with pytest.raises(DataError, match=says):
        read_table(path, sequence="id", attributes=("who",))
    path.write_text("id,a,who\nx,1,ann\nx,2,\n")
    with pytest.raises(DataError, match="row 3 has no value; expected an attribute in every row"):
        read_table(path, sequence="id", attributes=("who",))


def test_groups_stay_whole_in_three_parts(write):
    path = write(40, who=[f"p{k}" for k in range(10)])
    fitted, held, test = parts(source(path, group="who", validation=0.25))
    people = [{*part.attributes["who"]} for part in (fitted, held, test)]
    assert [len(p) for p in people] == [6, 2, 2] and len(set.union(*people)) == 10
    assert fitted.channels == ("a",), "the group is no input"


def test_a_group_that_spans_files_or_parts(write):
    path = write(who=["ann", "bob"])
    other = write(4, "other.csv", who=["cy", "bob"])
    says = "column 'who' has 'bob' in the {} and in the {} part"
    with pytest.raises(DataError, match=says.format("training", "test")):
        parts(source(path, group="who", test=other))
    last = write(4, "last.csv", who=["cy", "dan"])
    with pytest.raises(DataError, match=says.format("training", "validation")):
        parts(source(path, group="who", test=last, validation_file=other))
    with pytest.raises(DataError, match="has 'cy', 'dan' in the validation and in the test part"):
        parts(source(path, group="who", test=last, validation_file=last))
    spanning = write(name="spanning.csv", who=["ann", "bob", "cy"], fold=["train", "test"])
    with pytest.raises(DataError, match="'bob', 'ann', 'cy' in the training and in the test part"):
        parts(source(spanning, group="who", part="fold"))


@given(st.sampled_from([0.2, 0.5]), st.integers(0, 3))
def test_over_time_no_part_begins_before_one_that_it_follows(tmp_path_factory, share, gap):
    path = tmp_path_factory.mktemp("data") / "data.csv"
    rows = [{"id": k, "t": 3 * ((7 * k) % 20) + s, "a": 1, "kind": k % 2} for k in range(20)
            for s in range(2)]  # fmt: skip
    pl.DataFrame(rows).write_csv(path)
    of = source(str(path), over_time=True, gap=gap, validation=share)
    fitted, held, test = parts(of)
    begins = [part.moments[part.offsets[:-1]] for part in (fitted, held, test)]
    assert begins[0].max() + 3 * gap < begins[1].min()
    assert begins[1].max() + 3 * gap < begins[2].min()
    assert sum(map(len, (fitted, held, test))) == 20 - 2 * gap


def test_one_series_is_cut_into_three_without_being_told(tmp_path):
    path = tmp_path / "load.csv.gz"
    rows = "".join(f"{k},{k % 7}\n" for k in reversed(range(100)))
    path.write_bytes(gzip.compress(f"hour,load\n{rows}".encode()))
    of = Source(str(path), time="hour", gap=5, validation=0.25)
    train, test = of.read()
    fitted, held = of.set_aside(train, test)
    assert fitted.names == held.names == test.names == ("load",)
    assert [(p.times[0], p.times[-1]) for p in (fitted, held, test)] == [
        ("0", "50"), ("56", "74"), ("80", "99"),
    ]  # fmt: skip


def test_validation_like_the_test_part(write):
    """By sequence it is what `fit(validation=...)` has always set aside itself."""
    from throughtime.data import split

    of = source(write(), validation=0.25, seed=3)
    train, test = of.read()
    fitted, held = of.set_aside(train, test)
    assert [p.names for p in split(train, 0.25, 3)] == [fitted.names, held.names]
    assert source(write()).set_aside(train, test) == (train, None)


def test_what_is_remembered_is_read_again(write):
    path = write(30, who=[f"p{k}" for k in range(6)])
    held_path = write(6, "held.csv", who=["q"])
    of = source(path, group="who", seed=2, validation_file=held_path)
    train, test = of.read()
    details = {"data": of.to_dict(train, test, of.set_aside(train, test)[1])}
    again, fingerprints = remembered(details, "run")
    assert again == of and len(fingerprints) == 3
    train, test = again.read_again(fingerprints)
    assert numbers(again.set_aside(train, test, fingerprints)[1]) == [*range(6)]
    write(7, "held.csv", who=["q"])
    assert again.read_again(fingerprints)  # evaluating needs nothing of it
    with pytest.raises(RunError, match="held.csv: has changed since the run began"):
        again.set_aside(train, test, fingerprints)


def test_both_ways_to_read_a_table_are_named(write):
    with pytest.raises(DataError, match="sequence and time are both missing; .* one long series"):
        read_table(write())


def test_a_label_of_one_series(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("t,a,kind\n0,1,x\n1,2,x\n")
    with pytest.raises(DataError, match="table is one sequence, because no column names several"):
        read_table(path, time="t", label="kind")
