"""Fixed random cases on every engine, and that the search finds what is wrong."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from engines.recorded import Recorded, only
from fuzz.cases import random_case
from fuzz.check import check
from fuzz.shrink import shrink

from throughtime.engines.cpu import CPU
from throughtime.engines.cpu.native import native
from throughtime.engines.reference import Reference
from throughtime.program.graph import REDUCTIONS
from throughtime.program.pointwise import POINTWISE

CHUNKS, QUICK, SLOW = 8, 200, 5000


def _search(chunk: int, count: int, seed: int) -> None:
    for number in range(chunk, count, CHUNKS):
        case = random_case(seed, number)
        failures = check(case).failures
        if failures:
            small, wrong = shrink(case, failures[0])
            told = f"case {number} of seed {seed}, {wrong.engine}: {wrong.kind}: {wrong.what}"
            pytest.fail(f"{told}\n{small.script(wrong.engine)}")


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_cases(chunk, types_unchecked):
    _search(chunk, QUICK, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_many_random_cases(chunk, types_unchecked):
    _search(chunk, SLOW, seed=1)


def _lines(script: str) -> list[str]:
    """Of `step`."""
    start = script.index("def step")
    return script[start : script.index("\n\n\n", start)].splitlines()[1:]


def test_a_broken_derivative_is_found_and_shrunk(monkeypatch, types_unchecked):
    wrong = replace(POINTWISE["sin"], derivative=lambda g, y, x: (g * torch.cos(x) * 1.01,))
    monkeypatch.setitem(POINTWISE, "sin", wrong)
    for number in range(300):
        case = random_case(2, number)
        found = [f for f in check(case).failures if f.kind == "wrong gradient"]
        if found and "torch.sin" in case.recipe.cell():
            break
    else:
        pytest.fail("300 cases did not find a derivative that is 1% off")
    small, failure = shrink(case, found[0])
    assert failure.engine == "cpu"  # the reference engine's gradients are autograd's
    script = small.script("cpu")
    assert "torch.sin" in script and len(_lines(script)) <= 4, script
    assert small.T <= 2 and small.B == 1, script


class Late(Recorded):
    """Returns the first state in place of the last."""

    def forward(self, *of, **options):
        result = super().forward(*of, **options)
        if result.states[0].shape[0] > 1:
            result.final[0].copy_(result.states[0][0])
        return result


def test_a_state_in_the_wrong_place_is_found(types_unchecked):
    with only(Late(CPU()), Reference()):
        failures = [f for number in range(12) for f in check(random_case(3, number)).failures]
    assert any(f.engine == "cpu" and f.kind == "wrong output" for f in failures)
    assert not any(f.engine == "reference" and "wrong" in f.kind for f in failures)


def test_what_is_printed_runs_by_itself():
    script = random_case(0, 1).script("cpu")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_same_case_each_time():
    assert random_case(0, 5) == random_case(0, 5) != random_case(1, 5)


@pytest.mark.parametrize("instruction_set", native().instruction_sets() if native() else [])
def test_the_command(instruction_set):
    command = [sys.executable, "-m", "fuzz", "--count", "3", "--seed", "0"]
    command += ["--instruction-set", instruction_set]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 cases, 0 failures" in done.stdout and instruction_set in done.stdout


def test_every_operation_is_written(types_unchecked):
    """A new operation joins `fuzz/vocabulary.py`."""
    seen = set()
    for number in range(600):
        recipe, names = random_case(4, number).recipe, {}
        exec(f"{_IMPORTS}\n{recipe.cell()}", names)
        program = names["Found"]().program(recipe.sizes["x"], 3)
        seen.update(node.op for node in program.nodes)
    assert not {*POINTWISE, *REDUCTIONS, "parameter", "random", "constant"} - seen


_IMPORTS = """
import torch
import torch.nn.functional as F
from throughtime import Cell, affine, mask, noise, parameter
"""
