"""Predictions as files, rows that cannot be read, and the truth beside what is predicted."""

import csv
import json
import os

import polars as pl
import pytest

from throughtime.cli import main
from throughtime.data import read_table
from throughtime.errors import DataError

COLUMNS = ["--sequence", "id", "--time", "t", "--label", "kind"]
SMALL = ["--hidden", "3", "--epochs", "1"]


@pytest.fixture
def run(call, table, tmp_path):
    call("train", table(), *COLUMNS, *SMALL, "--run", tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("suffix", "read"),
    [("csv", pl.read_csv), ("parquet", pl.read_parquet), ("jsonl", pl.read_ndjson),
     ("CSV", pl.read_csv)],
)  # fmt: skip
def test_each_format_has_the_same_rows(call, table, tmp_path, run, suffix, read):
    path, out = table("new.csv", seed=3), tmp_path / f"p.{suffix}"
    assert call("predict", run, path, "--output", out) == ""
    made = read(out)
    assert made.schema == {"sequence": pl.String, "predicted": pl.String, "p_no": pl.Float64,
                           "p_yes": pl.Float64}  # fmt: skip
    assert made["sequence"].to_list() == [f"s{k}" for k in range(20)]
    printed = tmp_path / "printed.csv"
    printed.write_text(call("predict", run, path))
    shown = pl.read_csv(printed)
    assert (shown["predicted"] == made["predicted"]).all()
    assert (shown["p_no"] - made["p_no"]).abs().max() < 1e-6
    exact = (made["p_no"] + made["p_yes"] - 1).abs().max()
    assert exact < (3e-6 if suffix.lower() == "csv" else 3e-7)


def test_a_file_is_written_whole_or_not_at_all(call, table, tmp_path, run, monkeypatch, capfd):
    out = tmp_path / "p.parquet"
    out.write_text("before")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["predict", str(run), str(table()), "--output", str(out)]) == 2
    assert "p.parquet: cannot be written (No space left on device)" in capfd.readouterr().err
    assert out.read_text() == "before"


def test_another_suffix_is_refused(table, run, capfd):
    for option in (["predict", str(run), str(table()), "--output", "p.xlsx"],
                   ["evaluate", str(run), "--predictions", "p.xlsx"]):  # fmt: skip
        assert main(option) == 2
        said = capfd.readouterr().err
        assert "p.xlsx: has the suffix '.xlsx'; expected one of .csv, .parquet, .jsonl" in said


def spoiled(table, tmp_path, name="bad.csv", **cells):
    """The table with cells of single rows, `{column: {row: text}}`, set to something else."""
    rows = pl.read_csv(table("whole.csv", seed=3), infer_schema=False).to_dicts()
    for column, changes in cells.items():
        for row, text in changes.items():
            rows[row][column] = text
    pl.DataFrame(rows).write_csv(tmp_path / name)
    return tmp_path / name


BAD = {
    "text": ({"a": {4: "high"}}, "column 'a', row 6 has the text 'high'; expected a number"),
    "infinite": ({"a": {4: "inf"}}, "column 'a', row 6 has infinity; expected a finite number"),
    "too large": ({"b": {5: "1e60"}}, "column 'b', row 7 has '1e60'; expected at most"),
    "no time": ({"t": {4: None}}, "column 't', row 6 has no value; expected a number or a date"),
    "twice": ({"t": {4: "0"}}, "column 't', row 6 has the time '0' a second time"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_row_does_not_cost_the_others(call, table, tmp_path, run, what, capfd):
    """Sequence s1 has the rows 3 to 6 from 0; the header is row 1 of the file."""
    cells, why = BAD[what]
    path = spoiled(table, tmp_path, **cells)
    whole = tmp_path / "whole.parquet"
    call("predict", run, tmp_path / "whole.csv", "--output", whole)
    out = tmp_path / "p.parquet"
    assert main(["predict", str(run), str(path), "--output", str(out)]) == 0
    said = capfd.readouterr().err.splitlines()
    assert said[0] == ("throughtime: 1 of 20 sequences cannot be read; nothing is predicted of it:")
    assert said[1].startswith(f"  's1': {why}") and len(said) == 2
    made, expected = pl.read_parquet(out), pl.read_parquet(whole)
    assert made["sequence"].to_list() == expected["sequence"].to_list()
    assert made["error"].is_not_null().to_list() == [k == 1 for k in range(20)]
    assert made["error"][1].startswith(why)
    assert made.row(1)[1:-1] == (None, None, None)
    kept = made.filter(pl.col("error").is_null()).drop("error")
    others = expected.filter(pl.col("sequence") != "s1")
    assert (kept["p_no"] - others["p_no"]).abs().max() < 1e-6


def test_many_are_counted_and_rows_without_a_name_are_said(call, table, tmp_path, run, capfd):
    changes = {k: "\x1b[2J" for k in range(0, 80, 9)}
    path = spoiled(table, tmp_path, a=changes, id={5: None, 70: " "})
    assert main(["predict", str(run), str(path)]) == 0
    printed, said = capfd.readouterr()
    assert "\x1b" not in said and "  rows of no sequence: column 'id', row 7 has no value" in said
    lines = said.splitlines()
    assert len(lines) == 7 and lines[-1].endswith("more, each named in the column error.")
    assert printed.splitlines()[0] == "sequence,predicted,p_no,p_yes,error"
    assert len(printed.splitlines()) == 22


def test_where_none_can_be_read_it_is_an_error(table, tmp_path, run, capfd):
    path = spoiled(table, tmp_path, a=dict.fromkeys(range(79), "high"))
    assert main(["predict", str(run), str(path)]) == 2
    said = capfd.readouterr().err
    assert said.startswith(f"throughtime: {path}: column 'a', row 2 has the text 'high'")


def test_training_and_evaluation_are_strict(table, tmp_path, run, capfd):
    path = spoiled(table, tmp_path, a={4: "high"})
    assert main(["evaluate", str(run), str(path)]) == 2
    assert main(["train", str(path), *COLUMNS, *SMALL, "--run", str(tmp_path / "other")]) == 2
    assert capfd.readouterr().err.count("row 6 has the text 'high'") == 2
    assert not (tmp_path / "other").exists()


def test_from_python_rows_are_those_of_the_whole_table(table, tmp_path):
    path = spoiled(table, tmp_path, a={4: "high"})
    columns = {"sequence": "id", "time": "t", "label": "kind", "channels": ["a", "b"]}
    left_out = []
    made = read_table(path, **columns, left_out=left_out)
    assert [(one.name, one.places) for one in left_out] == [("s1", [3, 4, 5, 6])]
    assert len(made) == 19 and made.rows is not None
    assert made.rows[:5].tolist() == [0, 1, 2, 7, 8]
    with pytest.raises(DataError, match="row 6 has the text 'high'"):
        read_table(path, **columns)
    sound = []
    read_table(tmp_path / "whole.csv", **columns, left_out=sound)
    assert sound == []


def test_dates_that_only_other_rows_make_clear_are_no_fault(tmp_path):
    """Each of the first two sequences could be read two ways by itself."""
    rows = [
        {"id": name, "t": f"{day:02}/{month:02}/2024", "a": value}
        for name, month, value in (("x", 1, "1"), ("y", 2, "high"), ("z", 3, "2"))
        for day in ((1, 2, 3) if name != "z" else (21, 22))
    ]
    path = tmp_path / "dates.csv"
    pl.DataFrame(rows).write_csv(path)
    left_out = []
    try:
        made = read_table(path, sequence="id", time="t", channels=["a"], categories={},
                          left_out=left_out)  # fmt: skip
    except DataError as error:
        assert "--date-format" in str(error), "the column as a whole is unclear"
    else:
        assert made.names == ("x", "z") and [one.name for one in left_out] == ["y"]


def test_the_truth_stands_beside_what_is_predicted(call, table, tmp_path, run):
    path, out = table("new.csv", seed=3), tmp_path / "p.parquet"
    scores = json.loads(call("evaluate", run, path, "--json", "--predictions", out))
    made = pl.read_parquet(out)
    assert made.columns == ["sequence", "predicted", "p_no", "p_yes", "true_kind"]
    assert made["true_kind"].to_list() == ["no", "yes"] * 10
    assert (made["predicted"] == made["true_kind"]).mean() == pytest.approx(scores["accuracy"])
    assert {"precision", "recall", "F1", "macro_F1"} <= {*scores}
    call("evaluate", run, "--predictions", tmp_path / "test.jsonl")
    assert len(pl.read_ndjson(tmp_path / "test.jsonl")) == 4


def test_numbers_that_are_not_known_are_empty_beside_the_predicted(call, tmp_path):
    rows = [{"id": f"s{k}", "a": k % 7 + t / 10, "sequence": None if k % 5 == 0 else float(k)}
            for k in range(20) for t in range(4)]  # fmt: skip
    path, run = tmp_path / "data.csv", tmp_path / "run"
    pl.DataFrame(rows).write_csv(path)
    call("train", path, "--sequence", "id", "--target", "sequence", *SMALL, "--run", run)
    out = tmp_path / "p.csv"
    call("evaluate", run, path, "--predictions", out)
    header, *made = csv.reader(out.read_text().splitlines())
    assert header == ["sequence", "sequence", "true_sequence"]
    assert [row[2] for row in made] == ["" if k % 5 == 0 else f"{k}" for k in range(20)]
    assert main(["predict", str(run), str(path), "--output", str(tmp_path / "p.jsonl")]) == 2
