"""However a step is cut into stages, it computes what was written down."""

from itertools import product
from types import SimpleNamespace

import pytest
from catalogue import CELLS
from engines.stage_machine import Cut, staged, straight
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from program.random_programs import random_program

from throughtime import GRU, LSTM, RNN
from throughtime.engines.cpu import emitter
from throughtime.engines.cpu.loops import backward_loop, forward_loop
from throughtime.engines.cpu.stages import Register
from throughtime.engines.derived import LoopMode
from throughtime.program.regularise import variational, zoneout

pytestmark = pytest.mark.usefixtures("types_unchecked")
MODES = [LoopMode(hoist, recompute) for hoist, recompute in product((False, True), repeat=2)]


@pytest.fixture(scope="module")
def cuts():
    """The cuts of all loops that are lowered meanwhile."""
    cuts: list[Cut] = []

    def stages(instructions, registers):
        before = [Register(r.width, r.life) for r in registers]
        cuts.append(Cut(list(instructions), before, [], []))
        return whole.stages(instructions, registers)

    def share(cut, registers):
        result = whole.share(cut, registers)
        cuts[-1].stages, cuts[-1].registers = result[0], result[1]
        return result

    whole = SimpleNamespace(stages=emitter.stages, share=emitter.share)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emitter, "stages", stages)
        patch.setattr(emitter, "share", share)
        yield cuts


def check(program, cuts):
    lower = [
        *((forward_loop, (mode, save, 1)) for mode in MODES for save in (False, True)),
        *((backward_loop, (mode, (given, *[False] * (len(program.states) - 1))))
          for mode in MODES for given in (False, True)),
    ]  # fmt: skip
    for loop, options in lower:
        cuts.clear()
        loop.__wrapped__(program, *options)
        [cut] = cuts
        assert staged(cut) == straight(cut), (loop.__name__, options)


@pytest.mark.parametrize("regularised", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_cells(name, regularised, cuts):
    for inputs, units in ((3, 5), (10, 5), (4, 4), (1, 1)):
        program = CELLS[name].program(inputs, units)
        if regularised:
            program = zoneout(program, 0.1)
            program = program if name == "indrnn" else variational(program, 0.3)
        check(program, cuts)


@pytest.mark.parametrize("cell", [
    LSTM(projection=3), LSTM(layer_norm=True), RNN("gelu", hidden=(9,)), RNN(hidden=(9, 2)), GRU(),
], ids=str)  # fmt: skip
def test_cells_of_mixed_widths(cell, cuts):
    for inputs, units in ((4, 8), (10, 5), (8, 4)):
        check(variational(cell.program(inputs, units), 0.3), cuts)


@settings(max_examples=60, deadline=None, derandomize=True, phases=[Phase.generate])
@given(data=st.data())
def test_random_programs(data, cuts):
    check(random_program(data), cuts)
