"""What a curve over the lag says, at its edges; and reading back from steps."""

import math

import pytest
import torch

from throughtime.diagnose import ByLag
from throughtime.diagnose.by_lag import counted_back, plain


def curve(*values):
    return ByLag(torch.tensor(values)[None, None])


def test_the_horizon_is_the_first_lag_below_and_not_at_the_share():
    halves = curve(1.0, 0.5, 0.25, 0.125)
    assert halves.half_life == 2 and halves.horizon(0.5) == 2
    assert halves.horizon(0.25) == 3 and halves.horizon(0.125) is None
    assert curve(1.0, 0.005, 1.0, 0.001).horizon() == 1


def test_steps_that_nothing_enters_are_left_out_of_the_relative_norm():
    norms = torch.tensor([[[2.0, 1.0]], [[0.0, 0.0]], [[4.0, 1.0]]])
    by = ByLag(norms)
    assert by.relative.tolist() == [1.0, 0.375]
    assert by.mean.tolist() == [2.0, 2 / 3], "but they are norms, and count in the mean"


def test_the_rate_is_over_the_lags_that_are_above_zero():
    assert math.isclose(curve(1.0, 0.5, 0.0, 0.125).rate, math.log(0.5))
    assert math.isclose(curve(1.0, 4.0, math.inf, 64.0).rate, math.log(4.0))
    assert curve(1.0, 0.0, 0.0).rate == -math.inf
    # least squares: not the slope from end to end
    assert math.isclose(curve(1.0, math.e**2, math.e**2, 1.0).rate, 0.0, abs_tol=1e-12)
    assert math.isclose(curve(1.0, 1.0, math.e**3).rate, 1.5)


def test_what_was_measured_ends_at_the_last_finite_lag():
    assert curve(1.0, 0.5, math.nan).lags == 1
    assert curve(1.0, math.nan, 0.5, math.nan).lags == 2
    assert curve(math.nan, math.nan).lags == 0
    nothing = curve(math.nan, math.nan)
    assert math.isnan(nothing.rate) and nothing.verdict is None and nothing.horizon() is None


@pytest.mark.parametrize(
    ("factor", "lags", "verdict"),
    [
        (0.5, 6, "steady"), (0.5, 7, "vanishing"), (2.0, 6, "steady"), (2.0, 7, "exploding"),
        (0.5, 1, "steady"), (0.001, 1, "vanishing"), (1000.0, 1, "exploding"),
    ],
)  # fmt: skip
def test_the_verdict_changes_at_a_hundred_times(factor, lags, verdict):
    """2^6 is below 100 and 2^7 above."""
    assert curve(*(factor**k for k in range(lags + 1))).verdict == verdict


def test_as_plain_data():
    assert plain(torch.tensor([1.0, math.nan, math.inf, -math.inf])) == [1.0, None, None, None]
    assert curve(1.0, 0.0).to_dict() == {
        "horizon": 1, "half_life": 1, "rate": None, "verdict": "vanishing", "lags": 1,
        "mean": [1.0, 0.0], "std": [0.0, 0.0], "relative": [1.0, 0.0],
    }  # fmt: skip


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("tail", [(), (2,)])
def test_reading_back_from_steps(reverse, tail):
    T, n, B = 5, 3, 4
    lengths = torch.tensor([5, 3, 1, 0])
    last = lengths - 1
    t = torch.stack([last, torch.where(lengths > 0, 0, -1), torch.where(lengths > 2, 1, -1)])
    over_time = torch.randn(T, n, B, *tail)
    read = counted_back(over_time, t, lengths, reverse)
    assert read.shape == (n, B, T, *tail)
    for row in range(n):
        for b in range(B):
            at = int(t[row, b])
            steps = [] if at < 0 else range(at, int(lengths[b])) if reverse else range(at, -1, -1)
            for k, s in enumerate(steps):
                assert torch.equal(read[row, b, k], over_time[s, row, b])
            assert read[row, b, len(steps) :].isnan().all()
