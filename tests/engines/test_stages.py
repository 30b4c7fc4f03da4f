"""However a step is cut into stages, it computes what was written down."""

from itertools import product

import pytest
from catalogue import CELLS
from engines.stage_machine import staged, straight
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from program.random_programs import random_program

from throughtime import GRU, LSTM, RNN
from throughtime.engines.cpu.emitter import NativeEmitter
from throughtime.engines.derived import LoopMode
from throughtime.engines.lower import backward_loop, forward_loop
from throughtime.program.regularise import variational, zoneout

pytestmark = pytest.mark.usefixtures("types_unchecked")
MODES = [LoopMode(hoist, recompute) for hoist, recompute in product((False, True), repeat=2)]


def check(program):
    """Both loops in every mode: the stages compute what the emitter wrote down."""
    states = len(program.states)
    for mode in MODES:
        for flag in (False, True):
            emitter = NativeEmitter(program, backward=False)
            lowered = forward_loop(program, emitter, mode, save=flag, wanted=1)
            assert staged(lowered) == straight(emitter), ("forward", mode, flag)
            emitter = NativeEmitter(program, backward=True)
            lowered = backward_loop(program, emitter, mode, [flag, *[False] * (states - 1)])
            assert staged(lowered) == straight(emitter), ("backward", mode, flag)


@pytest.mark.parametrize("regularised", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_cells(name, regularised):
    for inputs, units in ((3, 5), (10, 5), (4, 4), (1, 1)):
        program = CELLS[name].program(inputs, units)
        if regularised:
            program = zoneout(program, 0.1)
            program = program if name == "indrnn" else variational(program, 0.3)
        check(program)


@pytest.mark.parametrize("cell", [
    LSTM(projection=3), LSTM(layer_norm=True), RNN("gelu", hidden=(9,)), RNN(hidden=(9, 2)), GRU(),
], ids=str)  # fmt: skip
def test_cells_of_mixed_widths(cell):
    for inputs, units in ((4, 8), (10, 5), (8, 4)):
        check(variational(cell.program(inputs, units), 0.3))


def _random(count):
    return settings(max_examples=count, deadline=None, derandomize=True, phases=[Phase.generate])


@_random(20)
@given(data=st.data())
def test_random_programs(data):
    check(random_program(data))


@pytest.mark.slow
@_random(200)
@given(data=st.data())
def test_many_random_programs(data):
    check(random_program(data))
