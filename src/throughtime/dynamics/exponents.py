"""Lyapunov exponents with their errors, and what follows from them."""

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

BATCHES = 20  # into which a run is cut for its errors
RELATIVE, ABSOLUTE = 0.1, 1e-3  # an error below one of these is small
ZERO = 1e-12  # sums of exponents that are closer to 0 are rounding


@dataclass(frozen=True, eq=False)
class Lyapunov:
    """The k largest Lyapunov exponents of a system of `size` numbers, in nats per step.

    - `exponents`: `(k,)`, largest first. Minus infinity for a direction that is lost, because
      Jacobians have a lower rank.
    - `errors`: `(k,)`, standard errors from batch means; 0 for minus infinity.
    - `halves`: `(2, k)`, the exponents from each half of the run.
    - `history`: `(n, k)`, the estimates after each factorisation; `times`: `(n,)`, the steps since
      the burn-in after which they were made.
    """

    exponents: Tensor
    errors: Tensor
    halves: Tensor
    history: Tensor
    times: Tensor
    size: int

    def __len__(self) -> int:
        return len(self.exponents)

    def __repr__(self) -> str:
        pairs = zip(self.exponents[:3].tolist(), self.errors[:3].tolist(), strict=True)
        first = ", ".join(f"{value:.4g} ± {error:.1g}" for value, error in pairs)
        more = ", and smaller ones" if len(self) > 3 else ""
        above = "unknown, needs a larger count"
        dimension, rate = (
            above if value is None else f"{value:.4g}"
            for value in (self.kaplan_yorke, self.entropy_rate)
        )
        done = int(self.converged.sum())
        return (
            f"Lyapunov({len(self)} of {self.size} exponents: {first}{more}; Kaplan-Yorke "
            f"dimension {dimension}; entropy rate {rate}; {done} of {len(self)} converged)"
        )

    @functools.cached_property
    def converged(self) -> Tensor:
        """Which exponents can be trusted, `(k,)`: the halves of the run differ by at most 6
        standard errors (3 of the difference), and the error is at most a tenth of the exponent or
        0.001 nats per step."""
        gap = (self.halves[0] - self.halves[1]).abs()
        small = (self.errors <= RELATIVE * self.exponents.abs()) | (self.errors <= ABSOLUTE)
        return self.exponents.isneginf() | ((gap <= 6 * self.errors + ZERO) & small)

    @functools.cached_property
    def kaplan_yorke(self) -> float | None:
        r"""The dimension $j + \sum_{i \le j} \lambda_i / |\lambda_{j+1}|$ of the attractor, j the
        most exponents with a sum of 0 or more; Kaplan and Yorke 1979, doi 10.1007/BFb0064319.

        None where the known exponents are too few, as their sum is not below 0.
        """
        sums = [0.0]
        for j, value in enumerate(self.exponents.tolist()):
            sums.append(sums[-1] + value)
            if sums[-1] < -ZERO * (j + 1):
                return j + max(sums[j], 0.0) / abs(value)
        return float(self.size) if len(self) == self.size else None

    @functools.cached_property
    def entropy_rate(self) -> float | None:
        """The sum of the positive exponents in nats per step: at most so much is new in each step
        to someone who sees the state (Ruelle 1978, doi 10.1007/BF02584795; equal to it in the
        cases of Pesin 1977, doi 10.1070/RM1977v032n04ABEH001639).

        None where the known exponents are too few, as the least of them is positive.
        """
        if len(self) < self.size and self.exponents[-1] > ZERO:
            return None
        return float(self.exponents[self.exponents > ZERO].sum())


def averaged(rates: Tensor, every: int, size: int) -> Lyapunov:
    """From the rates of each factorisation and sequence, `(n, B, k)`."""
    n, B = rates.shape[:2]
    over_sequences = rates.mean(1)
    exponents, order = over_sequences.mean(0).sort(descending=True, stable=True)
    over_sequences = over_sequences[:, order]
    parts = rates[:, :, order].tensor_split(min(n, math.ceil(BATCHES / B)))
    batches = torch.cat([part.mean(0) for part in parts])
    errors = batches.std(0) / math.sqrt(len(batches))
    halves = [half.mean(0) for half in over_sequences.tensor_split(2)] if n > 1 else [exponents] * 2
    done = torch.arange(1, n + 1, device=rates.device)
    history = over_sequences.cumsum(0) / done[:, None]
    errors = errors.masked_fill(exponents.isneginf(), 0.0)
    return Lyapunov(exponents, errors, torch.stack(halves), history, done * every, size)
