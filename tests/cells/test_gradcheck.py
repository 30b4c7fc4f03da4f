"""Gradients and their gradients against differences, for every cell, through a layer."""

import pytest
import torch
from catalogue import CELLS
from torch.autograd import gradcheck, gradgradcheck

from throughtime import Recurrent

pytestmark = pytest.mark.usefixtures("unchecked")


def function_of(name, T=2, B=2, inputs=1, H=2):
    """Outputs and last states of a layer as a function of x, every parameter and the state.

    In eval mode, so that noise stands still. The seed keeps the kinks of relu and of the hard
    gates further away than the differences reach; gradcheck fails where it does not.
    """
    generator = torch.Generator().manual_seed(8)

    def normal(*shape):
        value = 0.8 * torch.randn(shape, generator=generator, dtype=torch.float64)
        return value.requires_grad_()

    layer = Recurrent(CELLS[name], inputs, H, dtype=torch.float64).eval()
    widths = layer.directions[0][0].program.states
    values = {n: normal(*p.shape) for n, p in layer.named_parameters()}

    def run(x, *rest):
        states = dict(zip(widths, rest, strict=False))
        given = dict(zip(values, rest[len(widths) :], strict=True))
        y, last = torch.func.functional_call(layer, given, (x, ((states,),)))
        # y alone would leave out what only the other states see
        return y, *last[0][0].values()

    return run, (normal(T, B, inputs), *(normal(B, w) for w in widths.values()), *values.values())


@pytest.mark.parametrize("name", CELLS)
def test_gradients(name):
    run, inputs = function_of(name, T=3)
    assert gradcheck(run, inputs, eps=1e-6, atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize("name", CELLS)
def test_gradients_of_gradients(name):
    run, inputs = function_of(name)
    assert gradgradcheck(run, inputs, eps=1e-6, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", CELLS)
def test_the_initial_state_and_every_parameter_hear_of_the_loss(name):
    torch.manual_seed(1)
    layer = Recurrent(CELLS[name], 3, 4, dtype=torch.float64)
    y, last = layer(torch.randn(5, 2, 3, dtype=torch.float64))
    sum((v * torch.randn_like(v)).sum() for v in (y, *last[0][0].values())).backward()
    assert [n for n, p in layer.named_parameters() if not p.grad.any()] == []
