"""Runs whose parts are told by a group, by time, by a column or by files: nothing leaks."""

import json
from pathlib import Path

import polars as pl
import pytest
import torch

from throughtime import load
from throughtime.data import read_table
from throughtime.training.files import read_json

COLUMNS = ["--sequence", "id", "--time", "t", "--label", "kind", "--channels", "a"]
SMALL = ["--hidden", "2", "--epochs", "4", "--batch-size", "8", "--quiet"]
WAYS = {
    "sequence": ["--validation", "0.25"],
    "group": ["--group", "who", "--validation", "0.25"],
    "time": ["--split", "time", "--gap", "2", "--validation", "0.25"],
    "part": ["--part", "fold"],
    "files": ["--test", "test.csv", "--validation-file", "held.csv"],
}


def write(path, first, count):
    rows = [
        {"id": f"s{k}", "t": 5 * k + step, "a": float((k * 37) % 101 + step), "kind": "xy"[k % 2],
         "who": f"p{k // 4}", "fold": ("train", "train", "val", "test")[k // 2 % 4]}
        for k in range(first, first + count) for step in range(3)
    ]  # fmt: skip
    pl.DataFrame(rows).write_csv(path)


@pytest.fixture(autouse=True)
def tables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("data.csv", 0, 40)
    write("test.csv", 100, 8)
    write("held.csv", 200, 8)


def parts(call, options):
    seen = json.loads(call("look", "data.csv", *COLUMNS, *options, "--json"))
    return {part["name"]: part for part in seen["parts"]}


@pytest.mark.parametrize("way", WAYS)
def test_scaling_is_fitted_on_the_training_part_alone(call, way):
    call("train", "data.csv", *COLUMNS, *SMALL, *WAYS[way], "--run", "run")
    run = load("run")
    expected = parts(call, WAYS[way])
    assert {*expected} == {"training", "validation", "test"}
    assert run.results["test"]["sequences"] == expected["test"]["sequences"]
    assert "validation_loss" in run.history[-1]
    values = training_values(way, expected["training"])
    torch.testing.assert_close(run.model.encoder.mean, values.mean(0))
    torch.testing.assert_close(run.model.encoder.std, values.std(0, correction=0))


def training_values(way, training):
    """The values of the training part, told from the table by other means than the split."""
    data = read_table(
        "data.csv", sequence="id", time="t", channels=["a"], attributes=["who", "fold"]
    )
    if way == "files":
        return data.values
    if way == "part":
        own = [k for k, fold in enumerate(data.attributes["fold"]) if fold == "train"]
    elif way == "group":
        own = [k for k, who in enumerate(data.attributes["who"]) if who in training["groups"]]
    elif way == "time":
        own = [k for k in range(40) if 5 * k + 2 <= int(training["ends"])]
    else:
        from throughtime.data import split

        labelled = read_table("data.csv", sequence="id", time="t", label="kind", channels=["a"])
        train, _ = split(labelled, 0.2, 0)
        return split(train, 0.25, 0)[0].values
    assert len(own) == training["sequences"]
    return data.select(own).values


@pytest.mark.parametrize(
    "way", ["sequence", *(pytest.param(w, marks=pytest.mark.slow) for w in WAYS if w != "sequence")]
)
def test_a_stopped_run_goes_on_bit_for_bit(call, interrupted, way):
    options = [*COLUMNS, *SMALL, *WAYS[way], "--dropout", "0.3", "--checkpoint-seconds", "0"]
    call("train", "data.csv", *options, "--run", "whole")
    interrupted(7, "train", "data.csv", *options, "--run", "run")
    call("train", "--resume", "run")
    one, other = (Path(name, "weights.safetensors").read_bytes() for name in ("whole", "run"))
    assert one == other and load("run").results == load("whole").results
    losses = [[row["validation_loss"] for row in load(name).history] for name in ("whole", "run")]
    assert losses[0] == losses[1]
    call("evaluate", "run")
    call("report", "run")


def test_validation_by_sequence_is_that_of_fit(call):
    """A run of today and one of a version in which `fit` set the part aside end the same."""
    call("train", "data.csv", *COLUMNS, *SMALL, "--validation", "0.25", "--run", "run")
    config = read_json(Path("run/config.json"))
    assert config["options"]["validation"] == "given"
    from throughtime import fit
    from throughtime.data import split
    from throughtime.training import Options

    data = read_table("data.csv", sequence="id", time="t", label="kind", channels=["a"])
    train, _ = split(data, 0.2, 0)
    model = load("run").model
    model.load_state_dict(load("run").initial)
    options = {n: v for n, v in config["options"].items() if n in Options.__dataclass_fields__}
    again = fit(model, train, **options | {"validation": 0.25})
    for name, value in load("run").model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value)


def test_a_table_to_validate_on_that_has_changed(call, interrupted, capfd):
    from throughtime.cli import main

    options = [*COLUMNS, *SMALL, "--validation-file", "held.csv", "--checkpoint-seconds", "0"]
    interrupted(2, "train", "data.csv", *options, "--run", "run")
    write("held.csv", 200, 9)
    assert main(["train", "--resume", "run"]) == 2
    assert "held.csv: has changed since the run began; expected the same" in capfd.readouterr().err
