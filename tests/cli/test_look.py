"""`throughtime look`, and the first screen of `train`."""

import json

import polars as pl
import pytest

from throughtime.cli import main
from throughtime.data.look import Look

COLUMNS = ["--sequence", "id", "--time", "t", "--label", "kind"]
SCREEN = """\
{path}: 20 sequences of 3 to 5 steps, 79 in all
  id    sequence: tells the sequence of each row
  t     time: steps of 10, none missing
  kind  label: 2 classes
  a, b  input: number, as every other column
test part: 20% of each class, drawn with seed 0
  training  16 sequences, 61 steps; no 8, yes 8
  test      4 sequences, 18 steps; no 2, yes 2
to beat: majority class, linear (logistic regression)
"""


def test_a_simple_table(call, table):
    path = table()
    assert call("look", path, *COLUMNS) == SCREEN.format(path=path)


def test_train_begins_with_the_same_screen(call, table, tmp_path):
    path = table()
    small = ["--hidden", "2", "--epochs", "1", "--run"]
    out = call("train", path, *COLUMNS, *small, tmp_path / "one")
    assert out.startswith(SCREEN.format(path=path) + "throughtime LSTM, ")
    out = call("train", path, *COLUMNS, *small, tmp_path / "two", "--quiet")
    assert out.startswith("throughtime LSTM, ")


def test_the_bundled_data(call):
    lines = call("look").splitlines()
    assert (
        lines[0] == "Japanese Vowels, training part: 270 sequences of 7 to 26 steps, 4,274 in all"
    )
    assert lines[1:4] == [
        "  series_id                  sequence: tells the sequence of each row",
        "  t                          time: steps of 1, none missing",
        "  label                      label: 9 classes",
    ]
    assert lines[5:8] == [
        "parts: as they were published",
        "  training  270 sequences, 4,274 steps; 30 of each class",
        "  test      370 sequences, 5,687 steps; 24 to 88 of each class",
    ]


def test_the_file_and_what_is_not_used_are_told(call, tmp_path):
    path = tmp_path / "data.csv"
    rows = "".join(f"{k};{k},5;{k % 3};x;{k}\n" for k in range(20))
    path.write_text("id;a;who;note;yield\n" + rows)
    options = ["--sequence", "id", "--target", "yield", "--channels", "a", "--group", "who"]
    lines = call("look", path, *options).splitlines()
    assert lines[0].endswith(": 20 sequences of 1 step, 20 in all, semicolons between columns, "
                             "decimal commas")  # fmt: skip
    assert "  yield  target: numbers, 0 to 19, mean 9.5" in lines
    assert "  who    group: 3 in 20 sequences" in lines
    assert "  note   ignored: not chosen as an input" in lines
    assert any(line.startswith("test part: whole groups of 'who', about 20%") for line in lines)
    assert "1 group (" in lines[-2] and lines[-1].startswith("to beat: mean of training, ridge")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--test", "other.csv"], "test part: other.csv"),
        (["--validation-file", "other.csv"], "validation part: other.csv"),
        (["--part", "fold"], "parts: as column 'fold' names them"),
        (
            ["--validation", "0.25"],
            "validation part: of the rest, 25% of each class, drawn with se",
        ),
        (["--test-share", "0.4", "--seed", "3"], "test part: 40% of each class, drawn with seed 3"),
    ],
)
def test_each_way_to_divide_is_told(call, table, tmp_path, monkeypatch, options, says):
    monkeypatch.chdir(tmp_path)
    fold = pl.when(pl.col("id").str.ends_with("5")).then(pl.lit("test")).otherwise(pl.lit("train"))
    table("data.csv", fold=fold)
    table("other.csv", seed=1, fold=fold)
    columns = [*COLUMNS, "--channels", "a,b"]
    assert any(
        line.startswith(says) for line in call("look", "data.csv", *columns, *options).split("\n")
    )


def test_one_series_without_a_target(call, tmp_path):
    path = tmp_path / "load.csv"
    path.write_text("month,load\n" + "".join(f"20{k:02d}-01,{k}\n" for k in range(30)))
    lines = call("look", path, "--time", "month", "--gap", "2").splitlines()
    assert lines == [
        f"{path}: 1 sequence of 30 steps, 30 in all",
        "  month  time: yearly, none missing; all rows are one sequence",
        "  load   input: number, as every other column",
        "test part: the last 20% of the steps, 2 steps before them in neither part",
        "  training  1 sequence, 22 steps, 2000-01 to 2021-01",
        "  test      1 sequence, 6 steps, 2024-01 to 2029-01",
    ]


def test_json(call, table):
    seen = json.loads(call("look", table(), *COLUMNS, "--json"))
    assert {*seen} == {*Look.__dataclass_fields__, "baselines"}
    assert seen["sequences"] == 20 and seen["reading"]["separator"] == ","
    assert [column["role"] for column in seen["columns"]] == ["sequence", "time", "label", "input"]
    assert seen["columns"][1]["step"]["missing"] == 0
    assert seen["parts"][1]["targets"]["kind"]["classes"] == {"no": 2, "yes": 2}
    assert seen["baselines"] == ["majority class", "linear (logistic regression)"]


def test_hostile_names_and_classes(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evil = "[red]\x1b[31m\x07"
    rows = [{"id": f"{evil}{k}", evil: k, "a": k, "kind": f"{evil}{k % 2}", "who": f"{evil}{k % 5}"}
            for k in range(20)]  # fmt: skip
    pl.DataFrame(rows).write_csv("data.csv")
    options = ["--sequence", "id", "--time", evil, "--label", "kind", "--group", "who"]
    assert main(["look", "data.csv", *options]) == 0
    out, err = capfd.readouterr()
    assert not err and "[red]\\x1b[31m\\x07" in out
    assert all(line.isprintable() for line in out.splitlines())
