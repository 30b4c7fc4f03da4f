"""`throughtime report`, and the report at the end of every training run."""

import json

import pytest
from cli.test_train import COLUMNS, OF_THE_MODEL, SMALL, train

from throughtime.cli import main

pytestmark = pytest.mark.usefixtures("reports")


def refused(capfd, *arguments):
    status = main([str(a) for a in arguments])
    out, err = capfd.readouterr()
    assert status == 2 and err.count("\n") == 1 and "Traceback" not in err, err
    return err


def test_every_run_ends_with_a_report(call, table, tmp_path):
    out = train(call, table(), tmp_path / "run")
    page = tmp_path / "run" / "report.html"
    assert out.splitlines()[-1] == f"report: {page}"
    text = page.read_text()
    assert "LSTM on data.csv" in text and "Gradient of the loss by lag" in text
    assert "throughtime train" in text and "--pooling last" in text, "the command"


def test_it_is_written_again_from_the_folder_alone(call, table, tmp_path):
    path = table()
    train(call, path, tmp_path / "run")
    page = tmp_path / "run" / "report.html"
    first = page.read_text()
    page.unlink()
    path.unlink()
    assert call("report", tmp_path / "run") == f"report: {page}\n"
    assert page.read_text() == first


def test_out_and_another_table(call, table, tmp_path):
    train(call, table(), tmp_path / "run")
    kept = (tmp_path / "run" / "report.html").read_text()
    other, out = table("new.csv", count=12, seed=5), tmp_path / "other.html"
    assert call("report", tmp_path / "run", other, "--out", out) == f"report: {out}\n"
    assert "LSTM on new.csv" in out.read_text() and "12 test sequences" in out.read_text()
    assert (tmp_path / "run" / "report.html").read_text() == kept


def test_a_resumed_run_has_before_and_after(call, table, tmp_path, interrupted):
    path = table()
    options = ["--epochs", "3", "--checkpoint-seconds", "0"]
    train(call, path, tmp_path / "whole", *options)

    interrupted(4, "train", path, *COLUMNS, *SMALL, "--run", tmp_path / "run", *options)
    call("train", "--resume", tmp_path / "run")
    found = [json.loads((tmp_path / n / "report.json").read_text()) for n in ("whole", "run")]
    assert found[0]["before"] is not None and found[0] == found[1]


def test_an_unfinished_run_says_what_is_there(call, table, tmp_path, capfd):
    train(call, table(), tmp_path / "run")
    for name in ("weights.safetensors", "results.json", "report.json"):
        (tmp_path / "run" / name).unlink()
    call("report", tmp_path / "run")
    text = (tmp_path / "run" / "report.html").read_text()
    assert "Not tested yet: 1 of 1 epochs are there." in text and "--resume" in text
    assert "has no weights yet" in refused(capfd, "report", tmp_path / "run", table())


def test_a_table_that_is_gone_is_named(call, table, tmp_path):
    path = table()
    train(call, path, tmp_path / "run")
    (tmp_path / "run" / "report.json").unlink()
    call("report", tmp_path / "run")
    assert "Gradient of the loss by lag" in (tmp_path / "run" / "report.html").read_text()
    path.unlink()
    call("report", tmp_path / "run")
    text = (tmp_path / "run" / "report.html").read_text()
    assert "Gradient of the loss by lag" not in text and "What is taken for what" in text
    assert "Not in this report" in text and "data.csv" in text


def test_a_report_that_cannot_be_written_costs_a_run_nothing(table, tmp_path, capfd, monkeypatch):
    from throughtime import report

    def broken(*arguments, **options):
        raise IndexError("list index out of range")

    folder = tmp_path / "a run"
    with monkeypatch.context() as patched:
        patched.setattr(report, "write_report", broken)
        assert main(["train", str(table()), *COLUMNS, *SMALL, "--run", str(folder)]) == 0
    out, err = capfd.readouterr()
    assert f"run folder: {folder}" in out and "report:" not in out and "accuracy" in out
    assert err == (
        "throughtime: the run is finished, but its report cannot be written (IndexError: list "
        f"index out of range). Write it again with `throughtime report '{folder}'`.\n"
    )
    assert json.loads((folder / "results.json").read_text())["test"]["accuracy"] > 0
    assert main(["report", str(folder)]) == 0 and (folder / "report.html").exists()


def test_a_cell_that_gives_no_gradient(call, table, tmp_path):
    """No gradient reaches the layer below a cell that returns its state."""
    file = tmp_path / "same.py"
    file.write_text(
        "from throughtime import Cell\n\n\nclass Same(Cell):\n"
        "    def step(self, x, h):\n        return h\n"
    )
    train(call, table(), tmp_path / "run", "--cell", f"{file}:Same", "--layers", "2",
          "--no-statistics")  # fmt: skip
    text = (tmp_path / "run" / "report.html").read_text()
    assert "the gradient is 0 at the last step" in text
    assert "It is 0 at every step" in text
    call("diagnose", tmp_path / "run")


def test_compare(call, table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = table()
    for cell in ("RNN", "GRU"):
        train(call, path, tmp_path / cell, "--cell", cell)
    assert call("report", "--compare", "RNN", "GRU") == "report: comparison.html\n"
    text = (tmp_path / "comparison.html").read_text()
    assert "2 runs on data.csv" in text and "GRU beside RNN" in text
    train(call, table("other.csv", seed=7), tmp_path / "other")
    call("report", "--compare", "RNN", "other", "--out", "apart.html")
    text = (tmp_path / "apart.html").read_text()
    assert "not tested on the same sequences" in text and "beside RNN" not in text


def test_errors(call, table, tmp_path, capfd):
    folder = tmp_path / "run"
    train(call, table(), folder)
    assert "is not a run folder" in refused(capfd, "report", tmp_path / "none")
    assert "one run folder is given" in refused(capfd, "report", "--compare", folder)
    assert "Add --compare" in refused(capfd, "report", folder, folder, folder)
    assert "cannot be written" in refused(capfd, "report", folder, "--out", "/no/such/place.html")
    (folder / "results.json").unlink()
    assert "has no results yet" in refused(capfd, "report", "--compare", folder, folder)
    (folder / "report.json").write_text(json.dumps({"format": 1}))
    assert "is damaged" in refused(capfd, "report", folder)


OPTIONS = [options for options, _ in OF_THE_MODEL]
TOGETHER = ["--layers", "2", "--direction", "backward", "--initial-state", "zeros",
            "--pooling", "max", "--output", "16,8", "--dropout", "0.25", "--zoneout", "0.25",
            "--no-statistics", "--no-differences", "--at-once", "2"]  # fmt: skip


@pytest.mark.parametrize(
    "options", [TOGETHER, *(pytest.param(o, marks=pytest.mark.slow) for o in OPTIONS)], ids=" ".join
)
def test_of_each_option_of_the_model(call, table, tmp_path, options):
    train(call, table(), tmp_path / "run", *options)  # which says so if it cannot be written
    text = (tmp_path / "run" / "report.html").read_text()
    assert "Gradient of the loss by lag" in text and " ".join(options) in text


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\u202eb", "`--x`"])
def test_a_table_with_a_hostile_name(call, table, tmp_path, name):
    path = tmp_path / f"{name.replace('/', '')}.csv"
    table().rename(path)
    train(call, path, tmp_path / "run")
    text = (tmp_path / "run" / "report.html").read_text()
    assert "<script>alert" not in text and "\u202e" not in text
