"""Where no gradient is wanted the directions of a layer run at once, into one tensor: every number
is the same as where they run one after the other."""

import pytest
import torch
from engines.recorded import Recorded, only
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime import cells, nn
from throughtime.engines.cpu import CPU
from throughtime.engines.reference import Reference
from throughtime.layers import Recurrent


@pytest.fixture(autouse=True)
def _threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def same(one, other):
    torch.testing.assert_close(one, other, rtol=0, atol=0)


@settings(max_examples=20, deadline=None)
@given(
    cell=st.sampled_from([cells.LSTM, cells.GRU, cells.RNN]),
    T=st.integers(1, 20),
    B=st.integers(1, 20),
    H=st.sampled_from([1, 3, 16, 33, 70]),
    threads=st.integers(1, 4),
    ragged=st.booleans(),
    resets=st.booleans(),
    batch_first=st.booleans(),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    seed=st.integers(0, 99),
)
def test_recurrent(cell, T, B, H, threads, ragged, resets, batch_first, dtype, seed):
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    layer = Recurrent(cell, 5, H, layers=2, direction="both", batch_first=batch_first, dtype=dtype)
    for vector in layer.parameters():
        torch.nn.init.normal_(vector, std=0.3)
    x = torch.randn(*((B, T) if batch_first else (T, B)), 5, dtype=dtype)
    given = {
        "lengths": torch.randint(0, T + 1, (B,)) if ragged else None,
        "resets": torch.rand(x.shape[:2]) < 0.2 if resets else None,
    }
    apart = layer(x, return_states=True, **given)
    onward = layer(x, apart[1], **given)
    with torch.no_grad():
        same(layer(x, return_states=True, **given), apart)
        same(layer(x, **given), apart[:2])
        same(layer(x, apart[1], **given), onward)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("packed", [False, True])
def test_nn(kind, packed):
    torch.manual_seed(0)
    layer = getattr(nn, kind)(4, 24, num_layers=2, bidirectional=True)
    theirs = getattr(torch.nn, kind)(4, 24, num_layers=2, bidirectional=True)
    theirs.load_state_dict(layer.state_dict())
    x = torch.randn(11, 6, 4)
    if packed:
        x = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor([11, 9, 9, 4, 2, 1]))
    apart = layer(x)
    with torch.no_grad():
        together, want = layer(x), theirs(x)
    same(together, apart)
    torch.testing.assert_close(together, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("merge", ["concat", "sum", "mean"])
def test_it_is_what_runs(merge):
    """At once where no gradient is wanted, and not otherwise."""
    layer, x = Recurrent(cells.GRU, 3, 8, direction="both", merge=merge), torch.randn(6, 2, 3)
    with only(Recorded(CPU()), Reference()) as (cpu, _):
        layer(x)
        assert cpu.ran == ["forward"] * 2
        cpu.ran.clear()
        with torch.no_grad():
            layer(x)
    assert cpu.ran == (["forward_both"] if merge == "concat" else ["forward"] * 2)


def test_hooks_of_a_direction_are_called():
    layer = Recurrent(cells.LSTM, 3, 8, direction="both")
    x = torch.randn(6, 2, 3)
    with torch.no_grad():
        want = layer(x)[0]
        seen = []
        layer.directions[0][1].register_forward_hook(lambda *of: seen.append(len(of[2].states)))
        same(layer(x)[0], want)
    assert seen == [1]


@pytest.mark.parametrize("shape", [(0, 3, 4), (5, 0, 4)])
def test_nothing_to_do(shape):
    layer = Recurrent(cells.LSTM, 4, 8, direction="both")
    with torch.no_grad():
        y, state = layer(torch.randn(shape))
    assert y.shape == (*shape[:2], 16)
    assert state[0][1]["h"].shape == (shape[1], 8)


def test_the_output_may_be_changed_in_place():
    layer = Recurrent(cells.LSTM, 4, 8, direction="both")
    x = torch.randn(5, 2, 4)
    with torch.no_grad():
        y, state = layer(x)
        kept = state[0][0]["h"].clone()
        y.zero_()
    same(state[0][0]["h"], kept)
