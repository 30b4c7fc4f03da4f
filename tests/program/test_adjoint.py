"""The adjoint program against autograd, both run by the interpreter beside this file."""

import pytest
import torch
from catalogue import CELLS
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from program.interpreter import backward, forward, leaves
from program.random_programs import random_program

from throughtime import adjoint, affine
from throughtime.program import trace
from throughtime.program.regularise import expected, variational, zoneout

pytestmark = pytest.mark.usefixtures("unchecked")


def check(program, T, batch=2, seed=0):
    """Gradients of a loss of T steps: at every affine map, input, state and vector."""
    parameters, randoms, normal = leaves(program, batch, torch.Generator().manual_seed(seed))
    vectors = {n: v.requires_grad_() for n, v in parameters.items() if n in program.vectors}
    inputs = [normal(batch, program.input_size).requires_grad_() for _ in range(T)]
    start = {n: normal(batch, w).requires_grad_() for n, w in program.states.items()}
    weights = [{n: normal(batch, w) for n, w in program.states.items()} for _ in range(T)]

    steps, state, loss = [], start, torch.zeros((), dtype=torch.float64)
    for x, weight in zip(inputs, weights, strict=True):
        values = forward(program, parameters, x, state, randoms())
        state = {n: values[i] for n, i in program.outputs.items()}
        loss = loss + sum((weight[n] * state[n]).sum() for n in state)
        steps.append(values)
    maps = [(values[a], t, a) for t, values in enumerate(steps) for a in program.affines]
    wanted = [*(z for z, _, _ in maps), *inputs, *start.values(), *vectors.values()]
    by_autograd = [torch.zeros_like(w) for w in wanted]
    if loss.requires_grad:
        auto = torch.autograd.grad(loss, wanted, allow_unused=True)
        by_autograd = [f if a is None else a for f, a in zip(by_autograd, auto, strict=True)]

    back = adjoint(program)
    dstate = {n: torch.zeros_like(s) for n, s in start.items()}
    ours = {}
    dvectors = {n: torch.zeros_like(v) for n, v in vectors.items()}
    for t in reversed(range(T)):
        entering = {n: dstate[n] + weights[t][n] for n in dstate}
        with torch.no_grad():
            out = backward(back, parameters, steps[t], entering)
        dstate = {n: out.get(f"dstate_{n}", torch.zeros_like(d)) for n, d in dstate.items()}
        ours[t] = out
        for n in dvectors:
            if f"dparameter_{n}" in out:
                dvectors[n] = dvectors[n] + out[f"dparameter_{n}"].sum(0)
    name = {a: f"dz_{program.nodes[a].attributes['name']}" for a in program.affines}
    got = [ours[t].get(name[a], torch.zeros_like(z)) for z, t, a in maps]
    got += [ours[t].get("dx", torch.zeros_like(x)) for t, x in enumerate(inputs)]
    got += [*dstate.values(), *dvectors.values()]
    known = {*name.values(), "dx", *(f"dstate_{n}" for n in start)}
    assert {*back.outputs} <= known | {f"dparameter_{n}" for n in vectors}
    scale = max((float(f.abs().max()) for f in by_autograd), default=0.0)
    for g, f in zip(got, by_autograd, strict=True):
        torch.testing.assert_close(g, f, rtol=1e-9, atol=1e-11 * max(1.0, scale))
    return by_autograd


@pytest.mark.parametrize("T", [1, 4])
@pytest.mark.parametrize("name", CELLS)
def test_of_every_cell(name, T):
    gradients = check(CELLS[name].program(3, 4), T)
    assert all(bool(f.any()) for f in gradients)


@pytest.mark.parametrize("name", CELLS)
def test_of_every_cell_of_one_unit(name):
    check(CELLS[name].program(1, 1), 2, batch=1)


@pytest.mark.parametrize("name", CELLS)
def test_of_every_cell_regularised_and_in_eval_mode(name):
    program = CELLS[name].program(3, 4)
    check(zoneout(program, 0.3), 3)
    check(expected(zoneout(program, 0.3)), 3)
    if name != "indrnn":
        check(variational(program, 0.3), 3)


@settings(max_examples=60, phases=[Phase.generate])  # shrinking a program takes minutes
@given(st.data())
def test_of_random_programs(data):
    program = random_program(data)
    check(program, 1)
    check(program, 3)
    check(expected(program), 2)


def one_state(step, width=4):
    return trace(step, {"h": width}, cell="Test", input_size=3, hidden_size=width)


def test_a_row_of_width_one_used_narrow_and_wide():
    def step(x, h):
        s = torch.mean(h, dim=-1, keepdim=True)
        return torch.tanh(s) * affine("a", x) + s * torch.sum(torch.sin(s), -1, keepdim=True)

    check(one_state(step), 3)


def test_an_operand_met_twice_by_one_map():
    check(one_state(lambda x, h: torch.tanh(affine("a", h, x, h))), 3)


def test_what_nothing_reaches_is_missing():
    back = adjoint(one_state(lambda x, h: h * 0.5 + torch.sign(affine("a", x))))
    assert {*back.outputs} == {"dstate_h"}


def test_a_constant_reaches_nothing():
    assert adjoint(one_state(lambda x, h: 3)).outputs == {}
