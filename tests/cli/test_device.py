"""`--device`: a model is trained and used where it says."""

import json

import pytest
import torch
from cli.test_train import COLUMNS, SMALL

from throughtime import load
from throughtime.cli import device as devices
from throughtime.cli import main
from throughtime.training import Model


@pytest.fixture
def moved(monkeypatch):
    """As if there were a GPU: which devices models were moved to, and then are on the CPU."""
    places = []
    move = Model.to

    def to(self, place, *more, **named):
        places.append(str(place))
        return move(self, "cpu", *more, **named)

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(Model, "to", to)
    return places


def failure(capfd, *arguments):
    assert main([str(a) for a in arguments]) == 2
    return capfd.readouterr().err


def test_every_command_goes_where_it_is_told(call, table, tmp_path, moved, interrupted):
    path, folder = table(), tmp_path / "run"
    arguments = ["train", path, *COLUMNS, *SMALL, "--run", folder]
    interrupted(1, *arguments, "--device", "cuda:1", "--epochs", "2")
    assert moved == ["cuda:1"]
    call("train", "--resume", folder)
    assert moved == ["cuda:1"] * 2
    assert load(folder).details["device"] == "cuda:1"
    moved.clear()
    whole = call("evaluate", folder, "--json")
    assert moved == ["cpu"]
    assert call("evaluate", folder, "--json", "--device", "cuda") == whole
    call("predict", folder, path, "--device", "cuda:0")
    call("report", folder, path, "--device", "cuda:1")
    assert moved == ["cpu", "cuda", "cuda:0", "cuda:1"]


def test_a_diagnosis_goes_where_it_is_told(call, table, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    call("train", table(), *COLUMNS, *SMALL, "--run", folder)
    assert json.loads((folder / "config.json").read_text())["details"]["device"] == "cpu"
    asked = []
    monkeypatch.setattr(devices, "named", lambda name: asked.append(name) or torch.device("cpu"))
    call("diagnose", folder, "--device", "cuda")
    assert asked == ["cuda", "cuda"]  # the model, and its batch


@pytest.mark.parametrize("name, count, said", [
    ("cuda", 0, "has none of its kind here. Leave --device out for the CPU."),
    ("cuda:2", 2, "has 2 of its kind here. Write --device cuda:1."),
    ("mps", 0, "has none of its kind here. Leave --device out for the CPU."),
])  # fmt: skip
def test_a_device_that_is_not_there(table, tmp_path, monkeypatch, capfd, name, count, said):
    for kind in (torch.cuda, torch.mps):
        monkeypatch.setattr(kind, "device_count", lambda: count)
    folder = tmp_path / "run"
    error = failure(capfd, "train", table(), *COLUMNS, "--run", folder, "--device", name)
    start = f"throughtime: --device is {name}; expected a device that is there, and torch "
    assert error.startswith(start) and error.endswith(f"{said}\n") and not folder.exists()


def test_a_run_of_a_device_that_is_not_there(call, table, tmp_path, moved, monkeypatch, capfd):
    folder = tmp_path / "run"
    call("train", table(), *COLUMNS, *SMALL, "--run", folder, "--device", "cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    error = failure(capfd, "train", "--resume", folder)
    assert f"{folder} was begun on cuda; expected a device that is there" in error
    assert error.endswith("Resume the run where there is one.\n")


def test_how_it_is_spelled(capfd):
    error = failure(capfd, "train", "--device", "gpu")
    assert "--device is 'gpu'; expected cpu, cuda, cuda:1 or mps: the processor" in error
