"""Norms over the lag k, and what they say: horizon, half-life, rate, verdict."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Verdict = Literal["vanishing", "steady", "exploding"]
SHARE = 0.01  # what has become of a gradient that counts as gone; its inverse as exploded


@dataclass(frozen=True, eq=False)
class ByLag:
    """A norm k steps back from each of n sampled steps of each sequence.

    - `norms`: `(n, B, K+1)`; nan where a sequence has no such step.
    """

    norms: Tensor

    @property
    def mean(self) -> Tensor:
        """Over steps and sequences, `(K+1,)`."""
        return self.norms.flatten(0, 1).nanmean(0)

    @property
    def std(self) -> Tensor:
        """The spread over steps and sequences, `(K+1,)`."""
        return (self.norms - self.mean).square().flatten(0, 1).nanmean(0).sqrt()

    @property
    def relative(self) -> Tensor:
        """The mean of each norm over the same one at lag 0, `(K+1,)`; 1 at lag 0.

        Steps that nothing enters are left out.
        """
        first = self.norms[..., :1]
        ratio = torch.where(first > 0, self.norms / first, torch.nan)
        return ratio.flatten(0, 1).nanmean(0)

    def horizon(self, share: float = SHARE) -> int | None:
        """The memory horizon: the first lag where the relative norm is below `share`.

        None if it stays above it as far as it was measured.
        """
        below = (self.relative < share).nonzero()
        return int(below[0]) if len(below) else None

    @property
    def half_life(self) -> int | None:
        """The lag where the relative norm falls below one half."""
        return self.horizon(0.5)

    @property
    def rate(self) -> float:
        """The slope of the logarithm of the relative norm, in nats per step.

        Least squares over all lags at which it is above 0; minus infinity if only lag 0 is, nan
        without any lag. `exp(rate)` is the factor per step.
        """
        y = self.relative.double()
        if self.lags < 1:
            return math.nan
        k = torch.arange(len(y), dtype=torch.float64)
        met = (y > 0) & y.isfinite()
        if int(met.sum()) < 2:
            return -math.inf
        k, y = k[met], y[met].log().cpu()
        k = k - k.mean()
        return float((k * (y - y.mean())).sum() / k.square().sum())

    @property
    def lags(self) -> int:
        """The largest lag that was measured."""
        met = self.relative.isfinite().nonzero()
        return int(met[-1]) if len(met) else 0

    @property
    def verdict(self) -> Verdict | None:
        """What the rate makes of a gradient over all lags that were measured.

        Vanishing where less than 1% is left, exploding where it has grown more than a hundred
        times, else steady; None without any lag.
        """
        if self.lags < 1:
            return None
        change = self.rate * self.lags
        if change < math.log(SHARE):
            return "vanishing"
        return "exploding" if change > -math.log(SHARE) else "steady"

    @property
    def says(self) -> str:
        """The verdict in a few words."""
        if self.verdict is None:
            return "nothing to tell from"
        gone = self.horizon()
        if gone is None:
            return f"{self.verdict}, a factor of {math.exp(self.rate):.3g} a step"
        return f"{self.verdict}, below 1% after {gone} step{'s' * (gone != 1)}"

    @property
    def sampled(self) -> str:
        """From where it was measured, and how far back."""
        n, B, K = self.norms.shape
        return f"{self.lags} lags back from {min(n, K)} steps of each of {B} sequences"

    def __repr__(self) -> str:
        return f"ByLag({self.says}; {self.sampled})"

    def to_dict(self) -> dict:
        """Plain data; nan and infinity as None."""
        return {
            "horizon": self.horizon(),
            "half_life": self.half_life,
            "rate": _finite(self.rate),
            "verdict": self.verdict,
            "lags": self.lags,
            "mean": plain(self.mean),
            "std": plain(self.std),
            "relative": plain(self.relative),
        }


def plain(values: Tensor) -> list[float | None]:
    """As plain data: nan and infinity are None."""
    return [_finite(v) for v in values.tolist()]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def counted_back(over_time: Tensor, t: Tensor, lengths: Tensor, reverse: bool) -> Tensor:
    """`over_time (T, n, B, ...)` read back from the steps `t (n, B)`: `(n, B, K+1, ...)`, nan
    past the beginning of a sequence."""
    T, n, B = over_time.shape[:3]
    k = torch.arange(T, device=t.device)
    at = t[..., None] + k if reverse else t[..., None] - k  # (n, B, T)
    met = (at >= 0) & (at < lengths[:, None]) & (t[..., None] >= 0)
    row, b = torch.arange(n, device=t.device), torch.arange(B, device=t.device)
    read = over_time[at.clamp(0, max(T - 1, 0)), row[:, None, None], b[:, None]]
    return read.masked_fill(~met.reshape(*met.shape, *[1] * (read.dim() - 3)), torch.nan)
