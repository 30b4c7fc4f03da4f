"""What is the CPU engine's own: its products, its threads, what it refuses."""

import pytest
import torch
from agreement import agree, regularised_call
from engines.recorded import Recorded, only

from throughtime import GRU, LSTM, Recurrent, nn
from throughtime.engines.call import Call, Packed
from throughtime.engines.cpu import CPU
from throughtime.engines.cpu.ahead import product
from throughtime.engines.cpu.native import native
from throughtime.engines.reference import Reference
from throughtime.errors import OptionError

TIGHT = {torch.float64: 1e-11, torch.float32: 2e-5}


@pytest.mark.parametrize("dtype", TIGHT)
@pytest.mark.parametrize("name", ["lstm", "lstm-projection", "gru-before", "rnn-deep"])
@pytest.mark.parametrize("shape", [(1, 1, 70, 130), (2, 2, 5, 65), (4, 1, 129, 64), (1, 3, 9, 200)])
def test_weights_read_where_they_lie(name, shape, dtype):
    program, call = regularised_call(name, *shape, dtype, False, False, False, 0)
    agree(program, call, TIGHT[dtype])


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("shape", [(0, 5, 7), (1, 1, 1), (63, 6, 16), (65, 7, 17), (200, 100, 90)])
@pytest.mark.parametrize("dtype", TIGHT)
def test_gradients_of_weights(dtype, shape, threads):
    steps, rows, columns = shape
    a, b = torch.randn(steps, 2, rows + 2, dtype=dtype), torch.randn(2, steps, columns, dtype=dtype)
    to = torch.full((rows, columns), torch.nan, dtype=dtype)
    b = b.transpose(0, 1)  # strides as batch_first gives them
    half = rows // 2
    lines = [(2, half, b, to, 0), (2 + half, rows - half, b, to, half)]
    native().outer(dtype == torch.float64, a, lines, threads)
    expected = torch.einsum("tbr,tbc->rc", a[..., 2:].double(), b.double())
    bound = TIGHT[dtype] * max(1.0, expected.abs().max().item() if steps else 0.0)
    torch.testing.assert_close(to.double(), expected, rtol=0, atol=bound)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (0, 2, 3, 5), (50, 1, 7, 17), (3, 33, 40, 300)])
@pytest.mark.parametrize("dtype", TIGHT)
@pytest.mark.parametrize("biased", [False, True])
def test_the_product_ahead_of_the_loop(dtype, shape, biased):
    T, B, in_, out = shape
    whole, weights = torch.randn(T, B, in_ + 3, dtype=dtype), torch.randn(out + 2, in_, dtype=dtype)
    bias = torch.randn(out, dtype=dtype) if biased else None
    for x in (whole[..., :in_], whole[..., 0:1].expand(T, B, in_), whole[..., 2 : in_ + 2]):
        for w in (weights[2:], weights[:out].t().contiguous().t()):
            got = product(Call(x, (), (), Packed((w,), bias), ()), x, w, bias)
            expected = torch.nn.functional.linear(
                x.double(), w.double(), None if bias is None else bias.double()
            )
            bound = TIGHT[dtype] * max(1.0, expected.abs().max().item() if T else 0.0)
            torch.testing.assert_close(got.double(), expected, rtol=0, atol=bound)


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_the_bits_do_not_depend_on_the_threads(threads):
    program, call = regularised_call("lstm", 9, 70, 5, 20, torch.float32, False, True, True, 0)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = CPU().forward(program, call)
        torch.set_num_threads(threads)
        many = CPU().forward(program, call)
    finally:
        torch.set_num_threads(before)
    for a, b in zip((*one.states, *one.final), (*many.states, *many.final), strict=True):
        assert torch.equal(a, b)


def test_the_layer_runs_on_it_unless_told_otherwise():
    x = torch.randn(4, 2, 3)
    with only(Recorded(CPU()), Reference()) as (cpu, _):
        for engine, count in ((None, 1), ("cpu", 2), ("reference", 2)):
            Recurrent(LSTM, 3, 5, engine=engine)(x)
            assert cpu.ran == ["forward"] * count


def test_gradients_of_gradients_and_a_forward_dropped():
    layer = Recurrent(GRU, 3, 4, dtype=torch.float64)
    x = torch.randn(3, 2, 3, dtype=torch.float64, requires_grad=True)
    layer(x)  # dropped
    assert torch.autograd.gradgradcheck(lambda x: layer(x)[0], x)
    assert torch.autograd.gradcheck(lambda x: layer(x)[0], x)


def test_named_and_unable_raises():
    layer = Recurrent(LSTM, 3, 4, engine="cpu", dtype=torch.float64)
    half = Recurrent(LSTM, 3, 4, engine="cpu", dtype=torch.bfloat16)
    with pytest.raises(OptionError, match="dtypes are torch.bfloat16"):
        half(torch.zeros(2, 1, 3, dtype=torch.bfloat16))
    with pytest.raises(OptionError, match="torch.func transform"):
        torch.func.vmap(lambda x: layer(x)[0])(torch.zeros(2, 4, 1, 3, dtype=torch.float64))


def test_what_stands_in_padding_is_not_read():
    layer = Recurrent(LSTM, 3, 4, direction="both")
    x = torch.randn(5, 3, 3)
    lengths = torch.tensor([5, 0, 2])
    dirty = torch.where((torch.arange(5)[:, None] < lengths)[..., None], x, torch.nan)
    ys = [layer(one, lengths=lengths)[0] for one in (dirty, x)]
    assert torch.equal(*ys)
    gradients = [torch.autograd.grad(y.sum(), list(layer.parameters())) for y in ys]
    for a, b in zip(*gradients, strict=True):
        assert torch.equal(a, b) and a.any()


def test_a_view_that_torch_negates_as_it_is_read():
    x = torch.randn(4, 2, 3, dtype=torch.complex64).conj().imag
    assert x.is_neg()
    layer = Recurrent(LSTM, 3, 5)
    torch.testing.assert_close(layer(x)[0], layer(x.resolve_neg())[0])
    narrow, plain = nn.RNN(3, 1), x.resolve_neg()  # of width 1 no copy is made for the strides
    hx, gradient = x[:1, :, :1], x[:, :, :1]
    assert hx.is_neg() and gradient.is_neg()
    torch.testing.assert_close(narrow(plain, hx)[0], narrow(plain, hx.resolve_neg())[0])
    gradients = []
    for g in (gradient, gradient.resolve_neg()):
        gradients.append(torch.autograd.grad(narrow(plain)[0], narrow.weight_hh_l0, g)[0])
    torch.testing.assert_close(*gradients)
