"""Possible futures drawn from quantiles: each a whole path, whose steps belong together.

A quantile of each step does not say what a sum over steps may be: if one step is high, the next is
likely high too. So the steps of a path are drawn from a Gaussian copula: normal numbers whose
correlation falls by the same factor with each step between them, each turned into a value by the
quantiles of its step.

??? cite "References"
    Salinas et al., High-dimensional multivariate forecasting with low-rank Gaussian copula
    processes, 2019, arXiv:1910.03002 (the copula of a forecast). Nelsen, An introduction to
    copulas, 2006.
"""

import math

import torch
from torch import Tensor

HIGHEST = 0.99  # of a persistence: one of 1 would draw parallel paths alone


def normal_scores(values: Tensor, quantiles: Tensor, levels: tuple[float, ...]) -> Tensor:
    """How far out values `(...)` lie in the quantiles `(..., Q)` forecast of them, as standard
    normal numbers; nan where a value is."""
    z = _normal(quantiles, levels)
    rising = _rising(quantiles)
    k = torch.searchsorted(rising, values[..., None].contiguous()).clamp(1, len(levels) - 1)
    low, high = rising.gather(-1, k - 1), rising.gather(-1, k)
    share = (values[..., None] - low) / (high - low)
    score = z[k - 1] + share * (z[k] - z[k - 1])
    return score[..., 0].clamp(-4.0, 4.0).where(~values.isnan(), torch.nan)


def persistence(scores: Tensor) -> float:
    """How much the scores of a step tell of the next, from scores `(S, H)`: their correlation, 0
    to 0.99; 0 with one step."""
    first, second = scores[:, :-1].flatten(), scores[:, 1:].flatten()
    known = ~(first.isnan() | second.isnan())
    if int(known.sum()) < 2:
        return 0.0
    first, second = first[known].double(), second[known].double()
    both = (first.square().mean() * second.square().mean()).sqrt()
    return min(max(float((first * second).mean() / both), 0.0), HIGHEST) if both > 0 else 0.0


def draw(
    quantiles: Tensor,
    levels: tuple[float, ...],
    persistences: tuple[float, ...],
    count: int,
    seed: int,
) -> Tensor:
    """So many paths of each series, `(S, count, K, H)`, of quantiles `(S, K, H, Q)`.

    Between two quantiles the value is linear in the normal number, and beyond the outermost it goes
    on as between the last two, which is the tail of a normal distribution.

    `persistences`: of each of the `K` targets.
    """
    S, K, H, _ = quantiles.shape
    generator = torch.Generator().manual_seed(seed)
    fresh = torch.randn(S, count, K, H, generator=generator)
    steps = [fresh[..., 0]]
    keep = torch.tensor(persistences)
    for h in range(1, H):
        steps.append(keep * steps[-1] + (1 - keep.square()).sqrt() * fresh[..., h])
    scores = torch.stack(steps, -1)  # (S, count, K, H)
    z, of = _normal(quantiles, levels), quantiles[:, None].expand(-1, count, -1, -1, -1)
    k = torch.searchsorted(z, scores.contiguous()).clamp(1, len(levels) - 1)
    low, high = (of.gather(-1, (k - back)[..., None])[..., 0] for back in (1, 0))
    return low + (scores - z[k - 1]) / (z[k] - z[k - 1]) * (high - low)


def _normal(like: Tensor, levels: tuple[float, ...]) -> Tensor:
    """The standard normal number of each level."""
    p = like.new_tensor(levels).double()
    return (math.sqrt(2) * torch.erfinv(2 * p - 1)).to(like.dtype)


def _rising(quantiles: Tensor) -> Tensor:
    """Quantiles no two of which are equal, so that a value has one place among them."""
    size = quantiles.abs().amax(-1, keepdim=True).clamp(min=1e-6)
    steps = torch.arange(quantiles.shape[-1], device=quantiles.device)
    return quantiles + 1e-5 * size * steps
