"""What a run says of itself, without a folder and with one of an earlier version."""

import platform
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from training.tiny import model, same, sequences, without_seconds

from throughtime import GRU, RNN, fit
from throughtime.errors import RunError
from throughtime.training import Options, Run, equations, load
from throughtime.training.files import read_json, write_json

DATA = sequences(8)


def trained(folder=None, **options):
    options = {"epochs": 2, "batch_size": 4} | options
    return fit(model(DATA, RNN, 3, direction="both"), DATA, folder=folder, **options)


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = trained()
    run.record({"test": {"accuracy": 0.5}})
    assert run.folder is None and [*tmp_path.iterdir()] == []
    assert run.results == {"test": {"accuracy": 0.5}} and len(run.history) == 2
    with pytest.raises(RunError, match="resume has no folder; expected the one to go on in"):
        _ = run.checkpoint


def test_the_versions_are_those_of_this_process():
    assert trained().versions == {
        "throughtime": version("throughtime"),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "threads": str(torch.get_num_threads()),
    }


def test_the_equations_name_layer_and_direction():
    own = model(DATA, RNN, 3, layers=2, direction="both")
    heads = [line for line in equations(own).splitlines() if line.startswith("layer ")]
    assert heads == [
        f"layer {k}, {direction} in time" for k in (1, 2) for direction in ("forward", "backward")
    ]
    assert "\n\nlayer 2, forward in time\n" in equations(own)


def test_the_initial_weights_are_those_before_training(tmp_path):
    before = model(DATA, RNN, 3, direction="both").state_dict()
    run = trained(tmp_path / "run")
    again = load(run.folder)
    trainable = [name for name, _ in run.model.named_parameters()]
    for name in trainable:
        assert torch.equal(again.initial[name], before[name])
        assert not torch.equal(again.initial[name], run.model.state_dict()[name])
    assert same(again.initial, run.initial)


def test_a_folder_of_a_version_without_them_has_no_initial_weights_and_no_results(tmp_path):
    run = trained(tmp_path / "run")
    (run.folder / "initial.safetensors").unlink()
    again = load(run.folder)
    assert again.initial == {} and again.results == {}


def test_a_run_of_a_version_without_an_option_had_its_default(tmp_path):
    folder = tmp_path / "run"
    whole = trained(epochs=3)
    trained(folder, epochs=3)
    (folder / "weights.safetensors").unlink()
    config = read_json(folder / "config.json")
    for name in ("bptt", "scale_by_replicas"):
        del config["options"][name]
    write_json(folder / "config.json", config)
    again = trained(folder, epochs=3, resume=True)
    assert same(again.model.state_dict(), whole.model.state_dict())
    assert without_seconds(again.history) == without_seconds(whole.history)
    with pytest.raises(RunError, match="bptt is 'checkpointed' .* expected that of the run"):
        trained(folder, epochs=3, resume=True, bptt="checkpointed")


@pytest.mark.parametrize("options", [None, [], "adam", {}])
def test_options_that_cannot_be_compared_are_not_resumed(tmp_path, options):
    folder = tmp_path / "run"
    trained(folder)
    config = read_json(folder / "config.json")
    write_json(folder / "config.json", config | {"options": options})
    with pytest.raises(RunError, match="epochs is 2 .* expected that of the run"):
        trained(folder, resume=True)


def test_what_a_notebook_shows():
    run = Run(model(DATA, RNN, 40), Options(epochs=1200))
    count = sum(p.numel() for p in run.model.parameters())
    assert count > 1000
    shown = run._repr_html_()
    for wanted in ("<td>RNN(", f"<td>{count:,}</td>", "<td>0 of 1200</td>", "<td>none</td>"):
        assert wanted in shown
    assert "loss" not in shown and "accuracy" not in shown
    last = {"epoch": 1, "loss": 0.123456, "validation_loss": 2.0}
    run.history = [{"epoch": 0, "loss": 9.0}, last]
    run.results = {"test": {"accuracy": 0.87654}, "mine": [0.5], "note": "text", "own": {"f1": 1.0}}
    shown = run._repr_html_()
    for name, value in (
        ("loss", "0.1235"), ("validation_loss", "2"), ("accuracy, test", "0.8765"),
        ("epochs", "2 of 1200"),
    ):  # fmt: skip
        assert f">{name}</th><td>{value}</td>" in shown
    run.folder = Path("runs/<one>")
    assert "folder</th><td>runs/&lt;one&gt;</td>" in run._repr_html_()
    assert "mine" not in shown and "note" not in shown and "own" not in shown


def test_a_cell_and_an_output_network_are_handed_on_when_loading(tmp_path):
    folder = tmp_path / "run"
    own = model(DATA, RNN, 3, output=torch.nn.Linear(3, 2))
    run = fit(own, DATA, epochs=1, folder=folder)
    with pytest.raises(RunError, match="Linear, which is code"):
        load(folder)
    again = load(folder, cell=RNN, output=torch.nn.Linear(3, 2))
    assert same(again.model.state_dict(), run.model.state_dict())
    with pytest.raises(RunError, match="cell=GRU.* has other equations"):
        load(folder, cell=GRU, output=torch.nn.Linear(3, 2))
