"""Without the compiled module: one clear warning in a process, and everything runs."""

import subprocess
import sys
import warnings

import pytest
import torch

from throughtime import LSTM, Recurrent, nn
from throughtime.engines import choose


@pytest.fixture
def without_native(monkeypatch):
    find = choose.importlib.util.find_spec
    monkeypatch.setattr(
        choose.importlib.util,
        "find_spec",
        lambda name, *a: None if name == "throughtime._native" else find(name, *a),
    )
    monkeypatch.setattr(choose, "_said", False)


def test_one_warning(without_native):
    with pytest.warns(UserWarning) as said:
        layer = Recurrent(LSTM, 3, 4, layers=2)
    (warning,) = said
    assert str(warning.message) == (
        "throughtime was installed without its compiled module, as no C++ compiler was found: "
        "everything runs on the reference engine. Install a C++20 compiler, then throughtime again."
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Recurrent(LSTM, 3, 4)
        y, _ = layer(torch.randn(5, 2, 3))
    assert y.isfinite().all()


def test_the_drop_ins_say_it_too(without_native):
    with pytest.warns(UserWarning, match="without its compiled module"):
        nn.LSTM(3, 17)(torch.randn(5, 2, 3))


def test_with_the_module_nothing_is_said(monkeypatch):
    monkeypatch.setattr(choose, "_said", False)
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
    Recurrent(LSTM, 3, 4, direction="both")(torch.randn(5, 2, 3))
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stderr.count("without its compiled module") == 1
