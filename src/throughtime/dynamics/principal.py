"""Principal components of states: the few directions in which a network moves most."""

from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.errors import OptionError, ShapeError, whole


@dataclass(frozen=True, eq=False)
class Principal:
    """The mean of states and the directions in which they vary most.

    - `mean`: `(S,)`.
    - `axes`: `(S, k)`, orthonormal columns, that of the largest variance first. Of each the entry
      of the largest modulus is positive, so that equal states give equal axes.
    - `share`: of the whole variance that of each axis, `(k,)`; 0 where states do not vary.
    """

    mean: Tensor
    axes: Tensor
    share: Tensor

    def __repr__(self) -> str:
        shares = ", ".join(f"{share:.1%}" for share in self.share.tolist())
        return f"Principal({len(self.mean)} numbers in {len(self.share)} axes: {shares})"

    def project(self, states: Tensor) -> Tensor:
        """States `(..., S)` as coordinates along the axes, `(..., k)`."""
        return (states - self.mean) @ self.axes

    def back(self, coordinates: Tensor) -> Tensor:
        """The states at coordinates `(..., k)`: what lies outside the axes is as in the mean."""
        return self.mean + coordinates @ self.axes.T


def principal(states: Tensor, count: int = 3) -> Principal:
    """Principal components of `states (N, S)`, from the eigenvectors of their covariance.

    **Arguments:** `count`: how many axes; S where a state has fewer numbers.

    **Raises:** `ShapeError` unless there are states as rows, `OptionError` for a count below 1.

    ??? cite "Reference"
        I. T. Jolliffe, Principal component analysis (2002), doi 10.1007/b98835.
    """
    whole("principal", "count", count, "Set it to 3.")
    if states.dim() != 2 or not states.numel():
        raise ShapeError(
            f"`principal`: states has shape {tuple(states.shape)}; expected (N, S), a row for "
            "each state. Write `states.flatten(0, 1)` of what `StateMap.run` returns."
        )
    if not bool(states.isfinite().all()):
        raise OptionError(
            "`principal`: states has values that are not finite; expected numbers. Leave those "
            "rows out."
        )
    states = states.double()
    mean = states.mean(0)
    variance, axes = torch.linalg.eigh((states - mean).T @ (states - mean))
    variance, axes = variance.flip(0).clamp(min=0)[:count], axes.flip(1)[:, :count]
    largest = axes.gather(0, axes.abs().argmax(0, keepdim=True))
    total = (states - mean).square().sum()
    return Principal(mean, axes * largest.sign(), variance / total if total > 0 else 0 * variance)
