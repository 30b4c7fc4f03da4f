"""A lowered loop prints so that a person can follow it."""

import pytest
import torch
from catalogue import CELLS

from throughtime import RNN, affine
from throughtime.engines import listing
from throughtime.engines.cpu import lowered
from throughtime.engines.cpu.loops import backward_loop, forward_loop
from throughtime.engines.derived import LoopMode
from throughtime.program import trace

FORWARD = """\
RNN: loop forward
  arrays
    start_h, initial_h, final_h, bias, x, state_h
  registers, and their widths
    state, before this step, for every row: h (3)
    next, after this step, for every row: h' (3)
    tile, scratch of a stage, all units of a few rows: r3 (2)
    block, scratch of a stage, a block of units of a few rows: r2 (3)
  where a sequence begins, is reset and ends
    first h = start_h; at a reset h = initial_h; last final_h = h'
  stage 1, block by block of 3 units
    r2 = bias[0:3]
    r2 += transition_h·h
    r3 = x
    r2 += transition_x·r3
    h' = tanh(r2)
    state_h = h'"""

BACKWARD = """\
RNN: loop backward
  arrays
    dfinal_h, dinitial_h, dstart_h, dstate_h, state_h, dz, dbias
  registers, and their widths
    state, before this step, for every row: dh (3)
    next, after this step, for every row: dh' (3)
    step, from one stage to another, for every row: r4 (3)
    block, scratch of a stage, a block of units of a few rows: r2 (3), r3 (3)
  where a sequence begins, is reset and ends
    first dh = dfinal_h; at a reset dinitial_h += dh' and dh' = 0; last dstart_h = dh'
  stage 1, block by block of 3 units
    r2 = dstate_h
    r2 = r2 + dh
    r3 = state_h
    r4 = r2 * (1 - r3 * r3)
    dz[0:3] = r4
    dbias[0:3] += sum of r4 over rows
    dh' = 0
  stage 2, block by block of 3 units
    dh' += transition_hᵀ·r4"""


@pytest.fixture
def no_native(monkeypatch):
    monkeypatch.setattr(lowered, "compiled", lambda: None)


def test_both_loops_of_an_rnn(no_native):
    program = RNN().program(2, 3)
    assert listing(program) == FORWARD
    assert listing(program, backward=True) == BACKWARD


def test_what_is_hoisted_and_computed_again(no_native):
    program = RNN("softplus").program(2, 3)
    assert "    r2 = part_0[0:3]\n" in listing(program, hoist=True)
    assert "saved[0:3] = r2\n" in listing(program)
    assert "saved" not in listing(program, recompute=True)
    again = listing(program, backward=True, recompute=True)
    assert "saved" not in again
    assert "    r5 = state_h of the step before\n    r4 += transition_h·r5\n" in again


def test_operations(no_native):
    def step(x, h):
        gate = torch.where(h > 0.5, -h, torch.nn.functional.elu(x, 2.0))
        row = torch.var(gate, -1, correction=1, keepdim=True)
        bounded = torch.nn.functional.gelu(torch.clamp(h, min=-1), approximate="tanh")
        return affine("a", gate / row * bounded, bias=False)

    text = listing(trace(step, {"h": 3}, cell="Test", input_size=3, hidden_size=3))
    for line in ("r2 (3) = 0.5", "stage 1, all units at once", "r3 = h > r2", "r4 = -h",
                 "r5 = elu(r5, alpha=2, scale=1)", "r5 = where(r3, r4, r5)",
                 "r6 = variance(r5, correction=1)", "r7 = expand(r6)", "r7 = r5 / r7",
                 "hardtanh(h, min_val=-1, max_val=inf)", "gelu(r4, tanh=1)"):  # fmt: skip
        assert f"{line}\n" in text, line
    assert " += a_0·r" in text


@pytest.mark.parametrize("name", CELLS)
def test_every_loop_prints_all_of_its_instructions(name, no_native):
    program = CELLS[name].program(3, 4)
    for hoist in (False, True):
        mode = LoopMode(hoist)
        given = tuple(True for _ in program.states)
        for loop in (forward_loop(program, mode, True, 1), backward_loop(program, mode, given)):
            lines = str(loop).splitlines()
            at = [k for k, line in enumerate(lines) if line.startswith("  stage ")]
            assert len(at) == len(loop.stages) and max(map(len, lines)) <= 100
            count = sum(len(stage.instructions) for stage in loop.stages)
            assert sum(line.startswith("    ") for line in lines[at[0] :]) == count
            assert len({*lines[1 : at[0]]}) == at[0] - 1
