"""The singular values of the state Jacobian ds_t/ds_{t-k} over the lag."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from throughtime.diagnose.jacobian import full_step, windows
from throughtime.diagnose.passage import Passage
from throughtime.diagnose.product import Product
from throughtime.errors import OptionError, whole

EXPENSIVE = 256  # units of the full state above which only the largest is computed
SAMPLED = 16  # lags at which it is, unless told otherwise: each takes as many steps as it is long


class Spectrum(NamedTuple):
    """Natural logarithms of singular values of ds_t/ds_{t-k}.

    - `lags`: `(K,)`, those that were measured.
    - `logs`: `(K, n, B, S)`, largest first; `(K, n, B, 1)` where only the largest is known. Minus
      infinity for 0, nan where a sequence has no such step.
    """

    lags: Tensor
    logs: Tensor

    def __repr__(self) -> str:
        K, n, B, S = self.logs.shape
        span = f", {int(self.lags[0])} to {int(self.lags[-1])}," if K else ""
        return (
            f"Spectrum({S} singular values at {K} lags{span} back from {n} steps of each of {B} "
            "sequences)"
        )


def spectrum_by_lag(
    passage: Passage, *, n: int = 4, lags: int | None = None, every: int | None = None
) -> Spectrum:
    """Singular values of the Jacobian k steps back from n steps of each sequence.

    A graded factorisation with logarithmic scales, see `throughtime.diagnose.product`: any
    length, no under- or overflow. A full state of more than 256 units has its largest singular
    value alone, by power iteration, which takes as many steps for a lag as the lag is long.

    **Arguments:**

    - `lags`: at most so many steps back; all unless given.
    - `every`: at each `every`-th lag only; each lag unless given, and of a full state of more
      than 256 units at most 16 of them, evenly spaced. `Spectrum.lags` has those that were taken.

    **Raises:** `OptionError` for less than 1.
    """
    if every is not None:
        whole("spectrum_by_lag", "every", every, "Leave it out, or set it to 1.")
    if lags is not None:
        whole("spectrum_by_lag", "lags", lags, "Leave it out for all.")
    if passage.size > EXPENSIVE:
        return _largest(passage, n, lags, every)
    t, each = windows(passage, "spectrum_by_lag", n, lags)
    product: Any = None
    over_lags, at = [], []
    for k, (jacobian, met) in enumerate(each, 1):
        product = product or Product(jacobian)
        product.multiply(jacobian.mT)
        if k % (every or 1) == 0:
            logs = product.log_singular_values()
            over_lags.append(torch.where(met[..., None], logs, torch.nan))
            at.append(k)
    if not over_lags:
        none = passage.call.x.new_zeros(0, *t.shape, passage.size, dtype=torch.float64)
        return Spectrum(torch.tensor([], dtype=torch.int64), none)
    return Spectrum(torch.tensor(at), torch.stack(over_lags))


def _largest(passage: Passage, n: int, lags: int | None, every: int | None) -> Spectrum:
    T, B = passage.shape
    most = min(lags or T, T)
    every = every or -(-most // SAMPLED)
    t = passage.sampled("spectrum_by_lag", n)
    b = torch.arange(B, device=t.device).expand(n, B)
    over_lags, at = [], []
    for lag in range(every, most + 1, every):
        last = t + lag - 1 if passage.call.reverse else t - lag + 1
        met = (t >= 0) & (last >= 0) & (last < passage.lengths)
        logs = torch.full(t.shape, torch.nan, dtype=torch.float64, device=t.device)
        if bool(met.any()):
            logs[met] = log_norm(passage, t[met], b[met], lag)
            over_lags.append(logs[..., None])
            at.append(lag)
    logs = torch.stack(over_lags) if over_lags else torch.zeros(0, n, B, 1, dtype=torch.float64)
    return Spectrum(torch.tensor(at, dtype=torch.int64), logs)


def log_norm(
    passage: Passage, t: Tensor, b: Tensor, lag: int, *, rounds: int = 30, seed: int = 0
) -> Tensor:
    """The logarithm of the largest singular value of ds_t/ds_{t-lag}, `(N,)`, from below.

    Power iteration on the product with its transpose: `rounds` times `lag` steps forward and
    back, for the steps `t (N,)` of the sequences `b (N,)`, each with so many steps before it.

    **Raises:** `OptionError` for a lag past the beginning of a sequence, and numbers below 1.
    """
    whole("log_norm", "lag", lag, "Set it to 1.")
    whole("log_norm", "rounds", rounds, "Set it to 30.")
    last = t + lag - 1 if passage.call.reverse else t - lag + 1
    if bool(((t < 0) | (last < 0) | (torch.maximum(t, last) >= passage.lengths[b])).any()):
        raise OptionError(
            f"`log_norm`: lag is {lag}; expected no more than the steps up to t. Set a smaller one."
        )
    steps = [_Step(passage, t + k if passage.call.reverse else t - k, b) for k in range(lag)]
    generator = torch.Generator().manual_seed(seed)
    v = torch.randn(len(t), passage.size, generator=generator, dtype=torch.float64)
    v = v.to(passage.call.x)
    v = v / v.norm(dim=-1, keepdim=True)
    total = torch.zeros(len(t), dtype=torch.float64, device=t.device)
    for _ in range(rounds):
        total = torch.zeros_like(total)
        for move in [*(s.forward for s in reversed(steps)), *(s.back for s in steps)]:
            v = move(v)
            size = v.norm(dim=-1, keepdim=True)
            total = total + size[..., 0].double().log()
            v = v / torch.where(size > 0, size, 1.0)
    return total / 2


class _Step:
    """ds_t/ds_{t-1} as a linear map, without its matrix."""

    def __init__(self, passage: Passage, t: Tensor, b: Tensor) -> None:
        rows = passage.rows(t, b)
        with torch.enable_grad():
            before = torch.cat([s[0] for s in rows.before.values()], -1).requires_grad_()
            self.before, self.after = before, full_step(rows, before)
            self.sent = torch.zeros_like(before, requires_grad=True)
            (self.returned,) = torch.autograd.grad(self.after, before, self.sent, create_graph=True)

    def back(self, v: Tensor) -> Tensor:
        """J'v."""
        return torch.autograd.grad(self.after, self.before, v, retain_graph=True)[0]

    def forward(self, v: Tensor) -> Tensor:
        """J v: J'u is linear in u, and its derivative by u in the direction v is J v."""
        return torch.autograd.grad(self.returned, self.sent, v, retain_graph=True)[0]
