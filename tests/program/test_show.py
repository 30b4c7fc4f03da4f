"""How a program prints: the text in full, as a person reads it."""

import pytest
import torch
from catalogue import CELLS
from torch import sigmoid, tanh

from throughtime import Cell, adjoint, affine, mask, noise, parameter
from throughtime.program import assignments, trace
from throughtime.program.regularise import zoneout


class LSTM(Cell):
    states = ("h", "C")

    def step(self, x, h, C):
        keep = sigmoid(affine("keep", h, x))
        write = sigmoid(affine("write", h, x))
        read = sigmoid(affine("read", h, x))
        C = keep * C + write * tanh(affine("candidate", h, x))
        return read * tanh(C), C


class GRU(Cell):
    states = ("h",)

    def step(self, x, h):
        update = sigmoid(affine("update", h, x))
        reset = sigmoid(affine("reset", h, x))
        candidate = tanh(affine("candidate", reset * h, x))
        return (1 - update) * h + update * candidate


LSTM_TEXT = """\
LSTM: input x 3; states h 40, C 40; 7,040 parameters
  ahead of the loop, all steps at once
    one product (160, 3): keep_x write_x read_x candidate_x
  level 1
    one product (160, 40): keep_h write_h read_h candidate_h
    keep_z = keep_h·h + keep_x·x + keep_bias
    keep = sigmoid(keep_z)
    write_z = write_h·h + write_x·x + write_bias
    write = sigmoid(write_z)
    read_z = read_h·h + read_x·x + read_bias
    read = sigmoid(read_z)
    candidate_z = candidate_h·h + candidate_x·x + candidate_bias
    C' = keep * C + write * tanh(candidate_z)
    h' = read * tanh(C')"""

GRU_TEXT = """\
GRU: input x 3; states h 4; 96 parameters
  ahead of the loop, all steps at once
    one product (12, 3): update_x reset_x candidate_x
  level 1
    one product (8, 4): update_h reset_h
    update_z = update_h·h + update_x·x + update_bias
    update = sigmoid(update_z)
    reset_z = reset_h·h + reset_x·x + reset_bias
    reset = sigmoid(reset_z)
  level 2
    one product (4, 4): candidate_0
    candidate_z = candidate_0·(reset * h) + candidate_x·x + candidate_bias
    candidate = tanh(candidate_z)
    h' = (1 - update) * h + update * candidate"""


def test_the_lstm():
    assert str(LSTM().program(3, 40)) == LSTM_TEXT


def test_the_gru():
    assert str(GRU().program(3, 4)) == GRU_TEXT


def test_equations_give_level_name_and_expression():
    assert assignments(GRU().program(3, 4))[-3:] == [
        (2, "candidate_z", "candidate_0·(reset * h) + candidate_x·x + candidate_bias"),
        (2, "candidate", "tanh(candidate_z)"),
        (2, "h'", "(1 - update) * h + update * candidate"),
    ]


def printed(step, states=("h",), width=4):
    states = dict.fromkeys(states, width)
    return {
        n: e for _, n, e in assignments(trace(step, states, cell="T", input_size=3, hidden_size=4))
    }


@pytest.mark.parametrize(
    "text",
    [
        "h * (h + 1)",
        "h * h + 1",
        "h - (h - 1)",
        "h - 1 - h",
        "h / (h * 2)",
        "h / h * 2",
        "(h + 1) ** 2",
        "(h ** 2) ** h",
        "h ** h ** 2",
        "2 ** h",
        "(-2) ** h",
        "(-h) ** 2",
        "-h ** 2",
        "-(h + 1) * h",
        "h * -h",
        "where(h > 0, h, -1)",
        "where((h > 0) == (h < 1), h, 2)",
        "tanh(h + 1) * sigmoid(h)",
        "leaky_relu(h, negative_slope=0.3)",
        "clamp(h, min=0.5)",
        "gelu(h, approximate=tanh)",
    ],
)
def test_an_expression_prints_so_that_it_reads_back(text):
    """What Python reads from the text is what was traced."""
    functions = {
        "where": torch.where,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "leaky_relu": torch.nn.functional.leaky_relu,
        "clamp": torch.clamp,
        "gelu": lambda x, approximate: torch.nn.functional.gelu(x, approximate="tanh"),
    }
    numbers = torch.tensor([[0.3, 1.7, 2.5, -0.6]], dtype=torch.float64)

    def value(expression, h):
        return eval(expression, functions | {"tanh": torch.tanh}, {"h": h})

    if "where((" in text:  # a condition compared is the number 0 or 1
        shown = printed(lambda x, h: value(text, h))["h'"]
        assert shown == "where(where(h > 0, 1, 0) == where(h < 1, 1, 0), h, 2)"
        return
    shown = printed(lambda x, h: value(text, h))["h'"]
    assert shown == text
    torch.testing.assert_close(value(shown, numbers), value(text, numbers), equal_nan=True)


def test_names_that_are_taken():
    def step(x, h):
        keep = torch.tanh(affine("keep", h, x))
        x = keep * 2  # another x
        return x * keep + x

    shown = printed(step)
    assert [*shown] == ["keep_z", "keep", "x_", "h'"]
    assert shown["h'"] == "x_ * keep + x_"


def test_every_kind_of_leaf():
    def step(x, h):
        rows = h - torch.mean(h, dim=-1, keepdim=True)
        return rows * parameter("gain") + noise() * mask(0.5) + affine("a", x, bias=False)

    assert [*printed(step).items()] == [
        ("v2", "mean(h)"),
        ("rows", "h - v2"),
        ("a_z", "a_x·x"),
        ("h'", "rows * gain + noise0 * mask1 + a_z"),
    ]


def test_a_state_that_stays_and_one_that_is_another():
    assert printed(lambda x, h, C: (C, C), ("h", "C")) == {"h'": "C", "C'": "C"}


def test_an_adjoint():
    def step(x, h):
        gate = sigmoid(affine("gate", h))
        return gate * h + affine("heard", x, bias=False)

    program = trace(step, {"h": 4}, cell="Test", input_size=3, hidden_size=4)
    lines = str(adjoint(program)).splitlines()
    assert lines[1:] == [
        "  level 0",
        "    dz_heard = dh'",
        "    dz_gate = dh' * saved1 * (1 - saved3) * saved3",
        "  level 1",
        "    v9 = gate_hᵀ·dz_gate",
        "    dstate_h = dh' * saved3 + v9",
        "    dx = heard_xᵀ·dh'",
    ]


@pytest.mark.parametrize("name", CELLS)
def test_every_cell_and_adjoint_prints_each_output_once(name):
    program = zoneout(CELLS[name].program(3, 4), 0.2)
    names = [n for _, n, _ in assignments(program)]
    assert len({*names}) == len(names)
    assert {f"{state}'" for state in program.states} <= {*names}
    for a in program.affines:
        assert names.count(f"{program.nodes[a].attributes['name']}_z") == 1
    back = adjoint(program)
    names = [n for _, n, _ in assignments(back)]
    assert len({*names}) == len(names)
    assert {*back.outputs} <= {*names}
