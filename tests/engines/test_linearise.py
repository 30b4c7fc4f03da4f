"""The derivative of a step, against torch.func over the same equations."""

import pytest
import torch
from catalogue import CELLS

from throughtime import Cell, Recurrent, affine, parameter
from throughtime.engines.linearise import node_values, state_jacobian


class Rows(Cell):
    """Every kind of node: sums over rows, rows of width 1, conditions, vectors, no affine map."""

    states = {"h": None, "one": 1, "still": None}

    def step(self, x, h, one, still):
        inner = affine("in", h * h, x, still * 0.5)
        centred = inner - inner.mean(-1, keepdim=True)
        normed = centred / torch.sqrt(inner.var(-1, keepdim=True, correction=0) + 1e-3)
        scale = parameter("scale", 4, init="uniform")
        new = torch.where(h > 0, torch.tanh(normed * scale), one * h) + 0.1 * h
        return new, torch.sigmoid(one + (h * still).sum(-1, keepdim=True)), torch.maximum(still, h)


CASES = CELLS | {"rows": Rows()}


@pytest.mark.parametrize("name", CASES)
def test_the_jacobian_of_a_step(name, float64):
    torch.manual_seed(1)
    direction = Recurrent(CASES[name], 3, 4).eval().directions[0][0]
    program, call = direction.call(torch.zeros(1, 5, 3))
    x, widths = torch.randn(5, 3), list(program.states.values())
    s = torch.randn(5, sum(widths)) / 2

    def step(s, x):
        states = dict(zip(program.states, s[None].split(widths, -1), strict=True))
        values = node_values(program, call, x[None], states)
        new = [values[program.outputs[n]].expand(1, w) for n, w in program.states.items()]
        return torch.cat(new, -1)[0]

    with torch.no_grad():
        states = dict(zip(program.states, s.split(widths, -1), strict=True))
        got = state_jacobian(program, call, x, states)
    want = torch.stack([torch.func.jacrev(step)(a, b) for a, b in zip(s, x, strict=True)])
    torch.testing.assert_close(got, want, rtol=1e-11, atol=1e-13)


def test_a_step_that_forgets_everything(float64):
    class Forgets(Cell):
        states = ("h",)

        def step(self, x, h):
            return torch.tanh(affine("in", x))

    program, call = Recurrent(Forgets(), 2, 3).directions[0][0].call(torch.zeros(1, 2, 2))
    got = state_jacobian(program, call, torch.randn(2, 2), {"h": torch.randn(2, 3)})
    assert got.shape == (2, 3, 3) and not got.any()
