"""The oracle itself, against torch.nn, which shares nothing with it."""

import pytest
import torch
from fuzz.case import Case
from fuzz.oracle import Given, truth
from fuzz.recipe import Line, Recipe


def _lstm(I: int, H: int) -> Recipe:  # noqa: E741
    gates = ("i", "f", "g", "o")
    lines = [Line(n, 'affine("{name}", {0}, {1}, size={size})', ("h", "x"), "h") for n in gates]
    lines += [
        Line("c", "torch.sigmoid({0}) * {1} + torch.sigmoid({2}) * torch.tanh({3})",
             ("f", "C", "i", "g"), "h"),
        Line("y", "torch.sigmoid({0}) * torch.tanh({1})", ("o", "c"), "h"),
    ]  # fmt: skip
    return Recipe({"one": 1, "x": I, "h": H}, {"h": "h", "C": "h"}, tuple(lines), ("y", "c"))


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("direction", ["forward", "both"])
def test_an_lstm_is_that_of_torch(layers, direction):
    T, B, I, H = 5, 3, 4, 6  # noqa: E741
    torch.manual_seed(0)
    both = direction == "both"
    right = torch.nn.LSTM(I, H, layers, bidirectional=both, dtype=torch.float64)
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    parameters, matches = {}, {}
    for k in range(layers):
        for d in range(1 + both):
            suffix = f"l{k}" + "_reverse" * d
            w_x, w_h = (getattr(right, f"weight_{n}h_{suffix}") for n in ("i", "h"))
            bias = getattr(right, f"bias_ih_{suffix}")
            with torch.no_grad():
                getattr(right, f"bias_hh_{suffix}").zero_()
            for g, gate in enumerate(("i", "f", "g", "o")):
                rows = slice(g * H, (g + 1) * H)
                for name, whole in (("h", w_h), ("x", w_x), ("bias", bias)):
                    parameters[f"directions.{k}.{d}.{gate}_{name}"] = whole[rows].detach()
                    matches[f"directions.{k}.{d}.{gate}_{name}"] = whole, rows
    y, (h, c) = right(x)
    weights = torch.randn_like(y)
    (y * weights).sum().backward()
    case = Case(_lstm(I, H), T, B, direction=direction, layers=layers)
    given = Given(parameters, set(), x, None, None, [weights], [])
    found = truth(case, given, torch.float64)
    torch.testing.assert_close(found.outputs["y"], y.detach())
    torch.testing.assert_close(found.outputs['final[0][0]["C"]'], c[0].detach())
    torch.testing.assert_close(found.gradients["base"], x.grad)
    for name, (whole, rows) in matches.items():
        torch.testing.assert_close(found.gradients[name], whole.grad[rows])
