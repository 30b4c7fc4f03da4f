"""`throughtime bench`: a table, a file, an exit status."""

import csv
import re
import subprocess
import sys

import pytest

from throughtime.bench.allocator import command
from throughtime.cli import main

TINY = ["--shape", "5,3,2,4", "--rounds", "1", "--threads", "1"]


def read(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def test_a_table_and_a_file(call, tmp_path):
    path = tmp_path / "all.csv"
    path.write_text("what was here before")
    out = call("bench", "--cell", "lstm", "--cell", "GRU", *TINY, "--peers", "torch", "--csv", path)
    head, columns, *lines = out.splitlines()
    for name in ("throughtime ", "torch ", "python ", "instruction set ", "threads 1", "allocator"):
        assert name in head
    assert columns.split() == [
        "cell", "T,B,I,H", "pass", "throughtime", "ms", "torch.nn", "ms", "of", "peak", "faults",
    ]  # fmt: skip
    assert [line.split()[:3] for line in lines[:4]] == [
        [cell, "5,3,2,4", way] for cell in ("lstm", "gru") for way in ("inference", "training")
    ]
    assert {len(line) for line in [columns, *lines[:4]]} == {len(columns)}
    assert "over that of throughtime" in out and "where it needs less: 1.0 or better in" in out
    rows = read(path)
    assert len(rows) == 8 and [p.name for p in tmp_path.iterdir()] == ["all.csv"]
    for row in rows:
        assert (row["T"], row["B"], row["I"], row["H"]) == ("5", "3", "2", "4")
        assert None not in row and float(row["ms"]) > 0 and float(row["of_peak"]) > 0
        assert row["contestant"] in ("throughtime", "torch.nn") and row["threads"] == "1"
    assert [row["ratio"] for row in rows[::2]] == ["1"] * 4


@pytest.mark.slow
def test_options_reach_the_task(call, tmp_path):
    path = tmp_path / "all.csv"
    out = call(
        "bench", "--cell", "rnn", "--random", "2", "--seed", "3", "--layers", "2", "--both",
        "--ragged", "--dtype", "float64", "--pass", "inference", "--rounds", "1", "--peers",
        "torch", "--csv", path, *TINY,
    )  # fmt: skip
    rows = read(path)
    assert len(rows) == 6 and "training" not in out
    wanted = {"layers": "2", "directions": "2", "ragged": "True", "dtype": "float64",
              "rounds": "1"}  # fmt: skip
    assert all(row[name] == value for row in rows for name, value in wanted.items())


def test_a_cell_of_ones_own(call, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from torch import tanh\nfrom throughtime import Cell, affine\n"
        "class Mine(Cell):\n    def step(self, x, h):\n        return tanh(affine('a', h, x))\n"
    )
    out = call("bench", "--cell", f"{file}:Mine", *TINY, "--peers", "torch", "--beside", "GRU")
    assert "torch.nn" not in out.splitlines()[1]
    assert "reference engine ms" in out and "GRU ms" in out
    assert "Mine, training: " in out and "of the time of GRU (" in out


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_memory_and_allocator(tmp_path):
    path = tmp_path / "all.csv"
    options = ["--cell=rnn", "--pass=inference", "--peers=torch", "--memory", "--same-allocator"]
    done = subprocess.run(
        command(["bench", *options, *TINY, "--csv", str(path)]), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("allocator") == 1 and "no page faults" in done.stdout
    assert done.stdout.splitlines()[3].split()[0] == "MiB"
    assert all(0 <= float(row["memory_mib"]) < 100 for row in read(path))


WRONG = {
    "--shape=1,2,3": "--shape '1,2,3'; expected T,B,I,H .*: four whole numbers.* Write 100,32,32,6",
    "--shape=1,2,0,4": "--shape '1,2,0,4'; expected T,B,I,H",
    "--shape=1,2,-3,4": "--shape '1,2,-3,4'; expected T,B,I,H",
    "--shape=a,b,c,d": "--shape 'a,b,c,d'; expected T,B,I,H",
    "--random=-1": "--random is -1; expected a whole number, 0 or more. Set --random 0",
    "--random=many": "--random has 'many'; expected a whole number",
    "--layers=0": "--layers is 0; expected a whole number, 1 or more. Set --layers 1",
    "--rounds=0": "--rounds is 0; expected a whole number, 1 or more",
    "--threads=-2": "--threads is -2; expected a whole number, 0 or more",
    "--dtype=float16": "--dtype is 'float16'; expected one of float32, float64",
    "--pass=backward": "--pass is 'backward'; expected one of inference, training, both",
    "--peers=keras": "--peers has 'keras'; expected some of torch, onnxruntime, jax",
    "--peers=": "--peers has ''; expected some of",
    "--cell=LTSM": "--cell 'LTSM'; expected one of .* Did you mean LSTM",
    "--cell=none.py:Mine": "there is no such file",
    "--beside=LTSM": "'LTSM'; expected one of",
    "--csv=none/all.csv": "none/all.csv: cannot be written, because there is no folder none",
    "--csv=.": ".: cannot be written, because it is a folder; expected a file",
    "--what": "No such option: --what",
}


@pytest.mark.parametrize("option", WRONG)
def test_what_is_given_wrongly(capfd, tmp_path, monkeypatch, option):
    monkeypatch.chdir(tmp_path)
    assert main(["bench", option]) == 2
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("throughtime: ")
    assert re.search(WRONG[option], err), err
    assert not list(tmp_path.iterdir())
