"""The command line starts at once: what is large is imported where it is used."""

import subprocess
import sys

import pytest

LARGE = ("torch", "polars", "numpy", "safetensors", "jaxtyping", "rich.progress", "plotly")


def imported_by(code: str) -> set[str]:
    shown = f"import sys\n{code}\nprint('\\n' + '\\n'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    return {*done.stderr.splitlines()}


@pytest.mark.parametrize(
    "code",
    [
        "import throughtime",
        "from throughtime.cli import main; assert main(['--help']) == 0",
        "from throughtime.cli import main; assert main(['train', '--help']) == 0",
        "from throughtime.cli import main; assert main(['--version']) == 0",
    ],
)
def test_nothing_large_is_imported(code):
    names = imported_by(code)
    assert "throughtime" in names
    assert sorted(names.intersection(LARGE)) == []


WRONG = [
    ["diagnose", "nosuch"],
    ["evaluate", "nosuch"],
    ["predict", "nosuch", "data.csv"],
    ["predict", "run", "nosuch.csv"],
    ["predict", "run", "data.csv", "--output", "nosuch/all.csv"],
    ["predict", "run", "data.csv", "--output", "all.xlsx"],
    ["evaluate", "run", "--predictions", "all"],
    ["train", "data.csv", "--sequence", "id", "--target", "a", "--quantiles", "0.1,1"],
    ["train", "data.csv", "--sequence", "id", "--label", "kind", "--quantiles", "0.1"],
    ["info", "nosuch"],
    ["report", "nosuch"],
    ["report", "run", "nosuch.csv"],
    ["report", "run", "--out", "nosuch/page.html"],
    ["report", "--compare", "run", "nosuch"],
    ["diagnose", "run", "--steps", "0"],
    ["train", "nosuch.csv", "--sequence", "id", "--label", "kind"],
    ["train", "data.csv", "--label", "kind"],
    ["train", "data.csv", "--sequence", "id"],
    ["train", "data.csv", "--sequence", "id", "--label", "kind", "--test", "nosuch.csv"],
    ["train", "data.csv", "--sequence", "id", "--label", "kind", "--test-share", "2"],
    ["train", "--sequence", "id"],
    ["look", "nosuch.csv"],
    ["look", "flipflop"],
    ["train", "sine(51)"],
    ["train", "sine", "--label", "kind"],
    ["train", "sine", "--pooling", "last"],
    ["evaluate", "run", "sines"],
    ["look", "data.csv"],
    *(["look", "data.csv", "--sequence", "id", "--label", "kind", *more] for more in (
        ["--split", "time"], ["--gap", "3"], ["--part", "a", "--test-share", "0.2"],
        ["--group", "a", "--split", "time", "--time", "t"], ["--validation-file", "nosuch.csv"],
    )),
    ["train", "--resume", "nosuch"],
    ["train", "--resume", "run", "--epochs", "3"],
    ["train", "--run", "run"],
    ["train", "--lr", "0.1"],
    ["train", "--cell", "LTSM"],
    ["train", "--cell", "nosuch.py:Mine"],
    ["train", "--cell", "LSTM("],
    ["train", "--from", "nosuch"],
    ["train", "--from", "run"],
    ["train", "data.csv", "--from", "run", "--hidden", "8"],
    ["train", "--device", "gpu"],
    ["train", "--device", "cuda:"],
    ["evaluate", "run", "--device", "gpu"],
    ["predict", "run", "data.csv", "--device", "CUDA"],
    ["report", "run", "--device", "cuda:x"],
    ["report", "--compare", "run", "run", "--device", "cuda"],
    ["diagnose", "run", "--device", "mps"],
    ["train", "--bptt", "half"],
    ["train", "--bptt", "truncated:5"],
    ["train", "--output", "64,x"],
    *(["train", f"--{name}", "0"] for name in ("hidden", "layers", "epochs", "batch-size",
                                               "patience", "learning-rate", "minutes")),
    *(["train", f"--{name}", "-1"] for name in ("seed", "threads", "checkpoint-seconds", "clip",
                                                "weight-decay")),
    *(["train", f"--{name}", "nan"] for name in ("dropout", "variational-dropout", "zoneout",
                                                 "weight-drop", "label-smoothing", "validation")),
    *(["train", f"--{name}", "nosuch"] for name in ("direction", "merge", "initial-state",
                                                    "pooling", "optimiser", "schedule")),
    ["compute", "nosuch"],
    ["compute", "parity", "--dtype", "half"],
    ["compute", "parity", "--engine", "gpu"],
    ["compute", "parity", "--cells", "many"],
    ["compute", "parity", "--steps", "-1"],
    ["bench", "--shape", "1,2"],
    ["bench", "--cell", "LTSM"],
    ["bench", "--beside", "LTSM"],
    ["bench", "--peers", "nosuch"],
    ["bench", "--csv", "nosuch/all.csv"],
    *(["bench", f"--{name}", "-1"] for name in ("random", "seed", "layers", "threads", "rounds",
                                                "dtype", "pass")),
]  # fmt: skip


def test_options_and_paths_are_checked_before_torch_is_imported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text("id,kind,a\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    code = f"""
from throughtime.cli import main
for arguments in {WRONG!r}:
    status = main(arguments)
    assert status == 2, arguments
    assert "torch" not in sys.modules, arguments
"""
    assert "torch" not in imported_by(code)


def test_what_is_chosen_from_is_what_the_library_knows():
    from throughtime.bench.contestants import PEERS
    from throughtime.cli import bench, options, train
    from throughtime.training.optimise import OPTIMISERS, SCHEDULES
    from throughtime.training.options import LARGEST, LARGEST_RATE

    assert {*train.OPTIMISERS} == {*OPTIMISERS}
    assert {*train.SCHEDULES} == {*SCHEDULES, "none"}
    assert {*bench.PEERS} == {*PEERS}
    assert (options.LARGEST, options.LARGEST_RATE) == (LARGEST, LARGEST_RATE)


def test_a_run_that_compiles_nothing_does_not_import_the_compiler():
    """Of torch, torch._dynamo, which takes as long as all of torch. Training needs torch.optim,
    which imports it by itself."""
    code = """
import torch
from throughtime import LSTM, Model, Recurrent, datasets, evaluate, nn
_, data = datasets.japanese_vowels()
layer = Recurrent(LSTM, len(data.channels), 4, direction="both", layers=2)
model = Model(layer, classes=data.classes, channels=data.channels)
evaluate(model, data)
layer(torch.zeros(3, 2, len(data.channels)))[0].sum().backward()
nn.LSTM(3, 4)(torch.zeros(3, 2, 3))[0].sum().backward()
Recurrent(LSTM, 3, 4, engine="reference")(torch.zeros(3, 2, 3))[0].sum().backward()
"""
    names = imported_by(code)
    assert "throughtime.engines" in names and "torch._dynamo" not in names


def test_the_check_sees_what_is_imported():
    assert "torch" in imported_by("import throughtime; throughtime.Recurrent")
