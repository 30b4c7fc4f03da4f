"""`throughtime train TABLE --from RUN`: the model of a run, trained on with another table."""

import json

import polars as pl
import pytest
import torch
from cli.test_train import COLUMNS, SMALL

from throughtime import load
from throughtime.cli import main
from throughtime.training.files import read_tensors

FEW = ["--epochs", "2", "--batch-size", "8"]


@pytest.fixture
def begun(call, table, tmp_path):
    """A run, and a table of the same columns with other values, where two columns are exchanged."""
    call("train", table(), *COLUMNS, *SMALL, "--run", tmp_path / "run", "--cell", "GRU")
    other = table("other.csv", seed=5)
    made = pl.read_csv(other).with_columns(pl.col("a") * 3 + 1)
    made.select("b", "id", "t", "a", "kind").write_csv(other)
    return tmp_path / "run", other


def failure(capfd, *arguments):
    assert main([str(a) for a in arguments]) == 2
    return capfd.readouterr().err


def test_it_begins_with_the_weights_and_the_scale_of_the_run(call, begun, tmp_path):
    run, other = begun
    new = tmp_path / "new"
    out = call("train", other, "--from", run, *FEW, "--run", new, "--seed", "3", "--bptt", "full")
    assert "GRU" in out and "on 4 test sequences" in out
    before, after = load(run), load(new)
    weights = before.model.state_dict()
    assert all(torch.equal(after.initial[name], w) for name, w in weights.items())
    assert not torch.equal(after.model.output[0].weight, weights["output.0.weight"])
    for name in ("encoder.mean", "encoder.std"):
        assert torch.equal(after.model.state_dict()[name], weights[name])
    assert after.details["from"] == str(run) and after.details["cell"] == "GRU"
    assert after.details["data"]["path"] == str(other)
    assert after.options.keep_scaling and after.options.epochs == 2
    assert after.model.describe() == before.model.describe()
    assert json.loads(call("evaluate", new, "--json"))["sequences"] == 4
    call("predict", new, other)


def test_it_is_resumed_to_the_same_end(call, begun, tmp_path, interrupted):
    run, other = begun
    options = ["train", other, "--from", run, *FEW, "--checkpoint-seconds", "0", "--run"]
    call(*options, tmp_path / "whole")
    interrupted(3, *options, tmp_path / "broken")
    call("train", "--resume", tmp_path / "broken")
    weights = [read_tensors(tmp_path / n / "weights.safetensors")[0] for n in ("whole", "broken")]
    assert all(torch.equal(w, weights[1][name]) for name, w in weights[0].items())


def test_a_class_that_is_not_there_is_still_known(call, begun, tmp_path, table):
    run, _ = begun
    only = table("only.csv", classes=("yes",), seed=2)
    both = table("both.csv", seed=3)
    call("train", only, "--from", run, *FEW, "--run", tmp_path / "new", "--test", both)
    new = load(tmp_path / "new")
    assert new.model.task.classes == ("no", "yes") and new.results["test"]["sequences"] == 20
    call("evaluate", tmp_path / "new")  # the table is read again as it was


def test_numbers_keep_the_scale_of_the_run(call, tmp_path):
    rows = [{"id": f"s{k}", "a": k % 5 + t / 9, "size": 2.0 * (k % 5)}
            for k in range(20) for t in range(3)]  # fmt: skip
    frame, path, other = pl.DataFrame(rows), tmp_path / "data.csv", tmp_path / "other.csv"
    frame.write_csv(path)
    frame.with_columns(pl.col("size") * 10).write_csv(other)
    columns = ["--sequence", "id", "--target", "size"]
    call("train", path, *columns, *SMALL, "--run", tmp_path / "run")
    call("train", other, "--from", tmp_path / "run", *FEW, "--run", tmp_path / "new")
    assert load(tmp_path / "new").model.task == load(tmp_path / "run").model.task


@pytest.mark.slow
def test_the_bundled_data_have_columns_too(call, tmp_path):
    run, table = tmp_path / "run", tmp_path / "vowels.csv"
    call("train", *SMALL, "--run", run)
    rows = [
        {"series_id": f"{k}", "t": t, **{f"c{c}": 0.1 * c * t for c in range(1, 13)},
         "label": f"{1 + k % 9}"}
        for k in range(27) for t in range(4)
    ]  # fmt: skip
    channels = load(run).model.channels
    names = dict(zip([f"c{c}" for c in range(1, 13)], channels, strict=True))
    pl.DataFrame(rows).rename(names).write_csv(table)
    call("train", table, "--from", run, *FEW, "--run", tmp_path / "new")
    assert load(tmp_path / "new").details["data"]["sequence"] == "series_id"


@pytest.mark.parametrize("option", [
    ["--cell", "LSTM"], ["--hidden", "128"], ["--layers", "2"], ["--direction", "both"],
    ["--merge", "sum"], ["--initial-state", "zeros"], ["--pooling", "last"], ["--output", "8"],
    ["--dropout", "0.1"], ["--variational-dropout", "0.1"], ["--zoneout", "0.1"],
    ["--weight-drop", "0.1"], ["--sequence", "id"], ["--label", "kind"], ["--time", "t"],
    ["--channels", "a"], ["--target", "a"], ["--date-format", "%Y"],
])  # fmt: skip
def test_what_the_run_has_already(begun, capfd, option):
    run, other = begun
    error = failure(capfd, "train", other, "--from", run, *option)
    assert error == (
        f"throughtime: --from {run} is given with {option[0]}; expected it left out, because the "
        f"model and the columns are those of that run. Leave out {option[0]}.\n"
    )


def test_what_else_cannot_be(begun, capfd, tmp_path):
    run, other = begun
    assert "--from" in failure(capfd, "train", "--from", run)
    assert "given without a table" in failure(capfd, "train", "--from", run)
    assert "is not a run folder" in failure(capfd, "train", other, "--from", tmp_path / "nosuch")
    error = failure(capfd, "train", "--resume", run, "--from", run)
    assert "is given with --from; expected it alone" in error
    error = failure(capfd, "train", other, "--from", run, "--test", other, "--test-share", "0.5")
    assert "is given with --test" in error and "Leave out --test-share." in error
    pl.read_csv(other).rename({"a": "A2"}).write_csv(tmp_path / "renamed.csv")
    error = failure(capfd, "train", tmp_path / "renamed.csv", "--from", run)
    assert "and no 'a'; expected" in error and "was trained on these" in error
    pl.read_csv(other).with_columns(kind=pl.lit("maybe")).write_csv(tmp_path / "new_class.csv")
    assert "'maybe'" in failure(capfd, "train", tmp_path / "new_class.csv", "--from", run)
    (run / "weights.safetensors").unlink()
    assert "has no weights yet" in failure(capfd, "train", other, "--from", run)
