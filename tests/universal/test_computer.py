"""The compiled network as a layer, its limits, and the machines that come with the package."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from throughtime import RNN, Recurrent
from throughtime.errors import CapacityError, MachineError, OptionError
from throughtime.universal import (
    Automaton,
    BlockTape,
    Machine,
    compile_automaton,
    compile_machine,
    guard_bits,
    read_machine,
    shipped,
)

RIGHT = Machine(("A",), ("0", "1"), "0", "A", (("A", "0", "1", "R", "A"),))
LEFT = Machine(("A",), ("0", "1"), "0", "A", (("A", "0", "1", "L", "A"),))

ENDS = {  # the tape, the steps, whether it accepts
    "binary-counter": {"1011": ("1100", 8, True), "111": ("1000", 8, True), "": ("1", 2, True)},
    "addition": {"11+111": ("11111", 8, True), "+": ("", 3, True), "1+": ("1", 4, True)},
    "palindromes": {"abba": ("", 15, True), "ab": ("b", 4, False), "": ("", 1, True)},
    "brackets": {"(()())": ("xxxxxx", 28, True), ")": ("x", 2, False), "(": ("(", 3, False)},
    "copying": {"abb": ("abb=abb", 40, True), "": ("=", 4, True)},
    "busy-beaver-2": {"": ("1111", 6, True)},
    "busy-beaver-3": {"": ("11111", 21, True)},
    "busy-beaver-4": {"": ("10111111111111", 107, True)},
}


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("way", ["stacks", "integers", "blocks"])
def test_machines_that_come_with_us(name, way):
    machine = read_machine(name)
    network = compile_machine(machine, cells=30 if way == "blocks" else None)
    for tape, want in ENDS[name].items():
        (end,) = network.run([tape], 1000, unbounded=way == "integers")
        assert end.halted
        assert (end.at.tape.strip(machine.blank), end.steps, end.accepted) == want


def test_every_machine_is_tested():
    machines = {n for n in shipped() if isinstance(read_machine(n), Machine)}
    assert machines == {*ENDS, "busy-beaver-5"}
    for name in {*shipped()} - machines:
        automaton = read_machine(name)
        assert isinstance(automaton, Automaton)
        assert compile_automaton(automaton).reads(automaton.tape) == automaton.reads(automaton.tape)


def test_the_busy_beaver_of_five_states_for_a_while():
    machine = read_machine("busy-beaver-5")
    want = list(machine.history("", 3000))[-1]
    (blocks,) = compile_machine(machine, cells=(300, 60)).run([""], 3000)
    (integers,) = compile_machine(machine).run([""], 3000, unbounded=True)
    assert blocks == integers
    assert (blocks.at, blocks.steps, blocks.halted) == (want, 3000, False)


def test_a_long_word_has_no_limit():
    network = compile_automaton(read_machine("divisible-by-three"))
    number = 3**3000
    words = [f"{number:b}", f"{number + 1:b}"]
    assert network.accepts(words) == [True, False]


def test_capacities():
    rows = [(s, read_machine(s)) for s in ("busy-beaver-3", "brackets", "copying")]
    reached = {
        name: [compile_machine(m, dtype=d).capacity for d in (torch.float32, torch.float64)]
        for name, m in rows
    }
    assert reached == {"busy-beaver-3": [12, 27], "brackets": [8, 18], "copying": [6, 13]}
    assert all(guard_bits(m) == 0 for _, m in rows)


@pytest.mark.parametrize("dtype, room", [(torch.float32, 12), (torch.float64, 27)])
@pytest.mark.parametrize("machine, side", [(RIGHT, "left"), (LEFT, "right")])
def test_the_error_at_the_end_of_a_number(dtype, room, machine, side):
    network = compile_machine(machine, dtype=dtype)
    assert network.run([""], room)[0].at.tape == ("1" * room + "0")[:: 1 if side == "left" else -1]
    with pytest.raises(
        CapacityError, match=f"tape 1 at step {room + 1}: more than {room} .*{side}"
    ):
        network.run([""], room + 1)
    assert network.run([""], 5 * room, unbounded=True)[0].steps == 5 * room


@pytest.mark.parametrize("machine, side", [(RIGHT, "right"), (LEFT, "left")])
@pytest.mark.parametrize("cells", [0, 27, 40, (3, 90)])
def test_the_error_at_the_end_of_the_blocks(machine, side, cells):
    network = compile_machine(machine, cells=cells)
    asked = cells if isinstance(cells, int) else cells[side == "right"]
    assert network.run([""], asked)[0].steps == asked
    with pytest.raises(
        CapacityError, match=rf"the head has left the tape on the {side}; .*--cells"
    ):
        network.run([""], 500)


def test_the_row_that_outgrows_is_named():
    machine = Machine(("A",), ("0", "1"), "0", "A", (("A", "1", "1", "R", "A"),))
    network = compile_machine(machine, dtype=torch.float32)
    with pytest.raises(CapacityError, match="tape 2 has 14 cells: more than 12 cells right"):
        network.run(["1", "1" * 14], 1)
    with pytest.raises(CapacityError, match="tape 2 at step 13"):
        network.run(["1", "1" * 13, "111"], 20)
    with pytest.raises(CapacityError, match="tape 1 has 100 cells: .*cells"):
        compile_machine(machine, cells=9).run(["1" * 100], 1)


def test_a_machine_that_has_halted_stands_still():
    network = compile_machine(read_machine("busy-beaver-3"))
    x = torch.zeros(2 * 30, 1, 1, dtype=torch.float64)
    y, state = network.layer(x)
    at = network.configuration(state[0][0], 0)
    assert at == network.run([""], 1000)[0].at
    assert torch.equal(y[2 * 21 - 1 :: 2], y[-1:].expand(10, 1, -1))
    assert network.run([""], 0)[0].steps == 0
    assert network.run([], 10) == []


def test_saved_and_loaded_it_is_an_ordinary_layer(tmp_path):
    network = compile_machine(read_machine("busy-beaver-3"))
    save_file(network.layer.state_dict(), tmp_path / "beaver.safetensors")
    H = network.layer.hidden_size
    layer = Recurrent(
        RNN("saturated_linear"), 1, H, initial_state=torch.zeros(H), dtype=torch.float64
    )
    layer.load_state_dict(load_file(tmp_path / "beaver.safetensors"))
    _, state = layer(torch.zeros(42, 1, 1, dtype=torch.float64))
    assert network.configuration(state[0][0], 0).tape == "11111"


def test_blocks_saved_and_loaded(tmp_path):
    network = compile_machine(read_machine("busy-beaver-4"), cells=(27, 27))
    save_file(network.layer.state_dict(), tmp_path / "beaver.safetensors")
    again = compile_machine(read_machine("busy-beaver-2"), cells=(27, 27)).layer
    cell = network.layer.directions[0][0].cell
    assert isinstance(cell, BlockTape)
    H, zeros = network.layer.hidden_size, torch.zeros
    again = Recurrent(cell, 1, H, initial_state={"h": zeros(H), "memory": zeros(cell.blocks)},
                      dtype=torch.float64)  # fmt: skip
    again.load_state_dict(load_file(tmp_path / "beaver.safetensors"))
    _, state = again(torch.zeros(107, 1, 1, dtype=torch.float64))
    assert network.configuration(state[0][0], 0) == network.run([""], 107)[0].at


@pytest.mark.usefixtures("types_unchecked")  # which torch.export cannot trace
def test_exported_by_torch():
    network = compile_machine(read_machine("busy-beaver-2"))
    exported = torch.export.export(network.layer, (torch.zeros(12, 1, 1, dtype=torch.float64),))
    _, state = exported.module()(torch.zeros(12, 1, 1, dtype=torch.float64))
    assert network.configuration(state[0][0], 0).tape == "1111"


def test_diagnosis_opens_it():
    """How far back the gradient reaches through a computation, as of any layer."""
    from throughtime.diagnose import diagnose

    network = compile_machine(read_machine("busy-beaver-3"))
    (seen,) = diagnose(network.layer, torch.zeros(20, 1, 1, dtype=torch.float64))
    assert seen.flow.jacobian.verdict in ("vanishing", "steady", "exploding")


def test_gradients_reach_the_weights():
    network = compile_machine(read_machine("busy-beaver-2"))
    (direction,), gradients = network.layer.directions[0], []
    for direction.engine in ("cpu", "reference"):
        y, _ = network.layer(torch.zeros(12, 1, 1, dtype=torch.float64))
        gradients += torch.autograd.grad(y.sum(), direction.transition_h)
    assert gradients[0].any()
    torch.testing.assert_close(*gradients)


def test_a_state_between_two_steps_is_refused():
    network = compile_machine(read_machine("busy-beaver-2"))
    _, state = network.layer(torch.zeros(3, 1, 1, dtype=torch.float64))
    with pytest.raises(MachineError, match="not exactly one state and symbol; .* every 2 steps"):
        network.configuration(state[0][0], 0)


@pytest.mark.parametrize(
    "options, says",
    [
        ({"dtype": torch.float16}, "dtype is torch.float16; expected torch.float32 or"),
        ({"cells": -1}, "cells is -1; expected a whole number from 0"),
        ({"cells": (1, 2, 3)}, r"cells is \(1, 2, 3\); expected"),
        ({"engine": "gpu"}, "engine is 'gpu'; expected"),
    ],
)
@pytest.mark.usefixtures("types_unchecked")
def test_options(options, says):
    with pytest.raises(OptionError, match=says):
        compile_machine(RIGHT, **options)


def test_integers_or_cells():
    with pytest.raises(OptionError, match="of a network with cells; expected one of the two"):
        compile_machine(RIGHT, cells=3).run([""], 1, unbounded=True)


def test_one_symbol():
    machine = Machine(("A", "B"), ("_",), "_", "A", (("A", "_", "_", "R", "B"),))
    for cells in (None, 5):
        (end,) = compile_machine(machine, cells=cells).run([""], 9)
        assert (end.steps, end.at.state, end.halted, end.accepted) == (1, "B", True, False)


def test_only_the_layers_of_the_machine_have_biases():
    """What is read and written by address is a sum of weights alone."""
    program = BlockTape(act=5, enter=4, blocks=3).program(1, 6)
    biases = {name for name in program.parameters if name.endswith("_bias")}
    assert biases == {"act_bias", "enter_bias", "settle_bias"}
    assert program.states == {"h": 6, "memory": 3}
