"""Quantiles of numbers: outputs that cannot cross, their loss, their calibration, their scores.

A quantile of level 0.9 is a number that the true one is below with probability 0.9; those of levels
0.1 and 0.9 hold it between them with probability 0.8. Shapes: `K` numbers, `Q` levels in rising
order, any axes before them.

??? cite "References"
    Koenker, Bassett, Regression Quantiles, 1978 (the pinball loss). Park et al., Learning Quantile
    Functions without Quantile Crossing for Distribution-free Time Series Forecasting, 2022,
    arXiv:2111.06581 (steps that are added up). Romano, Patterson, Candès, Conformalized Quantile
    Regression, 2019, arXiv:1905.03222 (calibration, each side by itself as in their theorem 2).
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from throughtime.errors import OptionError

Levels = tuple[float, ...]


def checked(call: str, levels: Levels) -> Levels:
    """Levels in rising order. **Raises:** `OptionError` for others than numbers between 0 and 1."""
    numbers = all(isinstance(q, int | float) and not isinstance(q, bool) for q in levels)
    if not numbers or not all(0 < q < 1 for q in levels) or len({*levels}) < len(levels):
        raise OptionError(
            f"`{call}`: quantiles has {', '.join(map(repr, levels))}; expected numbers between 0 "
            "and 1, each once, because each is a probability. Write `quantiles=(0.1, 0.5, 0.9)`."
        )
    return tuple(sorted(float(q) for q in levels))


def middle(levels: Levels) -> int:
    """The place of the level that is taken for the number itself: the one nearest to 0.5."""
    return min(range(len(levels)), key=lambda k: abs(levels[k] - 0.5))


def columns(target: str, levels: Levels) -> list[str]:
    """What the columns of a table are called: `yield_q10` and `yield_q90` of the number `yield`."""
    return [f"{target}_q{100 * q:.10g}" for q in levels]


def ordered(out: Tensor, levels: Levels) -> Tensor:
    """Quantiles `(..., K, Q)` in rising order from the outputs of a network, `(..., K * Q)`.

    The output of the middle level is that quantile. Every other one is the distance to its
    neighbour towards the middle, made positive by softplus: whatever the outputs, no two cross.
    """
    given = out.unflatten(-1, (-1, len(levels)))
    m, steps = middle(levels), F.softplus(given)
    centre = given[..., m : m + 1]
    below = centre - steps[..., :m].flip(-1).cumsum(-1).flip(-1)
    above = centre + steps[..., m + 1 :].cumsum(-1)
    return torch.cat([below, centre, above], -1)


def pinball(quantiles: Tensor, actual: Tensor, levels: Levels) -> Tensor:
    """The pinball loss, the mean over the levels, `(..., K)`: of quantiles `(..., K, Q)` beside the
    true numbers `(..., K)`; 0 where the true one is nan, which stands for not known.

    An error e has the loss q e where the true number is above the quantile of level q, and
    (q - 1) e where it is below.
    """
    known = ~actual.isnan()
    error = (actual.to(quantiles.dtype)[..., None] - quantiles).where(known[..., None], 0.0)
    q = error.new_tensor(levels)
    return torch.maximum(q * error, (q - 1) * error).mean(-1)


def calibration(quantiles: Tensor, actual: Tensor, levels: Levels) -> Tensor:
    """What to add to each quantile so that it holds on sequences it was not trained on, `(K, Q)`.

    Of the n known differences between the true numbers `(S, K)` and a quantile of level q in
    `(S, K, Q)`, it is the smallest but ceil((n + 1) q) - 1 for a level of 0.5 or more, and the
    smallest but floor((n + 1) q) - 1 for a lower one. A number drawn like those of these sequences
    is then on the right side with at least the probability that the level says. Where the
    sequences are too few for a level, it is their most extreme difference.
    """
    shifts = quantiles.new_zeros(quantiles.shape[1:])
    for k, values in enumerate(actual.T):
        known = ~values.isnan()
        n = int(known.sum())
        if not n:
            continue
        differences = (values[known, None] - quantiles[known, k]).sort(0).values
        for place, q in enumerate(levels):
            rank = (n + 1) * q
            rank = math.ceil(rank - 1e-9) if q >= 0.5 else math.floor(rank + 1e-9)
            shifts[k, place] = differences[min(max(rank, 1), n) - 1, place]
    return shifts


def shifted(quantiles: Tensor, shifts: Tensor) -> Tensor:
    """Quantiles with what `calibration` adds, in rising order again."""
    return (quantiles + shifts).sort(-1).values


def around(numbers: Tensor, residuals: Tensor, levels: Levels) -> Tensor:
    """Quantiles `(S, K, Q)` about numbers `(S, K)`, as far from them as the quantiles of residuals
    `(N, K)` are from 0; nan among these counts for nothing.
    """
    spread = torch.nanquantile(residuals.double(), residuals.new_tensor(levels).double(), 0)
    return numbers[..., None] + spread.T.to(numbers.dtype)


@dataclass(frozen=True)
class QuantileScores:
    """How good quantiles are, on the numbers that are known.

    - `levels`: of the quantiles.
    - `pinball`: the mean pinball loss of each target, in its own units; `loss`: the mean of all,
      each in units of its spread in training.
    - `intervals`: pairs of levels, the outermost first; `coverage[k][i]` is the share of the
      numbers of target k within interval i, which should be near the difference of its levels.
    """

    levels: Levels
    loss: float
    pinball: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...]
    coverage: tuple[tuple[float, ...], ...]

    @classmethod
    def of(
        cls, quantiles: Tensor, actual: Tensor, levels: Levels, spread: Tensor
    ) -> "QuantileScores":
        """Of quantiles `(S, K, Q)` beside true numbers `(S, K)`; `spread (K,)` of each target."""
        known = ~actual.isnan()
        losses = pinball(quantiles.double(), actual, levels)
        pairs = [(k, len(levels) - 1 - k) for k in range(len(levels) // 2)]
        inside = [(quantiles[..., i] <= actual) & (actual <= quantiles[..., j]) for i, j in pairs]
        counts = known.sum(0).clamp(min=1)
        shares = [(one.sum(0) / counts).tolist() for one in inside]
        return cls(
            levels,
            float((losses / spread.double())[known].mean()),
            tuple((losses.sum(0) / counts).tolist()),
            tuple((levels[i], levels[j]) for i, j in pairs),
            tuple(zip(*shares, strict=True)) if shares else tuple(() for _ in counts),
        )
