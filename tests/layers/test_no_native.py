"""Without the compiled module: one clear warning in a process, and everything runs."""

import json
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from engines.recorded import Recorded, only

from throughtime import LSTM, Recurrent, nn
from throughtime.engines.cpu import CPU
from throughtime.engines.cpu.native import native, say_once_without_native
from throughtime.engines.reference import Reference
from throughtime.inference import Stream


@pytest.fixture
def nothing_said():
    """No warning has been given in this process."""
    say_once_without_native.cache_clear()
    yield
    say_once_without_native.cache_clear()


@pytest.fixture
def without_native(nothing_said, monkeypatch):
    """As in an installation without a compiler: there is no such module to import."""
    monkeypatch.setitem(sys.modules, "throughtime._native", None)
    native.cache_clear()
    yield
    monkeypatch.undo()
    native.cache_clear()


def test_one_warning(without_native):
    with pytest.warns(UserWarning) as said:
        Recurrent(LSTM, 3, 4, layers=2)
    (warning,) = said
    assert str(warning.message) == (
        "throughtime was installed without its compiled module, as no C++ compiler was found: "
        "everything runs on the reference engine. Install a C++20 compiler, then throughtime again."
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Recurrent(LSTM, 3, 4)(torch.randn(5, 2, 3))


def over_time(layer, x):
    """Outputs, final states and the gradients of everything."""
    y, state = layer(x)
    final = state[1] if isinstance(state[1], torch.Tensor) else state[0][0]["C"]
    loss = y.sin().sum() + final.cos().sum()
    return [y, final, *torch.autograd.grad(loss, [x, *layer.parameters()])]


def one_by_one(layer, x):
    stream = Stream(layer.eval(), 2)
    return [torch.from_numpy(np.stack([stream.step(step).copy() for step in x.detach().numpy()]))]


@pytest.mark.filterwarnings("ignore:throughtime was installed without")
@pytest.mark.parametrize(
    ("layer", "run"),
    [
        (lambda: Recurrent(LSTM, 3, 4, layers=2, direction="both", dtype=torch.float64), over_time),
        (lambda: nn.LSTM(3, 4, dtype=torch.float64), over_time),
        (lambda: Recurrent(LSTM, 3, 4, layers=2, dtype=torch.float64), one_by_one),
        (lambda: nn.GRU(3, 4, dtype=torch.float64), one_by_one),
    ],
    ids=["layers", "drop-in", "stream", "stream of a drop-in"],
)
def test_the_results_are_those_of_the_module(without_native, monkeypatch, layer, run):
    layer, x = layer(), torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    with only(CPU(), Recorded(Reference())) as (_, reference):
        without = run(layer, x)
    assert "forward" in reference.ran
    monkeypatch.undo()
    native.cache_clear()
    assert native() is not None
    for got, want in zip(without, run(layer, x), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-13)


def test_the_drop_ins_say_it_too(without_native):
    with pytest.warns(UserWarning, match="without its compiled module"):
        nn.LSTM(3, 17)(torch.randn(5, 2, 3))


def test_with_the_module_nothing_is_said(nothing_said):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Recurrent(LSTM, 3, 4)


def test_in_a_process_of_its_own():
    script = """
import sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name == "throughtime._native":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hide())
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda n, p=None: None if n == "throughtime._native" else real(n, p)
import torch
from throughtime import LSTM, Recurrent
for _ in range(3):
    torch.manual_seed(0)
    layer = Recurrent(LSTM, 3, 4, direction="both", dtype=torch.float64)
    y, _ = layer(torch.linspace(-1, 1, 30, dtype=torch.float64).view(5, 2, 3))
    y.square().sum().backward()
print([y.sum().item(), layer.directions[0][1].keep_h.grad.sum().item()])
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stderr.count("without its compiled module") == 1
    torch.manual_seed(0)
    layer = Recurrent(LSTM, 3, 4, direction="both", dtype=torch.float64)
    y, _ = layer(torch.linspace(-1, 1, 30, dtype=torch.float64).view(5, 2, 3))
    y.square().sum().backward()
    want = [y.sum().item(), layer.directions[0][1].keep_h.grad.sum().item()]
    assert json.loads(run.stdout) == pytest.approx(want, rel=1e-10)
