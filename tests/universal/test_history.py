"""The history of the network is that of the machine, step by step, on every way to run it."""

import random
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from universal.random_machines import automata, machines

from throughtime.errors import CapacityError
from throughtime.universal import (
    Automaton,
    Blocks,
    Computer,
    Machine,
    capacity,
    compile_automaton,
    compile_machine,
    equations,
    guard_bits,
)
from throughtime.universal.compile import _bounded
from throughtime.universal.equations import base_of
from throughtime.universal.precision import significand

STEPS = 48
WAYS = [(d, e) for d in (torch.float32, torch.float64) for e in ("cpu", "reference")]


def collected(history):
    """What a history yields, and the error that ended it."""
    steps = []
    try:
        for at in history:
            steps.append(at)
    except CapacityError as e:
        return steps, e
    return steps, None


@pytest.mark.parametrize("dtype, engine", WAYS)
@settings(max_examples=40)
@given(machines())
def test_two_stacks(dtype, engine, drawn):
    machine, tape = Machine(*drawn[0]), drawn[1]
    want = list(machine.history(tape, STEPS))
    room = capacity(machine, dtype)
    outgrown = [k for k, at in enumerate(want) if max(len(at.left), len(at.right)) > room]
    network = compile_machine(machine, dtype=dtype, engine=engine)
    steps, error = collected(network.history(tape, STEPS))
    assert (error is not None) == bool(outgrown)
    assert steps == want[: outgrown[0] if outgrown else None]


@settings(max_examples=40)
@given(machines())
def test_in_integers(drawn):
    machine, tape = Machine(*drawn[0]), drawn[1]
    network = compile_machine(machine)
    assert list(network.history(tape, STEPS, unbounded=True)) == list(machine.history(tape, STEPS))


@pytest.mark.parametrize("dtype, engine", WAYS)
@settings(max_examples=30)
@given(machines(most_symbols=9))  # nine symbols: blocks of five cells in float32
def test_blocks(dtype, engine, drawn):
    machine, tape = Machine(*drawn[0]), drawn[1]
    network = compile_machine(machine, dtype=dtype, engine=engine, cells=STEPS + 8)
    assert list(network.history(tape, STEPS)) == list(machine.history(tape, STEPS))


@settings(max_examples=30)
@given(machines(), st.data())
def test_a_batch_is_its_rows(drawn, data):
    tapes = data.draw(st.lists(st.text(drawn[0][1], max_size=5), min_size=1, max_size=5))
    machine = Machine(*drawn[0])
    network = compile_machine(machine, cells=STEPS + 8)
    for tape, result in zip(tapes, network.run(tapes, STEPS), strict=True):
        want = list(machine.history(tape, STEPS))
        assert (result.at, result.steps) == (want[-1], len(want) - 1)
        assert result.halted == (machine.after(want[-1]) is None)


@pytest.mark.parametrize("dtype, engine", WAYS)
@settings(max_examples=30)
@given(automata())
def test_automata(dtype, engine, drawn):
    automaton, words = Automaton(*drawn[0]), drawn[1]
    network = compile_automaton(automaton, dtype=dtype, engine=engine)
    for word in words:
        assert network.reads(word) == automaton.reads(word)
    want = [automaton.reads(word)[-1] in automaton.accept for word in words]
    assert network.accepts(words) == want


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("symbols", [2, 3, 4, 5, 9])
def test_no_order_of_summation_matters_up_to_capacity(dtype, symbols):
    """The units shuffled, full stacks with the finest digits: the bits stay."""
    letters = "_abcdefgh"[:symbols]
    transitions = [("A", a, letters[-1], "R", "A") for a in letters]
    transitions += [("B", a, letters[-1], "L", "B") for a in letters]
    machine = Machine(("A", "B"), tuple(letters), "_", "A", tuple(transitions))
    network = compile_machine(machine, dtype=dtype, engine="reference")
    room = network.capacity
    tape = letters[-1] * room + letters[1]
    want = list(machine.history(tape, room))
    assert len(want[-1].left) == room
    assert list(network.history(tape, room)) == want
    x = torch.zeros(2 * room, 1, 1, dtype=dtype)
    start = network.start([tape])
    y, _ = network.layer(x, start)
    cell = network.layer.directions[0][0]
    draw = torch.Generator().manual_seed(0)
    for _ in range(5):
        order = torch.randperm(network.layer.hidden_size, generator=draw)
        shuffled = compile_machine(machine, dtype=dtype, engine="reference").layer
        with torch.no_grad():
            shuffled.directions[0][0].transition_h.copy_(cell.transition_h[order][:, order])
            shuffled.directions[0][0].transition_bias.copy_(cell.transition_bias[order])
        again, _ = shuffled(x, (({"h": start[0][0]["h"][:, order]},),))
        assert torch.equal(again, y[..., order])
    finest = 2.0 * float(network.digits.base) ** -(room + 1)  # one cell more does not fit
    full = torch.tensor(float(network.digits.number(letters[-1] * room)), dtype=dtype)
    assert full + finest == full or full + finest != network.digits.number(tape)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("symbols", [2, 3, 5])
def test_no_order_of_summation_matters_in_blocks(dtype, symbols):
    """To and fro over three blocks with the finest digits, units and biases shuffled."""
    letters = "_abcdefgh"[:symbols]
    transitions = [("A", a, letters[-1], "R", "A") for a in letters if a != "a"]
    transitions += [("A", "a", "a", "L", "B"), ("B", "_", "_", "R", "A")]
    transitions += [("B", a, a, "L", "B") for a in letters[1:]]
    machine = Machine(("A", "B"), tuple(letters), "_", "A", tuple(transitions))
    room = capacity(machine, dtype)
    tape = letters[-1] * (2 * room + 3) + "a"
    blocks = Blocks(room, 2, 6)
    units, steps = equations(machine, blocks), 4 * room + 30
    want = list(machine.history(tape, steps))
    draw = random.Random(0)

    def shuffled(layer):
        return {u: dict(draw.sample([*layer[u].items()], len(layer[u])))
                for u in draw.sample([*layer], len(layer))}  # fmt: skip

    for _ in range(4):
        cases = {u: units.settle[u] for u in units.settle if u[0] == "at"}
        others = {u: units.settle[u] for u in units.settle if u not in cases}
        mixed = replace(units, act=shuffled(units.act), enter=shuffled(units.enter),
                        settle=cases | shuffled(others))  # fmt: skip
        for engine in ("cpu", "reference"):
            layer = _bounded(mixed, blocks, dtype, engine)
            assert list(Computer(machine, layer, mixed, blocks).history(tape, steps)) == want


@pytest.mark.parametrize("symbols", [2, 3, 4, 6, 9])
def test_every_order_in_exact_numbers(symbols):
    """The largest partial sum, over the finest digit, is within the bits of the stack itself."""
    letters = "_abcdefgh"[:symbols]
    rules = [(q, a, letters[-1], m, q) for q, m in zip("ABC", "LRS", strict=True) for a in letters]
    machine = Machine(("A", "B", "C"), tuple(letters), "_", "A", tuple(rules))
    assert guard_bits(machine) == 0
    digit = base_of(machine).bit_length() - 1
    for n in (2, 3, 7):
        for blocks in (False, True):
            assert significand(machine, n, blocks=blocks) == n * digit - 1
