"""A ragged batch is its sequences, one by one: outputs, states and gradients."""

import pytest
import torch
from catalogue import CELLS
from hypothesis import example, given, settings
from hypothesis import strategies as st

from throughtime import LSTM, Recurrent

pytestmark = pytest.mark.usefixtures("types_unchecked")


def layer_of(cell, **options) -> Recurrent:
    torch.manual_seed(0)
    layer = Recurrent(cell, 2, 3, dtype=torch.float64, **options).eval()
    with torch.no_grad():
        for p in layer.parameters():
            p.add_(torch.randn_like(p) * 0.2)
    return layer


def close(a, b) -> bool:
    return torch.allclose(a, b, rtol=1e-10, atol=1e-12)


def loss_of(y, state) -> torch.Tensor:
    """Weighs every output and every final state differently, whatever the padding."""
    time = torch.arange(1.0, y.shape[0] + 1, dtype=y.dtype)[:, None, None]
    units = torch.linspace(-1, 1, y.shape[-1], dtype=y.dtype)
    flat = [s for directions in state for direction in directions for s in direction.values()]
    return (y * units / time).sum() + sum((k + 1) * (s**2).sum() for k, s in enumerate(flat))


def gradients(layer, loss) -> list[torch.Tensor]:
    own = torch.autograd.grad(loss, list(layer.parameters()), allow_unused=True)
    zeros = [torch.zeros_like(p) for p in layer.parameters()]
    return [z if g is None else g for g, z in zip(own, zeros, strict=True)]


def check(layer, lengths, padding=torch.nan, given_state=False):
    T, B = max(lengths, default=0) + 1, len(lengths)
    x = torch.randn(T, B, 2, dtype=torch.float64)
    for b, n in enumerate(lengths):
        x[n:, b] = padding
    start = None
    if given_state:
        start = tuple(
            tuple({n: torch.randn(B, w, dtype=torch.float64).requires_grad_()
                   for n, w in direction.program.states.items()}
                  for direction in directions)
            for directions in layer.directions
        )  # fmt: skip
    y, state, states = layer(x, state=start, lengths=torch.tensor(lengths), return_states=True)
    together = gradients(layer, loss_of(y, state))
    apart = [torch.zeros_like(g) for g in together]
    for b, n in enumerate(lengths):
        one = None
        if start is not None:
            one = [
                [{k: s[b : b + 1] for k, s in direction.items()} for direction in directions]
                for directions in start
            ]
        alone, end, all_ = layer(x[:n, b : b + 1], state=one, return_states=True)
        assert close(y[:n, b], alone[:, 0])
        assert (y[n:, b] == 0).all()
        for k, directions in enumerate(end):
            for d, direction in enumerate(directions):
                for name, s in direction.items():
                    assert close(state[k][d][name][b], s[0])
                    assert close(states[k][d][name][:n, b], all_[k][d][name][:, 0])
                    assert (states[k][d][name][n:, b] == 0).all()
        for total, g in zip(apart, gradients(layer, loss_of(alone, end)), strict=True):
            total += g
    for a, b in zip(together, apart, strict=True):
        assert (a - b).abs().max() <= 1e-10 * max(1.0, float(b.abs().max()))


@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
@pytest.mark.parametrize("name", CELLS)
def test_every_cell(name, direction):
    check(layer_of(CELLS[name], direction=direction), [4, 0, 1, 5, 3])


@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
@pytest.mark.parametrize("layers", [1, 2, 3])
@settings(max_examples=4)
@given(lengths=st.lists(st.integers(0, 6), min_size=1, max_size=4), state=st.booleans())
@example(lengths=[0], state=False)
@example(lengths=[0, 0], state=True)
@example(lengths=[1, 0, 4], state=False)
def test_stacked(direction, layers, lengths, state):
    check(layer_of(LSTM, direction=direction, layers=layers), lengths, given_state=state)


@pytest.mark.slow
@settings(max_examples=150)
@given(
    name=st.sampled_from(sorted(CELLS)),
    direction=st.sampled_from(["forward", "backward", "both"]),
    layers=st.integers(1, 3),
    lengths=st.lists(st.integers(0, 12), min_size=1, max_size=8),
    state=st.booleans(),
)
def test_many(name, direction, layers, lengths, state):
    check(layer_of(CELLS[name], direction=direction, layers=layers), lengths, given_state=state)


@pytest.mark.parametrize(
    "lengths",
    [
        [4, 0, 1],
        (4, 0, 1),
        torch.tensor([4, 0, 1], dtype=torch.int32),
        torch.tensor([4, 0, 1], dtype=torch.int64),
        torch.tensor([4, 0, 1], dtype=torch.uint8),
    ],
    ids=["list", "tuple", "int32", "int64", "uint8"],
)
def test_any_integers(lengths):
    layer, x = layer_of(LSTM, direction="both"), torch.randn(4, 3, 2, dtype=torch.float64)
    want = layer(x, lengths=torch.tensor([4, 0, 1]))[0]
    assert torch.equal(layer(x, lengths=lengths)[0], want)
    assert not torch.equal(layer(x)[0], want)


def test_full_lengths_are_no_lengths():
    layer, x = layer_of(LSTM, direction="both"), torch.randn(4, 3, 2, dtype=torch.float64)
    assert torch.equal(layer(x, lengths=[4, 4, 4])[0], layer(x)[0])


def test_more_padding_changes_nothing():
    layer, x = layer_of(LSTM, direction="both", layers=2), torch.randn(4, 3, 2, dtype=torch.float64)
    longer = torch.cat([x, torch.full((3, 3, 2), torch.inf, dtype=torch.float64)])
    y, state = layer(x, lengths=[4, 2, 0])
    z, end = layer(longer, lengths=[4, 2, 0])
    assert torch.equal(z[:4], y) and (z[4:] == 0).all()
    assert torch.equal(end[1][1]["C"], state[1][1]["C"])
