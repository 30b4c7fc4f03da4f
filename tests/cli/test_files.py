"""Every kind of table is trained on, evaluated and predicted from the command line."""

import numpy as np
import polars as pl
import pytest
from cli.conftest import frame

SMALL = ["--hidden", "2", "--epochs", "1", "--quiet"]
ROLES = ["--sequence", "id", "--time", "t"]


def as_ts(table):
    lines = ["@univariate false", "@equalLength false", "@classLabel true no yes", "@data"]
    for _, part in table.group_by("id", maintain_order=True):
        channels = [",".join(map(str, part[name])) for name in ("a", "b")]
        lines.append(":".join([*channels, part["kind"][0]]))
    return "\n".join(lines) + "\n"


def as_npz(path, table):
    lengths = table.group_by("id", maintain_order=True).len()["len"].to_list()
    first = np.cumsum(lengths) - lengths
    np.savez(
        path, X=table["a", "b"].to_numpy(), offsets=[*first, len(table)],
        y=table["kind"].to_numpy().astype(str)[first],
    )  # fmt: skip


@pytest.fixture(params=["folder", "pattern", "parquet", "npz", "ts"])
def case(request, tmp_path):
    """A table of one kind, and the columns to name."""
    table = frame(20)
    half = len(table) // 2
    parts = {"1": table[:half], "2": table[half:]}
    path = tmp_path / "data"
    if request.param in ("folder", "pattern", "parquet"):
        path.mkdir()
        for name, part in parts.items():
            if request.param == "parquet":
                part.write_parquet(path / f"{name}.parquet")
            else:
                part.write_csv(path / f"{name}.csv")
        (path / "notes.md").write_text("none")
        return f"{path}/*.csv" if request.param == "pattern" else path, [*ROLES, "--label", "kind"]
    path = path.with_suffix(f".{request.param}")
    if request.param == "ts":
        path.write_text(as_ts(table))
    else:
        as_npz(path, table)
    return path, ["--label", "y"]


def test_trained_evaluated_predicted(call, case, tmp_path):
    path, columns = case
    run = tmp_path / "run"
    assert "accuracy" in call("train", path, *columns, "--run", run, *SMALL)
    assert "accuracy" in call("evaluate", run)
    assert "accuracy" in call("evaluate", run, path)
    call("predict", run, path, "--output", tmp_path / "out.csv")
    assert pl.read_csv(tmp_path / "out.csv").height == 20
    call("train", "--resume", run, "--quiet")


def test_a_table_with_the_columns_of_a_file_of_sequences(call, tmp_path):
    """A CSV may be predicted with a run of an .npz."""
    table, run = frame(20), tmp_path / "run"
    as_npz(tmp_path / "a.npz", table)
    call("train", tmp_path / "a.npz", "--label", "y", "--run", run, *SMALL)
    table.rename({"id": "sequence", "a": "c0", "b": "c1"}).write_csv(tmp_path / "a.csv")
    call("predict", run, tmp_path / "a.csv", "--output", tmp_path / "out.csv")
    assert pl.read_csv(tmp_path / "out.csv").height == 20


@pytest.mark.parametrize("options", [[], ["--sequence", "sequence"]])
def test_a_folder_of_files_of_sequences(call, tmp_path, options):
    (tmp_path / "data").mkdir()
    for name, seed in {"a": 0, "b": 1}.items():
        (tmp_path / "data" / f"{name}.ts").write_text(as_ts(frame(10, seed=seed)))
    run = tmp_path / "run"
    call("train", f"{tmp_path}/data/*.ts", *options, "--label", "y", "--run", run, *SMALL)
    lines = call("predict", run, tmp_path / "data").splitlines()
    assert lines[1].startswith("a.ts: 0,") and lines[-1].startswith("b.ts: 9,")
