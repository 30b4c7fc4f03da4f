"""The largest singular value alone, in both directions, and a spectrum without any lag."""

import pytest
import torch
from diagnose.cells import Linear

from throughtime import LSTM, Recurrent
from throughtime.diagnose import log_norm, passages, spectrum, spectrum_by_lag
from throughtime.errors import OptionError

T, B = 6, 3
LENGTHS = torch.tensor([T, 1, 4])


def passage(cell, direction="forward", dtype=torch.float64):
    torch.manual_seed(0)
    layer = Recurrent(cell, 3, 5, direction=direction, dtype=dtype)
    return passages(layer, torch.randn(T, B, 3, dtype=dtype), LENGTHS)[0]


@pytest.mark.parametrize(("lags", "every"), [(None, 1), (None, 2), (3, 1), (4, 2), (20, 5)])
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_the_largest_alone_has_the_lags_of_the_whole(monkeypatch, direction, lags, every):
    p = passage(LSTM(), direction)
    whole = spectrum_by_lag(p, n=2, lags=lags, every=every)
    wanted = range(every, min(lags or T, T) + 1, every)
    assert whole.lags.tolist() == [*wanted] and whole.logs.shape == (len(wanted), 2, B, p.size)
    monkeypatch.setattr(spectrum, "EXPENSIVE", p.size)
    same = spectrum_by_lag(p, n=2, lags=lags, every=every)
    torch.testing.assert_close(same.logs, whole.logs, equal_nan=True)
    monkeypatch.setattr(spectrum, "EXPENSIVE", p.size - 1)
    large = spectrum_by_lag(p, n=2, lags=lags, every=every)
    assert torch.equal(large.lags, whole.lags) and large.logs.shape == (len(wanted), 2, B, 1)
    want = whole.logs[..., :1]
    met = want.isfinite()
    assert torch.equal(large.logs.isfinite(), met)
    assert (large.logs - want)[met].abs().max() < 0.02


@pytest.mark.parametrize("large", [False, True])
def test_of_no_lag(monkeypatch, large):
    p = passage(LSTM(), dtype=torch.float32)
    if large:
        monkeypatch.setattr(spectrum, "EXPENSIVE", 1)
    empty = spectrum_by_lag(p, n=2, lags=2, every=3)
    assert empty.lags.shape == (0,) and empty.lags.dtype == torch.int64
    assert empty.logs.shape == (0, 2, B, 1 if large else p.size)
    assert empty.logs.dtype == torch.float64


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_the_logarithm_of_the_norm_of_a_product(direction):
    p = passage(LSTM(), direction)
    whole = spectrum_by_lag(p, n=T)
    backward = direction == "backward"
    t = torch.tensor([0, 0]) if backward else LENGTHS[[0, 2]] - 1
    got = log_norm(p, t, torch.tensor([0, 2]), 4, rounds=200)
    assert torch.allclose(got, whole.logs[3, T - 1, [0, 2], 0], atol=1e-6)


def test_powers_are_from_below_and_closer_with_each_round():
    p = passage(LSTM())
    t, b = torch.tensor([5]), torch.tensor([0])
    want = spectrum_by_lag(p, n=1).logs[2, 0, 0, 0]
    state = torch.get_rng_state()
    estimates = [float(log_norm(p, t, b, 3, rounds=r)) for r in (1, 2, 5, 30)]
    assert estimates == sorted(estimates) and estimates[-1] <= float(want) + 1e-9
    assert float(log_norm(p, t, b, 3)) == estimates[-1], "30 rounds unless told otherwise"
    assert float(log_norm(p, t, b, 3, rounds=1, seed=1)) != estimates[0]
    assert torch.equal(torch.get_rng_state(), state)


def test_of_a_network_that_forgets_everything():
    layer = Recurrent(Linear(), 3, 4)
    with torch.no_grad():
        layer.directions[0][0].map_h.zero_()
    p = passages(layer, torch.randn(T, B, 3))[0]
    assert log_norm(p, torch.tensor([3]), torch.tensor([0]), 2).tolist() == [-torch.inf]
    assert spectrum_by_lag(p, n=1).logs.eq(-torch.inf).all()


@pytest.mark.parametrize("bad", [0, -1, 1.5])
@pytest.mark.parametrize("name", ["lag", "rounds"])
def test_bad_numbers(types_unchecked, name, bad):
    t, b = torch.tensor([3]), torch.tensor([0])
    given = {"lag": 1, name: bad}
    with pytest.raises(OptionError, match=f"`log_norm`: {name} is {bad}; expected a whole number"):
        log_norm(passage(LSTM()), t, b, **given)
