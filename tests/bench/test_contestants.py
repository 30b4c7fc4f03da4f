"""Each library in each form of a task that it runs; what is said of those that are missing."""

import importlib.util
import subprocess
import sys
from dataclasses import dataclass, replace

import pytest
import torch
from torch import tanh

from throughtime import GRU, LSTM, Cell, affine
from throughtime.bench import Shape, Task, agreement
from throughtime.bench.contestants import PEERS, choose, contestants
from throughtime.bench.jax_scan import JaxScan
from throughtime.bench.modules import Reference, Throughtime, TorchNN
from throughtime.bench.onnx_runtime import OnnxRuntime
from throughtime.bench.task import draw, label, operations
from throughtime.errors import OptionError

SHAPE = Shape(7, 3, 2, 5)
FORMS = [dict(), dict(both=True), dict(layers=2, ragged=True), dict(both=True, layers=2)]


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("form", [*FORMS, dict(both=True, ragged=True)])
def test_onnx_runtime(cell, form):
    for package in OnnxRuntime.packages:
        pytest.importorskip(package)
    task = Task(cell, SHAPE, **form)
    expected = agreement.exact(task, [Throughtime(), TorchNN()])
    agreement.check(task, OnnxRuntime(), OnnxRuntime().prepare(task, draw(task)), expected)


@pytest.mark.parametrize("form", [*FORMS, dict(both=True, ragged=True)])
def test_torch(form):
    assert agreement.exact(Task("lstm", SHAPE, True, **form), [Throughtime(), TorchNN()])


def test_jax():
    """In a process of its own: once JAX is imported, a fork in any later test would warn."""
    if JaxScan.missing():
        pytest.skip("JAX is not installed")
    code = (
        "from throughtime.bench import Shape, Task, agreement\n"
        "from throughtime.bench.jax_scan import JaxScan\n"
        "from throughtime.bench.modules import Throughtime\n"
        "for cell in ('lstm', 'gru', 'rnn'):\n"
        "    forms = dict(both=True, ragged=True) if cell == 'rnn' else {}\n"
        "    task = Task(cell, Shape(7, 3, 2, 5), True, **forms)\n"
        "    agreement.exact(task, [Throughtime(), JaxScan()])\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class Wide(Cell):
    states = {"h": None, "m": 3}

    def step(self, x, h, m):
        h = tanh(affine("h", h, m, x))
        return h, tanh(affine("m", h, size=3))


@pytest.mark.parametrize("cell", [Wide(), GRU()])
def test_a_cell_of_ones_own(cell):
    task = Task(cell, SHAPE, True, both=True, ragged=True, beside=LSTM())
    taking_part = contestants(task, [TorchNN(), OnnxRuntime()])
    assert [c.title for c in taking_part] == ["throughtime", "reference engine", "LSTM"]
    assert agreement.exact(task, taking_part).results["y"].shape == (7, 3, 10)
    beside = taking_part[-1].prepare(task, draw(task))
    assert "directions.0.0.keep_h" in beside.read(beside.run())


def test_who_runs_what():
    titles = [c.name for c in contestants(Task("lstm", SHAPE), [TorchNN(), OnnxRuntime()])]
    assert titles == ["throughtime", "torch", "onnxruntime"]
    for change in (dict(training=True), dict(dtype=torch.float64), dict(cell=GRU())):
        assert not OnnxRuntime().runs(replace(Task("lstm", SHAPE), **change))
    assert not Reference().runs(Task("lstm", SHAPE))


def test_all_are_given_the_same_numbers():
    task = Task("lstm", SHAPE, ragged=True)
    single, double = draw(task), draw(replace(task, dtype=torch.float64))
    assert torch.equal(single.x.double(), double.x)
    assert torch.equal(single.weights["weight_hh_l0"].double(), double.weights["weight_hh_l0"])
    assert single.lengths is not None and single.lengths[0] == 7
    assert not torch.equal(single.x, draw(replace(task, seed=1)).x)


def test_operations_of_a_pass():
    T, B, inputs, H = SHAPE
    for cell, gates in (("lstm", 4), ("gru", 3), ("rnn", 1), (LSTM(), 4), (GRU(), 3)):
        task = Task(cell, SHAPE)
        once = 2 * T * B * H * gates
        assert operations(task, draw(task)) == once * (inputs + H)
        task = replace(task, training=True)  # no gradient at the input
        assert operations(task, draw(task)) == once * (2 * inputs + 3 * H)
    task = Task("rnn", SHAPE, ragged=True)
    material = draw(task)
    assert operations(task, material) == 2 * int(material.lengths.sum()) * H * (inputs + H)


def test_peers_by_name():
    assert [c.name for c in choose(["torch"])[0]] == ["torch"]


def test_a_peer_that_is_not_installed(monkeypatch):
    find = importlib.util.find_spec
    missing = {"onnxruntime", "jax"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n in missing else find(n))
    peers, absent = choose()
    assert [c.name for c in peers] == ["torch"] and absent == ["onnxruntime", "jax"]
    with pytest.raises(OptionError, match=r"needs jax; expected it .* pip install 'throughtime\["):
        choose(["jax"])
    assert {*PEERS} == {"torch", *absent}


@dataclass(frozen=True)
class Leaky(Cell):
    rate: float = 0.5
    name: str = "slow"

    states = ("h",)


def test_labels():
    assert label("gru") == "gru" and label(Wide()) == "Wide"
    assert label(Leaky()) == "Leaky" and label(Leaky(name="fast")) == "Leaky(name='fast')"
