"""Gradients of weights: the engine's own products agree with torch's; each has its range."""

import pytest
import torch
from catalogue import CELLS
from engines.calls import random_call

from throughtime import LSTM, RNN
from throughtime.engines.cpu import products
from throughtime.engines.reference import forward as reference
from throughtime.engines.reference.backward import backward, weight_gradients


def gradients(program, T=5, B=3, dtype=torch.float64):
    call = random_call(program, T, B, lengths="ragged", dtype=dtype)
    with torch.no_grad():
        result = reference.forward(program, call, save=True)
        dstates = [torch.randn_like(s) for s in result.states]
        return backward(program, call, result, dstates, [torch.randn_like(f) for f in result.final])


@pytest.fixture
def by_torch(monkeypatch):
    """Which products torch was asked for, by their number."""
    asked = []
    real = products.weight_gradient
    monkeypatch.setattr(
        products, "weight_gradient", lambda p, g, k: asked.append(k) or real(p, g, k)
    )
    return asked


def limits(monkeypatch, **numbers):
    for name, value in numbers.items():
        monkeypatch.setattr(products, name, value)


@pytest.mark.parametrize("name", CELLS)
def test_both_ways_agree(monkeypatch, by_torch, name):
    program = CELLS[name].program(3, 4)
    back = gradients(program)
    want = weight_gradients(program, back)
    count = len(want)
    for kind, asked in (("own", []), ("torch", [*range(count)])):
        far = 10**12 if kind == "own" else -1
        limits(monkeypatch, SMALL=far, NARROW=far, VECTOR=far)
        by_torch.clear()
        for got, wanted in zip(products.weight_gradients(program, back), want, strict=True):
            torch.testing.assert_close(got, wanted, rtol=1e-11, atol=1e-11)
        assert by_torch == asked


@pytest.mark.parametrize(
    ("shape", "numbers", "asked"),
    [
        # an LSTM of 3 inputs and 4 units over 15 rows: 15 * 16 * 3 and 15 * 16 * 4 multiply-adds
        ((3, 4), {"SMALL": 1680, "NARROW": 2}, []),
        ((3, 4), {"SMALL": 1679, "NARROW": 2}, [0, 1]),
        ((3, 4), {"SMALL": 0, "NARROW": 3}, [1]),
        ((3, 4), {"SMALL": 0, "NARROW": 4}, []),
        # with a vector for an operand or a result its own limit holds: 15 * 4 * 1
        ((1, 1), {"SMALL": 10**9, "NARROW": 48, "VECTOR": 60}, []),
        ((1, 1), {"SMALL": 10**9, "NARROW": 48, "VECTOR": 59}, [0, 1]),
    ],
)
def test_the_limits(monkeypatch, by_torch, shape, numbers, asked):
    program = LSTM().program(*shape)
    back = gradients(program)
    limits(monkeypatch, **numbers)
    products.weight_gradients(program, back)
    assert by_torch == asked


def test_a_matrix_of_one_row_is_a_vector(monkeypatch, by_torch):
    program = RNN().program(7, 1)
    back = gradients(program)
    limits(monkeypatch, SMALL=10**9, NARROW=48, VECTOR=15 * 7 - 1)
    products.weight_gradients(program, back)
    assert by_torch == [0]
