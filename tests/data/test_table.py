"""A long table read as sequences: what it means, whatever the format and the order of rows."""

from datetime import datetime, timedelta

import polars as pl
import pytest
import torch

from throughtime.data import read_table

GOOD = """\
id,t,a,b,kind
x,0,1.5,-2,yes
x,1,2.5,-3,yes
y,0,3.5,4e-1,no
"""


def test_a_csv(csv):
    sequences = read_table(csv(GOOD), sequence="id", time="t", label="kind")
    assert sequences.names == ("x", "y")
    assert sequences.channels == ("a", "b")
    assert sequences.classes == ("no", "yes")
    assert sequences.labels.tolist() == [1, 0]
    assert sequences.offsets.tolist() == [0, 2, 3]
    assert torch.equal(sequences.values, torch.tensor([[1.5, -2], [2.5, -3], [3.5, 0.4]]))


def test_parquet_equals_csv(csv, tmp_path):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(60, 2, generator=generator).double().numpy()
    frame = pl.DataFrame({"a": values[:, 0], "b": values[:, 1]}).with_columns(
        id=pl.int_range(60) // 7, t=pl.int_range(60), kind=pl.int_range(60) // 7 % 2
    )
    frame.write_parquet(tmp_path / "data.parquet")
    one = read_table(tmp_path / "data.parquet", sequence="id", time="t", label="kind")
    two = read_table(csv(frame.write_csv()), sequence="id", time="t", label="kind")
    assert torch.equal(one.values, two.values) and torch.equal(one.labels, two.labels)
    assert (one.names, one.classes, one.channels) == (two.names, two.classes, two.channels)


def test_rows_may_lie_anywhere(csv):
    rows = "id,t,a\nz,2,6\ny,1,2\nz,10,7\ny,0,1\nz,-1,5\n"
    sequences = read_table(csv(rows), sequence="id", time="t")
    assert sequences.names == ("z", "y")  # in order of first appearance
    assert [s.flatten().tolist() for s in sequences] == [[5, 6, 7], [1, 2]]


def test_without_time_the_order_is_that_of_the_rows(csv):
    rows = "id,a\nz,6\ny,2\nz,5\ny,1\n"
    sequences = read_table(csv(rows), sequence="id")
    assert [s.flatten().tolist() for s in sequences] == [[6, 5], [2, 1]]


@pytest.mark.parametrize(
    "times",
    [
        ["10", "9", "-1"],
        ["1.5", "1e0", "-inf".replace("inf", "3")],
        ["1700000000000000002", "1700000000000000001", "1700000000000000000"],
        ["2024-02-01", "2024-01-31", "2023-12-31"],
        ["2024-01-01T00:00:01.5", "2024-01-01 00:00:01", "2024-01-01T00:00"],
        ["2024-01-01T00:00:01.5Z", "2024-01-01T00:00:01Z", "2024-01-01T00:00:00Z"],
        ["2024-01-02", "2024-01-01 23:59", "2024-01-01"],
        ["2024-01-01 00:30+00:00", "2024-01-01T01:00+01:00", "2024-01-01t05:15:00+0530"],
        ["2024-01-01 00:00-01:30", "2024-01-01T00:00:00.5z", "2024-01-01T00:00:00.49-00"],
        ["9999-12-31 23:59:59.000000002", "9999-12-31T23:59:59.000000001", "0001-01-01"],
        ["2024-03-01", "2024-02-29 23:59:59", "2024-02-28"],
    ],
)
def test_times_are_numbers_or_dates(csv, times):
    rows = "".join(f"s,{time},{place}\n" for place, time in enumerate(times))
    sequences = read_table(csv("id,t,a\n" + rows), sequence="id", time="t")
    assert sequences[0].flatten().tolist() == [2, 1, 0]


@pytest.mark.parametrize("moment", ["2024-01-01 12:30:00.25", "2024-01-01T12:30", "2024-01-01"])
@pytest.mark.parametrize("zone", ["", "Z", "+00:00", "-0000", "+05:30", "-11"])
def test_a_time_is_the_one_that_the_calendar_of_python_has(moment, zone, csv):
    """Sorted among whole seconds around it, each sequence's row lands where datetime puts it."""
    zone = zone if " " in moment or "T" in moment else ""
    text = f"{moment}{zone}"
    exact = datetime.fromisoformat(text)
    utc = exact.replace(tzinfo=None) - (exact.utcoffset() or timedelta(0))
    around = [utc + timedelta(microseconds=d) for d in (-1, 1)]
    ends = "Z" if zone else ""
    times = [f"{around[1].isoformat()}{ends}", text, f"{around[0].isoformat()}{ends}"]
    rows = "".join(f"s,{time},{place}\n" for place, time in enumerate(times))
    sequences = read_table(csv("id,t,a\n" + rows), sequence="id", time="t")
    assert sequences[0].flatten().tolist() == [2, 1, 0]


def test_parquet_dates_are_times(tmp_path):
    days = pl.Series(["2024-02-01", "2024-01-31"]).str.to_date()
    frame = pl.DataFrame({"id": [1, 1], "t": days, "a": [2, 1]})
    frame.write_parquet(tmp_path / "data.parquet")
    sequences = read_table(tmp_path / "data.parquet", sequence="id", time="t")
    assert sequences[0].flatten().tolist() == [1, 2]


def test_whole_number_classes_are_sorted_as_numbers(csv):
    rows = "id,a,kind\n1,0,10\n2,0,9\n3,0,-1\n"
    sequences = read_table(csv(rows), sequence="id", label="kind")
    assert sequences.classes == ("-1", "9", "10")
    assert sequences.labels.tolist() == [2, 1, 0]


def test_the_classes_of_training_decide_the_codes(csv):
    rows = "id,a,kind\n1,0,b\n"
    sequences = read_table(csv(rows), sequence="id", label="kind", classes=("c", "b", "a"))
    assert sequences.labels.tolist() == [1]
    assert sequences.classes == ("c", "b", "a")


def test_given_channels_are_taken_in_their_order_and_others_ignored(csv):
    rows = "id,a,note,b\n1,2,hello,3\n"
    sequences = read_table(csv(rows), sequence="id", channels=("b", "a"))
    assert sequences.channels == ("b", "a")
    assert sequences.values.tolist() == [[3.0, 2.0]]


def test_a_label_that_is_not_required_may_be_absent(csv):
    options = {"sequence": "id", "label": "kind", "classes": ("no", "yes"), "channels": ("a",)}
    bare = read_table(csv("id,a\n1,2\n"), require_label=False, **options)
    assert bare.labels is None and bare.classes == () and bare.targets == {}
    full = read_table(csv("id,a,kind\n1,2,yes\n"), require_label=False, **options)
    assert full.labels.tolist() == [1]


def test_one_sequence_without_labels_is_enough(csv):
    assert len(read_table(csv("id,a\n1,2\n"), sequence="id")) == 1


def test_what_programs_write_around_a_csv_is_harmless(csv):
    plain = read_table(csv(GOOD), sequence="id", time="t", label="kind")
    for text in (
        "\ufeff" + GOOD,  # a byte order mark
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),  # carriage returns alone
        "\r" + GOOD.replace("\n", "\r\r"),
        GOOD.replace("x,0", " x ,0").replace("yes", " yes\t"),  # blanks around names and labels
        GOOD.rstrip("\n"),
        GOOD + "\n\n",
        "\n" + GOOD.replace("x,1", "\nx,1"),
        GOOD.replace("1.5,-2", " 1.5, -2 "),
        GOOD.replace("yes", '"yes"').replace("x,", '"x",'),
    ):
        other = read_table(csv(text), sequence="id", time="t", label="kind")
        assert torch.equal(other.values, plain.values)
        assert (other.names, other.classes) == (plain.names, plain.classes)


def test_a_name_may_hold_anything(csv):
    rows = 'id,"a ""b""\n<i>",kind\n"x,\ny",1,"<script>"\n"[z]*",2,no\n'
    sequences = read_table(csv(rows, "[data]*.csv"), sequence="id", label="kind")
    assert sequences.channels == ('a "b"\n<i>',)
    assert sequences.names == ("x,\ny", "[z]*")
    assert sequences.classes == ("<script>", "no")


def test_the_path_may_be_text_and_the_suffix_in_capitals(csv):
    assert len(read_table(str(csv(GOOD, "DATA.CSV")), sequence="id", channels=["a"])) == 2


def test_ids_with_blanks_around_them_are_one_sequence(csv, tmp_path):
    text = csv("id,a,kind\na,1,x\na ,2, x\n b,3,y\n")
    pl.DataFrame({"id": ["a", "a ", " b"], "a": [1, 2, 3], "kind": ["x", " x", "y"]}).write_parquet(
        tmp_path / "data.parquet"
    )
    for path in (text, tmp_path / "data.parquet"):
        sequences = read_table(path, sequence="id", label="kind")
        assert sequences.names == ("a", "b") and sequences.classes == ("x", "y")
        assert sequences.lengths.tolist() == [2, 1]


def test_columns_that_are_not_asked_for_may_be_empty(csv):
    rows = "id,a,note\n1,2,\n1,3,hello\n1,4,\n"
    assert read_table(csv(rows), sequence="id", channels=("a",)).values.flatten().tolist() == [
        2, 3, 4,
    ]  # fmt: skip


@pytest.mark.parametrize("cell", ["1.5", " 1.5 "])
@pytest.mark.parametrize("name", ["data.csv", "data.parquet"])
def test_reading_takes_no_step_of_polars_for_each_column(csv, tmp_path, monkeypatch, name, cell):
    """Each of these steps takes time for every column, so that steps times columns is a square."""
    counts = []
    steps = ("select", "with_columns", "filter", "__getitem__", "get_column", "drop_nulls")
    did = 0

    def counted(step):
        def call(*args, **options):
            nonlocal did
            did += 1
            return step(*args, **options)

        return call

    for step in steps:
        monkeypatch.setattr(pl.DataFrame, step, counted(getattr(pl.DataFrame, step)))
    monkeypatch.setattr(pl.DataFrame, "schema", property(counted(pl.DataFrame.schema.fget)))
    monkeypatch.setattr(pl.DataFrame, "columns", property(
        counted(pl.DataFrame.columns.fget), pl.DataFrame.columns.fset))  # fmt: skip
    for columns in (20, 200):
        header = ",".join(f"c{k}" for k in range(columns))
        text = f"id,{header}\n" + f"x{f',{cell}' * columns}\n" * 2
        path = csv(text)
        if name.endswith("parquet"):
            pl.read_csv(path, infer_schema=False).write_parquet(tmp_path / name)
        did = 0
        assert read_table(tmp_path / name, sequence="id").values.shape == (2, columns)
        counts.append(did)
    assert counts[0] == counts[1]


def test_the_names_of_the_columns_are_not_compared_each_with_each(csv, monkeypatch):
    """A list of names is searched from its start; what is searched here is hashed."""
    from throughtime.data import columns

    searched = []
    find = columns.find
    monkeypatch.setattr(columns, "find", lambda header, *args: (searched.append(type(header)),
                                                                find(header, *args)))  # fmt: skip
    read_table(csv(GOOD), sequence="id", time="t", label="kind")
    assert {*searched} == {dict}
