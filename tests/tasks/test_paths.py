"""Paths drawn from quantiles: each step has the quantiles, and steps belong together."""

import pytest
import torch

from throughtime.tasks import paths
from throughtime.tasks.ahead import DECILES


def normal_quantiles(mean, std):
    """The deciles of normal numbers, `(..., 9)`."""
    z = torch.distributions.Normal(0.0, 1.0).icdf(torch.tensor(DECILES))
    return mean[..., None] + std[..., None] * z


def test_each_step_of_the_paths_has_the_quantiles():
    q = normal_quantiles(torch.tensor([[[1.0, 50.0]]]), torch.tensor([[[2.0, 5.0]]]))
    drawn = paths.draw(q, DECILES, (0.5,), 20_000, seed=0)
    assert drawn.shape == (1, 20_000, 1, 2)
    for h in range(2):
        of = drawn[0, :, 0, h].quantile(torch.tensor(DECILES))
        assert torch.allclose(of, q[0, 0, h], atol=0.05 * float(q[0, 0, h].diff().sum()))
    assert drawn[0, :, 0, 0].std() == pytest.approx(2.0, rel=0.05)  # the tails are normal


@pytest.mark.parametrize("persistence", (0.0, 0.8))
def test_steps_belong_together_as_told(persistence):
    q = normal_quantiles(torch.zeros(1, 1, 6), torch.ones(1, 1, 6))
    drawn = paths.draw(q, DECILES, (persistence,), 20_000, seed=0)[0, :, 0]
    correlation = torch.corrcoef(drawn.T)
    for lag in (1, 3):
        assert correlation[0, lag] == pytest.approx(persistence**lag, abs=0.03)


def test_persistence_is_found_again():
    q = normal_quantiles(torch.zeros(1, 1, 8), torch.ones(1, 1, 8))
    drawn = paths.draw(q, DECILES, (0.6,), 4_000, seed=1)[0]  # (count, K, H)
    scores = paths.normal_scores(drawn, q.expand(4_000, -1, -1, -1), DECILES)
    assert paths.persistence(scores[:, 0]) == pytest.approx(0.6, abs=0.05)


def test_scores_of_values_are_how_far_out_they_lie():
    q = normal_quantiles(torch.zeros(1), torch.ones(1))
    values = torch.tensor([[-3.0], [-0.3], [0.0], [0.9], [2.5], [float("nan")]])
    scores = paths.normal_scores(values, q.expand(6, 1, -1), DECILES)
    assert torch.allclose(scores[:5], values[:5], atol=1e-3) and scores[5].isnan()


def test_equal_quantiles_are_no_trouble():
    q = torch.full((1, 1, 3, 9), 2.0)
    assert (paths.draw(q, DECILES, (0.5,), 10, seed=0) == 2.0).all()
    scores = paths.normal_scores(torch.tensor([[[2.0, 5.0, -5.0]]]), q, DECILES)
    assert scores.isfinite().all()


def test_one_step_has_no_persistence():
    assert paths.persistence(torch.randn(9, 1)) == 0.0
