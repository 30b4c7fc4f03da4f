"""Both gated recurrent units, and the one of torch."""

import pytest
import torch
from cells.against_equations import same_as

from throughtime import GRU
from throughtime.errors import OptionError


def sigmoid(z):
    return 1 / (1 + torch.exp(-z))


def affine(p, name, x, h):
    return h @ p[f"{name}_h"].T + x @ p[f"{name}_x"].T + p.get(f"{name}_bias", 0.0)


def before(p, x, h):
    """Cho et al. 2014, arXiv 1406.1078v3: the reset gate inside of the product."""
    update, reset = sigmoid(affine(p, "update", x, h)), sigmoid(affine(p, "reset", x, h))
    z = (reset * h) @ p["candidate_0"].T + x @ p["candidate_x"].T + p.get("candidate_bias", 0.0)
    return (1 - update) * h + update * torch.tanh(z)


def after(p, x, h):
    """cuDNN and torch: outside of it, with a bias of its own."""
    update, reset = sigmoid(affine(p, "update", x, h)), sigmoid(affine(p, "reset", x, h))
    heard = x @ p["candidate_x"].T + p.get("candidate_bias", 0.0)
    remembered = h @ p["remembered_h"].T + p.get("remembered_bias", 0.0)
    return (1 - update) * h + update * torch.tanh(heard + reset * remembered)


@pytest.mark.parametrize("bias", [True, False])
def test_reset_before(bias):
    def shapes(inputs, H):
        shapes = {}
        for name, operand in (("update", "h"), ("reset", "h"), ("candidate", "0")):
            shapes |= {f"{name}_{operand}": (H, H), f"{name}_x": (H, inputs)}
            shapes |= {f"{name}_bias": (H,)} if bias else {}
        return shapes

    same_as(GRU("before", bias=bias), before, shapes=shapes)


@pytest.mark.parametrize("bias", [True, False])
def test_reset_after(bias):
    def shapes(inputs, H):
        shapes = {"candidate_x": (H, inputs), "remembered_h": (H, H)}
        for name in ("update", "reset"):
            shapes |= {f"{name}_h": (H, H), f"{name}_x": (H, inputs)}
        if bias:
            shapes |= {f"{n}_bias": (H,) for n in ("update", "reset", "candidate", "remembered")}
        return shapes

    same_as(GRU("after", bias=bias), after, shapes=shapes)


def test_after_is_torchs_whose_update_keeps():
    def step(p, x, h):
        cell = torch.nn.GRUCell(x.shape[1], h.shape[1], dtype=torch.float64)
        with torch.no_grad():
            cell.weight_ih.copy_(torch.cat([p["reset_x"], -p["update_x"], p["candidate_x"]]))
            cell.weight_hh.copy_(torch.cat([p["reset_h"], -p["update_h"], p["remembered_h"]]))
            biases = [p["reset_bias"], -p["update_bias"], p["candidate_bias"]]
            cell.bias_ih.copy_(torch.cat(biases))
            cell.bias_hh.zero_()
            cell.bias_hh[-h.shape[1] :] = p["remembered_bias"]
            return cell(x, h)

    same_as(GRU("after"), step)


def test_other_functions():
    def step(p, x, h):
        def gate(z):
            return torch.clamp(z / 6 + 0.5, 0, 1)

        update, reset = gate(affine(p, "update", x, h)), gate(affine(p, "reset", x, h))
        z = (reset * h) @ p["candidate_0"].T + x @ p["candidate_x"].T + p["candidate_bias"]
        return (1 - update) * h + update * torch.clamp(z, min=0)

    same_as(GRU(activation="relu", gate=torch.nn.functional.hardsigmoid), step)


def test_the_two_differ():
    with pytest.raises(KeyError):
        same_as(GRU("after"), before)


@pytest.mark.parametrize("reset", ["original", "Before", True])
def test_another_reset(reset, unchecked):
    with pytest.raises(OptionError, match=r'`GRU`: reset is .*; expected "before" \(arXiv'):
        GRU(reset)
