"""One fixed point or cycle and the linear map around it: what grows, what fades, what turns."""

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.dynamics.map import Map

NEUTRAL = 1e-6  # |eigenvalue| within this of 1 neither grows nor fades


@dataclass(frozen=True, eq=False)
class Point:
    """A fixed or slow point of a map, or one state of a cycle.

    - `state`: `(S,)`.
    - `period`: of the cycle; 1 for a point.
    - `q`: |F(s) - s|^2 / 2, F the map `period` times.
    """

    map: Map
    state: Tensor
    period: int = 1
    q: float = 0.0

    def __repr__(self) -> str:
        return f"Point({self.kind}, {self.unstable} unstable directions, q={self.q:.1e})"

    @functools.cached_property
    def orbit(self) -> Tensor:
        """The states of the cycle, `(period, S)`."""
        return self.map.orbit(self.state[None], self.period - 1)[:, 0]

    @functools.cached_property
    def jacobian(self) -> Tensor:
        """The derivative of `period` steps, `(S, S)`."""
        return self.map.power(self.period).jacobian(self.state[None])[0]

    @functools.cached_property
    def _modes(self) -> tuple[Tensor, Tensor]:
        eigenvalues, right = torch.linalg.eig(self.jacobian)
        order = eigenvalues.abs().argsort(dim=-1, descending=True, stable=True)
        return eigenvalues[order], right[:, order]

    @property
    def eigenvalues(self) -> Tensor:
        """Largest modulus first, complex `(S,)`; of a cycle its multipliers."""
        return self._modes[0]

    @property
    def right(self) -> Tensor:
        """Right eigenvectors of length 1 in columns, complex `(S, S)`: the direction in which
        each mode moves the state."""
        return self._modes[1]

    @functools.cached_property
    def left(self) -> Tensor:
        """Left eigenvectors in rows, complex `(S, S)`: how much of each mode a state has.

        `left @ right` is the identity; where eigenvectors are missing (equal eigenvalues in a
        Jordan block) the pseudoinverse stands here.
        """
        return torch.linalg.pinv(self.right)

    @property
    def time_constants(self) -> Tensor:
        """Steps in which each mode grows or fades by a factor e, `(S,)`.

        They are period / |ln |eigenvalue||: infinite for a modulus of 1, 0 for an eigenvalue of 0.
        """
        return time_constants(self.eigenvalues, self.period)

    @property
    def turning_periods(self) -> Tensor:
        """Steps in which each mode turns once, `(S,)`: 2 pi period / |angle|; infinite for an
        eigenvalue that is real and positive."""
        return turning_periods(self.eigenvalues, self.period)

    @property
    def unstable(self) -> int:
        """How many directions grow."""
        return int(growing(self.eigenvalues).sum())

    @property
    def kind(self) -> str:
        """Is "stable" if all directions fade, "unstable" if all grow, "saddle" if some of them do,
        "neutral" if none grows and one or more neither grows nor fades."""
        return kind_of(self.eigenvalues)


def by_modulus(eigenvalues: Tensor) -> Tensor:
    """Sorted, the largest modulus first; `(..., S)`."""
    return eigenvalues.gather(-1, eigenvalues.abs().argsort(dim=-1, descending=True, stable=True))


def kind_of(eigenvalues: Tensor) -> str:
    """See `Point.kind`."""
    grows = growing(eigenvalues)
    if bool(grows.any()):
        return "unstable" if bool(grows.all()) else "saddle"
    return "neutral" if bool((eigenvalues.abs() >= 1 - NEUTRAL).any()) else "stable"


def growing(eigenvalues: Tensor) -> Tensor:
    """Whether a small difference grows along each mode, `(..., S)`."""
    return eigenvalues.abs() > 1 + NEUTRAL


def time_constants(eigenvalues: Tensor, period: int) -> Tensor:
    """See `Point.time_constants`; `(..., S)`."""
    return period / eigenvalues.abs().log().abs()


def turning_periods(eigenvalues: Tensor, period: int) -> Tensor:
    """See `Point.turning_periods`; `(..., S)`."""
    return 2 * math.pi * period / eigenvalues.angle().abs()
