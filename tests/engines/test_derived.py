"""Facts about programs: above all what is kept from forward to backward, as memory is what large
networks run out of."""

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
    function = {
        "pow": lambda z: z**2.5, "elu": torch.nn.functional.elu, "gelu": torch.nn.functional.gelu,
        "softplus": torch.nn.functional.softplus,
    }.get(op, getattr(torch, op, None))  # fmt: skip

    def step(x, h):
        expensive = function(h)
        cheap = torch.sigmoid(h)
        return torch.tanh(affine("a", x)) * expensive * cheap

    program = trace(step, {"h": 4}, cell="Test", input_size=3, hidden_size=4)
    nodes = names(program, derived.stored_nodes(program, KEPT))
    assert "expensive" in nodes and "cheap" not in nodes
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


def test_where_weights_and_gradients_are():
    """The products of a GRU that reads reset * h: of h, of that, and of x."""
    program = CELLS["gru-before"].program(3, 4)
    schedule = derived.plan(program)
    assert derived.plan(program) is schedule and derived.adjoint(program) is derived.adjoint(
        program
    )
    weights = [product.weights for product in schedule.products]
    of_h, of_reset = weights.index(("update_h", "reset_h")), weights.index(("candidate_0",))
    rows = derived.weight_rows(program)
    assert rows["update_h"] == (of_h, slice(0, 4)) and rows["reset_h"] == (of_h, slice(4, 8))
    assert rows["candidate_0"] == (of_reset, slice(0, 4))
    columns = derived.product_columns(program)
    assert columns[of_h] == (slice(0, 8),) and columns[of_reset] == (slice(8, 12),)
    ops = [program.nodes[i].op for i in derived.operand_nodes(program)]
    assert ops[of_h] == "state" and ops[of_reset] == "mul"


def test_what_backward_needs_of_forward():
    """The gate of x is known ahead of the loop; that of h is computed inside it."""

    def step(x, h):
        seen = torch.sigmoid(affine("seen", x))
        return torch.tanh(affine("own", seen * h) + seen)

    program = trace(step, {"h": 4}, cell="Test", input_size=3, hidden_size=4)
    assert names(program, derived.needed_in_loop(program)) == ["h", "mul", "tanh"]
    assert names(program, sorted(derived.needed_ahead(program))) == ["x", "affine", "seen"]
    assert derived.needed_nodes(program).issubset(
        {*derived.needed_in_loop(program), *derived.needed_ahead(program)}
    )
    assert names(program, derived.stored_nodes(program, KEPT)) == ["mul"]
    revisited = names(program, sorted(derived.revisited_nodes(program, KEPT)))
    assert revisited == ["x", "h", "affine", "seen", "mul", "tanh"]
    assert derived.anything_ahead(program, KEPT)
    assert not derived.anything_ahead(program, LoopMode(hoist=False))


def test_what_each_loop_backward_computes():
    """The native loop computes more than the next step waits for: the gradient of the gain."""

    def step(x, h):
        return torch.tanh(affine("own", h) + affine("seen", x)) * parameter("gain")

    program = trace(step, {"h": 4}, cell="Test", input_size=3, hidden_size=4)
    outputs = derived.adjoint(program).outputs
    awaited, inside = {*derived.awaited_nodes(program)}, {*derived.loop_nodes(program)}
    assert awaited < inside
    assert outputs["dparameter_gain"] in inside - awaited
    assert outputs["dz_own"] == outputs["dz_seen"] and outputs["dz_own"] in awaited
    assert outputs["dz_own"] in derived.awaited_kept_nodes(program)
    assert derived.loop_kept_nodes(program) == ()  # dz has an array of its own
