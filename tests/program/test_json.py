"""A program written and read again is the same; what is damaged is refused, never run."""

import json
import math

import pytest
import torch
from catalogue import CELLS
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from program.interpreter import backward, forward, leaves
from program.random_programs import random_program

from throughtime import LSTM, Chrono, Program, adjoint, parameter
from throughtime.errors import RunError
from throughtime.program import schedule, trace
from throughtime.program.parameters import Custom
from throughtime.program.regularise import expected, zoneout

pytestmark = pytest.mark.usefixtures("unchecked")


def run(program, seed=0):
    """Every value of one step, and every output of the step backward."""
    generator = torch.Generator().manual_seed(seed)
    parameters, randoms, normal = leaves(program, 2, generator)
    states = {n: normal(2, w) for n, w in program.states.items()}
    with torch.no_grad():
        values = forward(program, parameters, normal(2, program.input_size), states, randoms())
        gradients = {n: normal(2, w) for n, w in program.states.items()}
        back = backward(adjoint(program), parameters, values, gradients)
    return [values[i] for i in program.outputs.values()] + [*back.values()]


def same(program):
    text = program.json
    again = Program.from_json(text)
    assert again.json == text
    assert str(again) == str(program)
    assert schedule(again) == schedule(program)
    assert again.parameters == program.parameters
    for a, b in zip(run(program), run(again), strict=True):
        assert torch.equal(a, b)
    back = adjoint(program)
    assert Program.from_json(back.json).json == back.json
    assert str(Program.from_json(back.json)) == str(back)


@pytest.mark.parametrize("name", CELLS)
def test_every_cell(name):
    program = CELLS[name].program(3, 4)
    same(program)
    same(zoneout(program, 0.25))
    same(expected(program))


@settings(max_examples=25, phases=[Phase.generate])
@given(st.data())
def test_random_programs(data):
    program = random_program(data)
    same(program)
    same(expected(program))


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, -0.0, 5e-324, 2.2e-308, 0.1, 1e308, 1 / 3, 2.0**-1074]
)
def test_constants_are_exact(value):
    def step(x, h):
        return torch.clamp(h, value, 3.0) + value if value == value else torch.maximum(h, value * h)

    def constants(program):
        return [n.attributes["value"].hex() for n in program.nodes if n.op == "constant"]

    program = trace(step, {"h": 2}, cell="Test", input_size=1, hidden_size=2)
    again = Program.from_json(program.json)
    assert constants(again) == constants(program)
    assert again.json == program.json
    options = [n.attributes for n in program.nodes if n.op == "clamp"]
    assert repr(options) == repr([n.attributes for n in again.nodes if n.op == "clamp"])


def test_equal_programs_have_equal_hashes():
    """Python's contract: what is equal hashes alike. Two programs of a cell are two things."""
    one, two = LSTM().program(3, 4), LSTM().program(3, 4)
    assert one.json == two.json and one != two
    assert one == one and hash(one) == hash(one)
    assert len({one, one, two}) == 2
    assert one != Program.from_json(one.json)


def test_json_is_one_line_of_data():
    data = json.loads(LSTM(peephole=True, keep_bias=Chrono(9)).program(3, 4).json)
    assert "\n" not in LSTM().program(3, 4).json
    assert data["format"] == 1
    assert data["parameters"]["keep_bias"] == {"shape": [4], "init": {"kind": "chrono", "steps": 9}}
    assert data["parameters"]["write_bias"]["init"] == {"kind": "negative", "of": "keep_bias"}


def test_a_function_is_kept_by_name_only():
    def mine(tensor):
        raise AssertionError("is not to be called")

    def step(x, h):
        return h * parameter("u", init=mine)

    program = trace(step, {"h": 2}, cell="Test", input_size=1, hidden_size=2)
    again = Program.from_json(program.json)
    init = again.parameters["u"].init
    assert isinstance(init, Custom)
    assert init.function is None
    assert init.name.endswith("mine")


def test_another_version_of_the_format():
    data = json.loads(LSTM().program(3, 4).json) | {"format": 2}
    with pytest.raises(RunError, match=r"program: format has 2; expected 1. Read it with the vers"):
        Program.from_json(json.dumps(data))


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "7", '"a"', "{", "[" * 100_000, "\x00"])
def test_something_else(text):
    with pytest.raises(RunError, match="program: the JSON is damaged .*Take it from the run fold"):
        Program.from_json(text)


WHOLE = json.loads(CELLS["lstm-everything"].program(3, 4).json)


def damaged(change):
    """The message for a program with one thing changed."""
    data = json.loads(json.dumps(WHOLE))
    change(data)
    with pytest.raises(RunError) as caught:
        Program.from_json(json.dumps(data))
    return str(caught.value)


def node(data, op):
    return next(n for n in data["nodes"] if n["op"] == op)


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        (lambda d: node(d, "affine").update(op="__import__"), "unknown operation"),
        (lambda d: node(d, "affine").update(args=[0, 10_000]), "not earlier nodes"),
        (lambda d: node(d, "affine").update(args=[0, -1]), "not earlier nodes"),
        (lambda d: node(d, "affine").update(args=[0, True]), "not earlier nodes"),
        (lambda d: node(d, "affine").update(args=[1]), "does not fit"),
        (lambda d: node(d, "affine").update(width=5), "does not fit"),
        (lambda d: node(d, "affine")["attributes"].update(weights=["nobody", "x"]), "not fit"),
        (lambda d: node(d, "affine")["attributes"].update(bias=1), "has attributes"),
        (lambda d: node(d, "affine")["attributes"].update(bias=True), "does not fit"),
        (lambda d: node(d, "affine").update(name=3), "is named 3"),
        (lambda d: node(d, "tanh").update(width=0), "has width 0"),
        (lambda d: node(d, "tanh").update(width=3), "joins widths"),
        (lambda d: node(d, "mul").update(args=[1, 2]), "joins widths"),
        (lambda d: node(d, "tanh").update(op="add"), "has other arguments"),
        (lambda d: node(d, "tanh").update(op="leaky_relu"), "has other arguments"),
        (lambda d: node(d, "tanh").update(op="saved"), "has attributes"),
        (lambda d: node(d, "add").update(op="where"), "has other arguments"),
        (lambda d: node(d, "add").update(op="lt"), "with a condition"),
        (lambda d: node(d, "constant")["attributes"].update(value="1"), "has attributes"),
        (lambda d: node(d, "variance")["attributes"].update(correction=4.0), "does not fit"),
        (lambda d: node(d, "state")["attributes"].update(name="C"), "does not fit"),
        (lambda d: node(d, "parameter")["attributes"].update(name="keep_h"), "does not fit"),
        (lambda d: node(d, "parameter")["attributes"].update(name="read_gain"), "once"),
        (lambda d: d["outputs"].update(h=2), "the new h has width"),
        (lambda d: d["outputs"].update(h=10_000), "the output h is not a node"),
        (lambda d: d["outputs"].update(h=1.0), "the output h is not a node"),
        (lambda d: d["outputs"].pop("C"), "has the outputs"),
        (lambda d: d["states"].update(h=0), "the state h has width 0"),
        (lambda d: d["states"].update(other=1), "has the states"),
        (lambda d: d.update(input_size="3"), "input_size is not a whole number"),
        (lambda d: d.update(hidden_size=0), "hidden_size is not a whole number"),
        (lambda d: d.update(cell=None), "cell is not a name"),
        (lambda d: d.pop("nodes"), "KeyError"),
        (lambda d: d["parameters"].pop("keep_h"), "does not fit"),
        (lambda d: d["parameters"]["keep_h"].update(shape=[4]), "does not fit"),
        (lambda d: d["parameters"]["keep_h"].update(shape=[4, 2, 1]), "has shape"),
        (lambda d: d["parameters"]["keep_h"].update(init={"kind": "eval"}), "KeyError"),
        (lambda d: d["parameters"]["keep_h"]["init"].update(bound="1"), "has init"),
        (lambda d: d["parameters"]["keep_h"].update(init={"kind": "chrono", "steps": 1}), "Chrono"),
        (lambda d: d["parameters"]["keep_h"].update(init={"kind": "negative", "of": "z"}), "earl"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(change, fact):
    assert fact in damaged(change)


def refused_or_runs(text):
    """Nothing but `RunError`; what is read can be printed, scheduled, run and differentiated."""
    try:
        program = Program.from_json(text)
    except RunError:
        return
    assert Program.from_json(program.json).json == program.json
    str(program)
    schedule(program)
    if "state" in {n.op for n in program.nodes}:
        run(program)
        expected(program)


TEXTS = {
    "lstm": LSTM(peephole=True, projection=2).program(2, 3).json,
    "leaky": CELLS["leaky"].program(2, 3).json,
    "normalised": CELLS["lstm-everything"].program(2, 3).json,
    "adjoint": adjoint(CELLS["gru-before"].program(2, 3)).json,
}


@settings(max_examples=400, phases=[Phase.generate])
@given(st.data())
def test_a_damaged_character(data):
    text = TEXTS[data.draw(st.sampled_from([*TEXTS]))]
    at = data.draw(st.integers(0, len(text) - 1))
    instead = data.draw(st.sampled_from(["", *'0123456789.-eE"{}[]:,truefalsn_ \\']))
    refused_or_runs(text[:at] + instead + text[at + 1 :])


def places(data, path=()):
    yield path
    inner = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in inner if isinstance(data, dict | list) else ():
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))
        else:
            yield (*path, key)


@settings(max_examples=400, phases=[Phase.generate])
@given(st.data())
def test_a_damaged_field(data):
    whole = json.loads(TEXTS[data.draw(st.sampled_from([*TEXTS]))])
    *path, last = data.draw(st.sampled_from([*places(whole)][1:]))
    inner = whole
    for key in path:
        inner = inner[key]
    values = [None, True, 0, 1, 2, 3, -1, 2**70, 0.5, -0.0, math.nan, "", "h", "x", "sin", "keep_h",
              [], [0], [1, 0], {}, {"name": "h"}, {"kind": "identity", "gain": 1.0}]  # fmt: skip
    kind = data.draw(st.sampled_from(["set", "set", "drop", "repeat"]))
    if kind == "drop":
        del inner[last]
    elif kind == "repeat" and isinstance(inner, list):
        inner.insert(last, inner[last])
    else:
        inner[last] = data.draw(st.sampled_from(values))
    refused_or_runs(json.dumps(whole))
