"""Parameters as a layer has them give what they give packed."""

import pytest
import torch
from catalogue import CELLS

from throughtime import GRU, LSTM, RNN, Recurrent, nn
from throughtime.engines import choose
from throughtime.engines.call import SeparateParameters
from throughtime.engines.cpu import products
from throughtime.engines.cpu.ahead import packed_natively
from throughtime.engines.parameters import pack
from throughtime.layers.direction import Direction
from throughtime.nn import layer_call


def gradients(direction, x, result):
    states = [*result.states, *result.final]
    torch.manual_seed(1)
    loss = sum((s * torch.randn_like(s)).sum() for s in states)
    parameters = [*direction.parameters()]
    return torch.autograd.grad(loss, [x, *parameters], allow_unused=True)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize(("T", "B", "I"), [(7, 3, 5), (6, 1, 70), (4, 1, 2)])
def test_a_layer_with_separate_and_with_packed_parameters(name, recompute, T, B, I):  # noqa: E741
    torch.manual_seed(0)
    direction = Direction(CELLS[name], I, 6, recompute=recompute, dtype=torch.float64).eval()
    with torch.no_grad():
        for p in direction.parameters():
            p.normal_(0, 0.4)
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    separate = direction(x)
    program, call = direction.call(x)
    whole = choose.run(program, call)
    for a, b in zip(
        (*separate.states, *separate.final), (*whole.states, *whole.final), strict=True
    ):
        assert torch.equal(a, b)
    for a, b in zip(gradients(direction, x, separate), gradients(direction, x, whole), strict=True):
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn_tanh"])
def test_torchs_biases_are_summed_alike_for_autograd_and_for_the_loop(kind):
    module = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn_tanh": nn.RNN}[kind](3, 5, dtype=torch.float64)
    x = torch.randn(2, 1, 3, dtype=torch.float64)
    start = tuple(x.new_zeros(1, 5) for _ in range(1 + (kind == "lstm")))
    _, call = layer_call(kind, x, start, module.all_weights[0])
    assert isinstance(call.parameters, SeparateParameters)
    one, other = pack(call).parameters.bias, packed_natively(call).parameters.bias
    assert one is not None and other is not None and torch.equal(one, other)


def test_parameters_that_are_frozen_or_parametrised():
    layer = Recurrent(LSTM, 3, 4, dtype=torch.float64)
    direction = layer.directions[0][0]
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    layer(x)[0].sum().backward()
    want = {n: p.grad.clone() for n, p in direction.named_parameters()}
    layer.zero_grad()
    direction.keep_h.requires_grad_(False)
    direction.keep_bias.requires_grad_(False)
    torch.nn.utils.parametrizations.weight_norm(direction, "write_h", dim=0)
    layer(x)[0].sum().backward()
    assert direction.keep_h.grad is None and direction.keep_bias.grad is None
    assert torch.allclose(direction.read_h.grad, want["read_h"], atol=1e-12)
    assert direction.parametrizations.write_h.original1.grad.abs().sum() > 0


@pytest.mark.parametrize(("T", "B"), [(5, 0), (0, 3), (0, 0)])
@pytest.mark.parametrize("cell", [LSTM, GRU, RNN])
def test_a_sum_over_nothing_has_gradients_of_zero(cell, T, B):
    layer = Recurrent(cell, 3, 4, direction="both")
    layer(torch.randn(T, B, 3))[0].sum().backward()
    for p in layer.parameters():
        assert p.grad is not None and not p.grad.any()


@pytest.mark.parametrize("limits", [(0, 0, 0), (0, 48, 0), (10**12, 0, 0), (0, 48, 10**12)])
@pytest.mark.parametrize("name", ["lstm", "gru-before", "gru-after", "rnn"])
@pytest.mark.parametrize("sizes", [(1, 6), (3, 6), (60, 6), (5, 1)])
def test_every_way_to_add_up_the_gradient_of_a_weight(name, limits, sizes, monkeypatch):
    torch.manual_seed(0)
    layer = Recurrent(CELLS[name], *sizes, dtype=torch.float64)
    x = torch.randn(9, 4, sizes[0], dtype=torch.float64)

    def gradients():
        layer.zero_grad()
        layer(x)[0].square().sum().backward()
        return {n: p.grad.clone() for n, p in layer.named_parameters()}

    want = gradients()
    for limit, value in zip(("SMALL", "NARROW", "VECTOR"), limits, strict=True):
        monkeypatch.setattr(products, limit, value)
    for n, gradient in gradients().items():
        torch.testing.assert_close(gradient, want[n], rtol=1e-12, atol=1e-12)
