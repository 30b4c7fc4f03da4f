"""The closed form of one unit beside autograd, and beside the layer itself."""

import pytest
import torch

from throughtime import RNN, Recurrent
from throughtime.bptt import replicas
from throughtime.diagnose import Scalar
from throughtime.errors import OptionError, ShapeError

NAMES = ("tanh", "sigmoid", "relu", "linear")


@pytest.mark.parametrize("v", [-1.5, -0.5, 0.0, 0.3, 1.0, 1.2, 2.5])
@pytest.mark.parametrize("output", NAMES)
@pytest.mark.parametrize("activation", NAMES)
def test_closed_form_is_autograd(activation, output, v):
    torch.manual_seed(0)
    for _ in range(3):
        own = Scalar(v, 0.7, -1.3, activation, output).replicas(torch.randn(9))
        assert torch.allclose(own.closed, own.autograd, rtol=1e-12, atol=1e-14)
        assert torch.equal(own.factor, own.slope * v)


@pytest.mark.parametrize("activation", NAMES)
def test_it_is_the_layer_of_one_unit(activation):
    torch.manual_seed(0)
    name = "identity" if activation == "linear" else activation
    layer = Recurrent(RNN(name, bias=False), 1, 1, initial_state="zeros")
    with torch.no_grad():
        layer.directions[0][0].transition_h.fill_(0.8)
        layer.directions[0][0].transition_x.fill_(0.5)
    x = torch.randn(7)
    (own,) = replicas(layer, lambda: layer(x[:, None, None])[0][-1].sum())
    want = Scalar(0.8, 0.5, 1.0, activation).replicas(x).closed
    got = torch.stack([own.at(t)["transition_x"].squeeze() for t in range(6, -1, -1)])
    assert torch.allclose(got, want)


def test_a_linear_unit_only_accumulates():
    x = torch.randn(20)
    assert torch.allclose(Scalar(1.0, activation="linear").states(x)[1], x.double().cumsum(0))
    assert torch.allclose(Scalar(1.0, activation="linear").replicas(x).closed, x.double().flip(0))


def test_bad_input():
    with pytest.raises(OptionError, match="activation is 'gelu'; expected one of tanh, sigmoid"):
        Scalar(0.5, activation="gelu")
    with pytest.raises(OptionError, match="output is 'exp'; expected one of"):
        Scalar(0.5, output="exp")
    with pytest.raises(ShapeError, match=r"x has shape \(2, 2\); expected \(t,\) with 1 step"):
        Scalar(0.5).replicas(torch.zeros(2, 2))
