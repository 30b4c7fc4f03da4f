"""The simple network of Elman 1990, and the deep transition of Pascanu et al. 2014."""

import pytest
import torch
import torch.nn.functional as F
from cells.against_equations import parameters_of, same_as

from throughtime import RNN, Recurrent
from throughtime.errors import OptionError
from throughtime.program import Orthogonal

PLAIN = {
    "tanh": torch.tanh,
    "sigmoid": lambda z: 1 / (1 + torch.exp(-z)),
    "relu": lambda z: torch.clamp(z, min=0),
    "leaky_relu": lambda z: torch.where(z > 0, z, 0.01 * z),
    "elu": lambda z: torch.where(z > 0, z, torch.expm1(z)),
    "selu": F.selu,
    "gelu": lambda z: z * 0.5 * (1 + torch.erf(z / 2**0.5)),
    "silu": lambda z: z / (1 + torch.exp(-z)),
    "softplus": lambda z: torch.log(1 + torch.exp(z)),
    "softsign": lambda z: z / (1 + z.abs()),
    "hardsigmoid": lambda z: torch.clamp(z / 6 + 0.5, 0, 1),
    "hardtanh": lambda z: torch.clamp(z, -1, 1),
    "saturated_linear": lambda z: torch.clamp(z, 0, 1),
    "identity": lambda z: z,
    "abs": torch.abs,
    "sin": torch.sin,
    "cos": torch.cos,
    "exp": torch.exp,
}


@pytest.mark.parametrize("name", PLAIN)
def test_every_activation(name):
    def step(p, x, h):
        z = h @ p["transition_h"].T + x @ p["transition_x"].T + p["transition_bias"]
        return PLAIN[name](z)

    def shapes(inputs, H):
        return {"transition_h": (H, H), "transition_x": (H, inputs), "transition_bias": (H,)}

    # exp of exp grows beyond all numbers
    sizes = [(2, 3, 2, 4)] if name == "exp" else [(4, 3, 2, 5), (1, 1, 1, 1)]
    same_as(RNN(name), step, sizes, shapes, scale=0.3)


def test_every_size():
    def step(p, x, h):
        return torch.tanh(x @ p["transition_x"].T + h @ p["transition_h"].T + p["transition_bias"])

    same_as(RNN(), step)


def test_without_bias():
    def step(p, x, h):
        return torch.tanh(x @ p["transition_x"].T + h @ p["transition_h"].T)

    def shapes(inputs, H):
        return {"transition_h": (H, H), "transition_x": (H, inputs)}

    same_as(RNN(bias=False), step, shapes=shapes)


def test_a_network_as_the_transition():
    def step(p, x, h):
        z = torch.relu(h @ p["inner0_h"].T + x @ p["inner0_x"].T + p["inner0_bias"])
        z = torch.relu(z @ p["inner1_0"].T + p["inner1_bias"])
        return torch.relu(z @ p["transition_0"].T + p["transition_bias"])

    def shapes(inputs, H):
        return {
            "inner0_h": (5, H),
            "inner0_x": (5, inputs),
            "inner0_bias": (5,),
            "inner1_0": (3, 5),
            "inner1_bias": (3,),
            "transition_0": (H, 3),
            "transition_bias": (H,),
        }

    same_as(RNN("relu", hidden=(5, 3)), step, shapes=shapes)


def test_a_network_without_bias_and_of_one_unit():
    def step(p, x, h):
        z = torch.tanh(h @ p["inner0_h"].T + x @ p["inner0_x"].T)
        return torch.tanh(z @ p["transition_0"].T)

    same_as(RNN(hidden=(1,), bias=False), step)


def test_a_function_as_the_activation():
    def step(p, x, h):
        z = x @ p["transition_x"].T + h @ p["transition_h"].T + p["transition_bias"]
        return 1.7159 * torch.tanh(2 / 3 * z)

    same_as(RNN(lambda z: 1.7159 * torch.tanh(2 / 3 * z)), step)


def test_the_recurrent_weight_starts_as_asked():
    p = parameters_of(Recurrent(RNN("relu", recurrent_init="identity"), 3, 4))
    assert torch.equal(p["transition_h"], torch.eye(4))
    assert not torch.equal(p["transition_x"][:3], torch.eye(3))
    cell = RNN(hidden=(4,), recurrent_init=Orthogonal(2.0))
    q = parameters_of(Recurrent(cell, 3, 4, dtype=torch.float64))["inner0_h"]
    torch.testing.assert_close(q @ q.T, 4 * torch.eye(4, dtype=torch.float64))


@pytest.mark.parametrize(
    ("name", "near"), [("tahn", "'tanh'"), ("rellu", "'relu'"), ("zzz", "Give a function")]
)
def test_an_unknown_activation(name, near):
    with pytest.raises(
        OptionError, match=rf"activation is '{name}'; expected one of tanh, .*{near}"
    ):
        RNN(name).program(3, 4)
