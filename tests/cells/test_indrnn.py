"""Li et al. 2018, arXiv 1803.04831: a unit sees no other."""

import pytest
import torch
from cells.against_equations import layer_of, parameters_of, same_as

from throughtime import IndRNN, Recurrent
from throughtime.errors import OptionError


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_against_its_equations(name):
    def step(p, x, h):
        z = x @ p["transition_x"].T + p["transition_bias"] + p["recurrent"] * h
        return torch.clamp(z, min=0) if name == "relu" else torch.tanh(z)

    def shapes(inputs, H):
        return {"transition_x": (H, inputs), "transition_bias": (H,), "recurrent": (H,)}

    same_as(IndRNN(name), step, shapes=shapes)


def test_units_are_independent():
    layer = layer_of(IndRNN("tanh"), 2, 4)
    h = torch.randn(1, 4, dtype=torch.float64)

    def last(h):
        return layer(torch.ones(3, 1, 2, dtype=torch.float64), (({"h": h},),))[1][0][0]["h"][0]

    jacobian = torch.autograd.functional.jacobian(last, h)[:, 0]
    assert torch.equal(jacobian != 0, torch.eye(4, dtype=torch.bool))


def test_the_recurrent_vector_starts_between_0_and_1():
    u = parameters_of(Recurrent(IndRNN(), 3, 2000))["recurrent"]
    assert 0 <= u.min() < 0.01
    assert 0.99 < u.max() <= 1
    assert abs(float(u.mean()) - 0.5) < 0.05


def test_an_unknown_activation():
    with pytest.raises(OptionError, match="activation is 'rleu'; .* Did you mean 'relu'?"):
        IndRNN("rleu").program(3, 4)
