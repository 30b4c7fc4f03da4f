"""Tags from a table to a run folder, its scores, predictions and reports, and on from there."""

import csv
import io
import json
import math

import polars as pl
import pytest

from throughtime.training import load

COLUMNS = ["--sequence", "id", "--time", "t"]
SMALL = ["--hidden", "6", "--epochs", "25", "--batch-size", "4", "--learning-rate", "0.03",
         "--dropout", "0"]  # fmt: skip


def frame(count=30):
    """Waves; the tag is on which side of 0 they are, some of them not known. Rows are shuffled."""
    rows = [
        {"id": f"s{k}", "t": f"2024-01-01 00:{t:02}", "a": math.sin(k + 0.7 * t),
         "b": 0.1 * (k % 3), "side": None if (k + t) % 9 == 0 else ["low", "high"][
             math.sin(k + 0.7 * t) > 0],
         "height": None if t == 2 else 10 * math.sin(k + 0.7 * t), "w": float((k + t) % 4)}
        for k in range(count) for t in range(6 + k % 5)
    ]  # fmt: skip
    return pl.DataFrame(rows).sample(fraction=1.0, shuffle=True, seed=1)


@pytest.fixture
def table(tmp_path):
    frame().write_csv(tmp_path / "data.csv")
    return tmp_path / "data.csv"


@pytest.mark.usefixtures("reports")
def test_tags_of_a_table(call, table, tmp_path):
    folder = tmp_path / "run"
    out = call("train", table, *COLUMNS, "--channels", "a,b", "--tag", "side,height", *SMALL,
               "--class-weights", "--validation", "0.2", "--run", folder)  # fmt: skip
    assert "mean_score" in out and "logistic and ridge regression on steps -2 to 2" in out
    run = load(folder)
    assert run.results["test"]["mean_score"] > 0.9 > run.results["constant"]["mean_score"]
    assert run.model.recurrent[0].direction == "both"
    page = (folder / "report.html").read_text()
    assert "True and predicted: side" in page and "True and predicted: height" in page
    scores = json.loads(call("evaluate", folder, "--json"))
    assert scores["mean_score"] == run.results["test"]["mean_score"]
    assert "side: each class" in call("evaluate", folder)
    assert "targets: {'side'" in call("info", folder)
    again = json.loads(call("evaluate", folder, table, "--json"))
    assert again["targets"]["side"]["known"] == frame()["side"].count()
    bare = tmp_path / "bare.csv"
    frame().drop("side", "height").write_csv(bare)
    predicted = list(csv.DictReader(io.StringIO(call("predict", folder, bare))))
    head = ["sequence", "time", "side", "p_side_high", "p_side_low", "height"]
    assert [*predicted[0]] == head
    rows = frame().to_dicts()
    assert [(p["sequence"], p["time"]) for p in predicted] == [(r["id"], r["t"]) for r in rows]
    right = [p["side"] == r["side"] for p, r in zip(predicted, rows, strict=True) if r["side"]]
    assert sum(right) / len(right) > 0.9
    assert call("report", folder, table, "--out", tmp_path / "anew.html")
    assert call("report", "--compare", folder, folder, "--out", tmp_path / "both.html")
    assert call("diagnose", folder).startswith("6 sequences")


def test_one_tag_seen_live_with_weights(call, table, tmp_path):
    folder = tmp_path / "run"
    out = call("train", table, *COLUMNS, "--channels", "a", "--tag", "side", "--weight", "w",
               "--causal", "--spans", "--bptt", "truncated:4", *SMALL, "--run", folder)  # fmt: skip
    assert "accuracy" in out
    run = load(folder)
    assert run.model.recurrent[0].direction == "forward" and run.model.task.weights == "w"
    assert [*run.results["test"]["targets"]["side"]["spans"]["types"]] == ["high", "low"]
    frame().drop("w").write_csv(tmp_path / "other.csv")  # scores do not weigh
    assert "spans of each type" in call("evaluate", folder, tmp_path / "other.csv")
    assert "accuracy" in call("train", "--resume", folder)
    predicted = call("predict", folder, tmp_path / "other.csv").splitlines()
    assert predicted[0] == "sequence,time,predicted,p_high,p_low"


def test_tags_of_a_test_table(call, table, tmp_path):
    """A class that does not occur there keeps its place; weights are not needed there."""
    test = tmp_path / "test.csv"
    frame(8).filter(pl.col("side") == "low").drop("w").write_csv(test)
    folder = tmp_path / "run"
    call("train", table, *COLUMNS, "--channels", "a", "--tag", "side", "--weight", "w",
         "--test", test, *SMALL, "--run", folder)  # fmt: skip
    assert load(folder).model.task.classes == {"side": ("high", "low")}


def test_nothing_is_trained_on_tags_that_are_not_known(table, tmp_path, capfd):
    from throughtime.cli import main

    none = tmp_path / "none.csv"
    frame().with_columns(side=pl.lit(None, dtype=pl.String)).write_csv(none)
    columns = [*COLUMNS, "--channels", "a", "--tag", "side", "--run", str(tmp_path / "run")]
    for tables in ([str(none)], [str(table), "--test", str(none)]):
        assert main(["train", *tables, *columns]) == 2
        err = capfd.readouterr().err
        assert "'side' has no value in any row" in err or "'side' is not known at any step" in err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_trained_on_from_a_run(call, table, tmp_path):
    """The classes and the columns are those of the run."""
    first = tmp_path / "first"
    call("train", table, *COLUMNS, "--channels", "a", "--tag", "side,w:class", *SMALL,
         "--run", first)  # fmt: skip
    other = tmp_path / "other.csv"
    frame(10).filter(pl.col("w") < 3).write_csv(other)
    call("train", other, "--from", first, "--epochs", "1", "--run", tmp_path / "second")
    model = load(tmp_path / "second").model
    assert model.task.classes == {"side": ("high", "low"), "w": ("0", "1", "2", "3")}
    assert "accuracy" in call("train", "--resume", tmp_path / "second")
    bare = tmp_path / "bare.csv"
    frame(10).drop("w").write_csv(bare)
    with pytest.raises(AssertionError, match="At index 0 diff: 2 != 0"):
        call("train", bare, "--from", first, "--run", tmp_path / "third")
