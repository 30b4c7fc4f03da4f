"""What the native loops keep from forward to backward: memory is what large networks run out of."""

import pytest
import torch
from catalogue import CELLS

from throughtime import affine, parameter
from throughtime.engines import derived
from throughtime.engines.derived import LoopMode
from throughtime.program import trace

KEPT, AGAIN = LoopMode(hoist=True), LoopMode(hoist=True, recompute=True)


def names(program, nodes):
    return [program.nodes[i].name or program.nodes[i].op for i in nodes]


@pytest.mark.parametrize(
    ("cell", "kept", "again"),
    [
        ("rnn", "", ""),  # the derivative of tanh is made of its value, the new state
        ("rnn-deep", "relu relu", "relu relu"),  # what a product reads is never computed again
        ("rnn-softplus", "affine", ""),  # its derivative asks for what it was taken of
        ("lstm", "keep write candidate read", ""),  # tanh(C) is one operation away from C
        ("lstm-peephole", "keep write candidate read", ""),
        ("lstm-projection", "keep write candidate read h", "h"),
        ("gru-before", "update reset mul candidate", "mul"),  # reset * h is read by a product
        ("gru-after", "update reset affine candidate", ""),
        ("leaky", "tanh", ""),
        ("mgu", "f mul tanh", "mul"),
        ("indrnn", "", ""),
    ],
)
@pytest.mark.parametrize("hoist", [True, False])
def test_what_is_stored(cell, kept, again, hoist):
    program = CELLS[cell].program(3, 4)
    for recompute, wanted in ((False, kept), (True, again)):
        mode = LoopMode(hoist, recompute)
        nodes = derived.stored_nodes(program, mode)
        assert names(program, nodes) == wanted.split()
        columns, width = derived.stored_columns(program, mode)
        ends = [columns[i] + program.nodes[i].width for i in nodes]
        assert [columns[i] for i in nodes] == [0, *ends][:-1] and width == max(ends, default=0)


@pytest.mark.parametrize("op", ["pow", "log", "sin", "cos", "erf", "elu", "gelu", "softplus"])
def test_what_costs_more_to_compute_than_to_read_is_stored(op):
    found = {
        "pow": lambda z: z**2.5, "elu": torch.nn.functional.elu, "gelu": torch.nn.functional.gelu,
        "softplus": torch.nn.functional.softplus,
    }.get(op, getattr(torch, op, None))  # fmt: skip

    def step(x, h):
        dear = found(h)
        cheap = torch.sigmoid(h)
        return torch.tanh(affine("a", x)) * dear * cheap

    program = trace(step, {"h": 4}, cell="Test", input_size=3, hidden_size=4)
    nodes = names(program, derived.stored_nodes(program, KEPT))
    assert "dear" in nodes and "cheap" not in nodes
    assert derived.stored_nodes(program, AGAIN) == ()


def test_a_state_that_only_passes_on_is_not_found_in_its_array():
    def step(x, h, before, twice):
        new = torch.tanh(affine("a", h, x))
        return new, h, new

    states = {"h": 4, "before": 4, "twice": 4}
    program = trace(step, states, cell="Test", input_size=3, hidden_size=4)
    assert derived.new_values(program) == {program.outputs["h"]: "h"}


def test_what_no_step_waits_for_is_left_for_after_the_loop():
    def step(x, h):
        seen = torch.tanh(affine("deep", torch.tanh(affine("first", x)) * parameter("gain")))
        return torch.tanh(affine("own", h) + affine("last", seen))

    program = trace(step, {"h": 4}, cell="Test", input_size=3, hidden_size=4)
    assert {*derived.loop_maps(program)} == {"own", "last"}
    assert {*derived.late_maps(program)} == {"first", "deep"}
    assert derived.late_vectors(program) == ("gain",)
    assert {*derived.loop_sums(program)} == {"dz_own", "dz_last"}
    assert derived.operand_states(program) == (0,)
    back = derived.adjoint(program)
    assert back.outputs["dx"] not in derived.loop_nodes(program)


def test_what_asks_for_no_further_product_is_done_inside_the_loop():
    """The gradient of the gain is of use to no step, but made of what the next step waits for."""

    def step(x, h):
        inner = torch.tanh(affine("inner", h) * parameter("gain") + affine("seen", x))
        return torch.tanh(affine("outer", inner))

    program = trace(step, {"h": 4}, cell="Test", input_size=3, hidden_size=4)
    assert {*derived.loop_maps(program)} == {"inner", "seen", "outer"}
    assert "dparameter_gain" in derived.loop_sums(program)
    assert derived.late_maps(program) == () and derived.late_vectors(program) == ()


def test_of_states_only_those_that_products_read_are_operands():
    def step(x, h, m, c):
        return torch.tanh(affine("a", c, x)) + h, m * 0.5 + h, torch.tanh(affine("b", h))

    states = {"h": 4, "m": 4, "c": 4}
    program = trace(step, states, cell="Test", input_size=3, hidden_size=4)
    assert derived.operand_states(program) == (0, 2)
