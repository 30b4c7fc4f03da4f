"""Run folders that earlier versions wrote: they load, resume, evaluate and report as before.

`old_runs/` holds for two versions a GRU (one layer, forward, truncated, validated), a cell of the
user's own (two layers, both directions, checkpointed, scaled by replicas), and the same run stopped
in its second epoch. The report and the checkpoints of finished runs are left out for their size.
"""

import json
import shutil
from pathlib import Path

import pytest
import torch

from throughtime import load
from throughtime.data import read_table
from throughtime.training import evaluate
from throughtime.training.files import read_json, read_tensors

OLD = Path(__file__).parent / "old_runs"
VERSIONS = sorted(path.name for path in OLD.iterdir() if path.is_dir())


@pytest.fixture(params=VERSIONS)
def folder(request, tmp_path, monkeypatch):
    """Copies of the folders of a version, beside the table that they were trained on."""
    shutil.copytree(OLD / request.param, tmp_path / "runs")
    shutil.copy(OLD / "table.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    return Path("runs")


def test_there_are_two_versions():
    assert VERSIONS == ["2026-11-26", "2026-11-27"]


@pytest.mark.parametrize("name", ["gru", "own-cell"])
def test_it_says_the_same(call, folder, name):
    run = folder / name
    kept = read_json(run / "results.json")["test"]
    scores = json.loads(call("evaluate", run, "--json"))
    assert scores["confusion"] == kept["confusion"] and scores["classes"] == kept["classes"]
    assert scores["loss"] == pytest.approx(kept["loss"], rel=1e-5)
    predicted = call("predict", run, "table.csv").splitlines()
    assert predicted[0] == "sequence,predicted,p_falling,p_rising" and len(predicted) == 21
    again = json.loads(call("evaluate", run, "table.csv", "--json"))
    assert again["sequences"] == 20
    layers = json.loads(call("diagnose", run, "--json"))["layers"]
    assert len(layers) == (1 if name == "gru" else 4)
    assert f"accuracy {kept['accuracy']:.4f}" in " ".join(call("evaluate", run).split())


@pytest.mark.parametrize("name", ["gru", "own-cell"])
def test_its_report_is_written_from_what_was_kept_and_anew(call, folder, name):
    run = folder / name
    path = run / "report.html"
    assert call("report", run) == f"report: {path}\n"
    assert "Gradients through time" in path.read_text()
    assert call("report", run, "table.csv", "--out", "anew.html") == "report: anew.html\n"
    assert "on table.csv" in Path("anew.html").read_text()
    (run / "report.json").unlink()  # measured again, from the table
    call("report", run)
    assert "Gradients through time" in path.read_text()
    call("report", "--compare", run, run, "--out", "both.html")
    assert "GRU" in call("info", run) or "Fading" in call("info", run)


def now(name: str) -> str:
    """What an old name of a weight, or of a number of scaling, is called now."""
    return f"encoder.{name}" if name in ("mean", "std") else name.replace(".cells.", ".directions.")


@pytest.mark.usefixtures("reports")
def test_a_stopped_run_goes_on_to_the_same_result(call, folder):
    run, whole = folder / "own-cell-stopped", folder / "own-cell"
    call("train", "--resume", run)
    weights, expected = (read_tensors(f / "weights.safetensors")[0] for f in (run, whole))
    new = {now(name): t for name, t in expected.items()}
    assert weights.keys() == new.keys()
    for name, value in new.items():
        torch.testing.assert_close(weights[name], value, rtol=2e-4, atol=2e-5)
    losses = [[row["loss"] for row in load(f).history] for f in (run, whole)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    results = [read_json(f / "results.json")["test"] for f in (run, whole)]
    assert results[0]["confusion"] == results[1]["confusion"]
    assert (run / "report.html").exists()


def test_from_python(folder):
    run = load(folder / "own-cell")
    assert len(run.history) == 3 and run.initial and run.results["test"]["sequences"] == 4
    data = read_table("table.csv", sequence="id", time="step", label="kind")
    assert evaluate(run.model, data).sequences == 20
