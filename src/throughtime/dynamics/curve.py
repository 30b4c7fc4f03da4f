"""The curve of fixed points over a parameter, G(s, p) = F(s; p) - s = 0: a step along it."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from throughtime.dynamics.map import Map
from throughtime.dynamics.point import by_modulus

DIFFERENCE = 6e-6  # of the range: the third root of float64's rounding, for a central difference
CLOSE = 1e-9  # a Newton step in scaled coordinates after which the next one is rounding
TURN = 0.95  # cosine of the angle between the tangents at both ends of a step, at least
MOVE = 0.25  # that an eigenvalue may move in a step, beside the larger of its modulus and 1


class Node(NamedTuple):
    """A point of the curve in scaled coordinates.

    - `u`: `(S + 1,)`, the states, then the parameter.
    - `tangent`: `(S + 1,)`, of length 1.
    - `eigenvalues`: of dF/ds, largest modulus first, complex `(S,)`.
    """

    u: Tensor
    tangent: Tensor
    eigenvalues: Tensor


class Curve:
    """The fixed points of `at(p)` applied `period` times, over p.

    Coordinates are scaled, so that a length along the curve means the same for every network: the
    range of p is 1 long, and the states' distance is their root mean square over units.
    """

    def __init__(self, at: Callable[[float], Map], period: int, range_: float, size: int) -> None:
        self.at, self.period, self.range, self.size = at, period, range_, size

    def map(self, p: float) -> Map:
        return self.at(p).power(self.period)

    def join(self, s: Tensor, p: float) -> Tensor:
        return torch.cat([s / self.size**0.5, s.new_tensor([p / self.range])])

    def split(self, u: Tensor) -> tuple[Tensor, float]:
        return u[:-1] * self.size**0.5, float(u[-1]) * self.range

    def slopes(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """G `(S,)` and its derivative by the scaled coordinates `(S, S + 1)`."""
        s, p = self.split(u)
        map, d = self.map(p), DIFFERENCE * self.range
        g = map.step(s[None])[0] - s
        by_s = map.jacobian(s[None])[0] - torch.eye(self.size, dtype=s.dtype, device=s.device)
        ahead, behind = self.map(p + d).step(s[None])[0], self.map(p - d).step(s[None])[0]
        by_p = (ahead - behind) * (self.range / (2 * d))
        return g, torch.cat([by_s * self.size**0.5, by_p[:, None]], -1)

    def correct(self, guess: Tensor, row: Tensor, most: int = 8) -> Tensor | None:
        """The point of the curve in the plane through `guess (S + 1,)` that is normal to `row`, by
        Newton's method, or None where it finds none."""
        u = guess
        for _ in range(most):
            g, slopes = self.slopes(u)
            matrix = torch.cat([slopes, row[None]])
            wrong = torch.cat([g, (row @ (u - guess))[None]])
            if not bool(matrix.isfinite().all() and wrong.isfinite().all()):
                return None
            step = _solved(matrix, wrong)
            u = u - step
            if float(step.norm()) <= CLOSE:
                return u
        return None

    def node(self, u: Tensor, before: Tensor) -> Node | None:
        """A point of the curve with its tangent in the direction of the one `before` it; None where
        derivatives are not finite."""
        slopes = self.slopes(u)[1]
        if not bool(slopes.isfinite().all()):
            return None
        matrix = torch.cat([slopes, before[None]])
        along = torch.zeros_like(u)
        along[-1] = 1.0
        # where two branches cross, the shortest solution goes on in the direction of before
        tangent = torch.linalg.pinv(matrix, rtol=1e-13) @ along
        less_1 = torch.linalg.eigvals(slopes[:, :-1] / self.size**0.5)
        return Node(u, tangent / tangent.norm(), by_modulus(less_1 + 1))

    def eigenvalues(self, u: Tensor) -> Tensor:
        """Of dF/ds, largest modulus first, complex `(S,)`."""
        s, p = self.split(u)
        return by_modulus(torch.linalg.eigvals(self.map(p).jacobian(s[None])[0]))

    def ahead(self, node: Node, distance: float) -> Node | None:
        """The point that is `distance` further along the tangent; None where the step is too long:
        the corrector found none or one to the side, or much has changed on the way."""
        guess = node.u + distance * node.tangent
        return self._near(node, guess, self.correct(guess, node.tangent))

    def ahead_at(self, node: Node, p: float) -> Node | None:
        """The next point at parameter p, which the tangent crosses; None as above."""
        guess = node.u + (p / self.range - node.u[-1]) / node.tangent[-1] * node.tangent
        row = torch.zeros_like(guess)
        row[-1] = 1.0
        return self._near(node, guess, self.correct(guess, row))

    def _near(self, node: Node, guess: Tensor, u: Tensor | None) -> Node | None:
        if u is None or float((u - guess).norm()) > 0.5 * float((guess - node.u).norm()):
            return None
        there = self.node(u, node.tangent)
        if there is None or float(there.tangent @ node.tangent) < TURN:
            return None
        new, old = there.eigenvalues, node.eigenvalues
        moved = (new[:, None] - old).abs().amin(-1) / new.abs().clamp(min=1.0)
        return there if float(moved.max()) <= MOVE else None


def _solved(matrix: Tensor, right: Tensor) -> Tensor:
    """x of matrix x = right; where the matrix is singular, as at branch points, the shortest."""
    x, failed = torch.linalg.solve_ex(matrix, right)
    if not failed and float(x.norm()) <= 1e6 * float(right.norm()):
        return x
    return torch.linalg.pinv(matrix, rtol=1e-13) @ right
