"""The method of Levenberg and Marquardt for s = F(s), from many starts at once."""

import torch
from torch import Tensor

from throughtime.dynamics.map import Map

STILL = 1e-14  # a step that is smaller than this beside the state is none
FLAT = 1e-7  # q is at a minimum where the cosine between r and the columns of J is below this


class Starts:
    """What is known of N starts on their way: the state s, r = F(s) - s, q = |r|^2 / 2, and of the
    method the gradient J'r, the matrix J'J and the damping of each."""

    def __init__(self, map: Map, s: Tensor) -> None:
        self.map, self.s = map, s.clone()
        self.eye = torch.eye(s.shape[1], dtype=s.dtype, device=s.device)
        self.r = map.step(s) - s
        self.q = self.r.square().sum(-1) / 2
        self.gradient, self.normal = torch.zeros_like(s), s.new_zeros(*s.shape, s.shape[1])
        self.largest, self.trace = torch.zeros_like(self.q), torch.zeros_like(self.q)  # of J'J
        self.derive(torch.arange(len(s), device=s.device))
        self.damping, self.growth = 1e-3 * self.largest, torch.full_like(self.q, 2.0)

    def derive(self, at: Tensor) -> None:
        """J'J and J'r of the starts `at`, whose states have moved."""
        jacobian = self.map.jacobian(self.s[at]) - self.eye
        normal = jacobian.mT @ jacobian
        diagonal = normal.diagonal(dim1=-2, dim2=-1)
        self.normal[at], self.largest[at], self.trace[at] = (
            normal, diagonal.amax(-1), diagonal.sum(-1))  # fmt: skip
        self.gradient[at] = (jacobian.mT @ self.r[at, :, None])[..., 0]

    def steps(self, at: Tensor) -> tuple[Tensor, Tensor]:
        """The damped Gauss-Newton steps of the starts `at`, and whether there is one."""
        # the damping is at least the rounding of J'J, which may be singular
        self.damping[at] = torch.maximum(self.damping[at], 1e-15 * self.largest[at])
        damped = self.normal[at]
        damped.diagonal(dim1=-2, dim2=-1).add_(self.damping[at, None])
        factor, failed = torch.linalg.cholesky_ex(damped)
        return -torch.cholesky_solve(self.gradient[at, :, None], factor)[..., 0], failed == 0

    def flat(self, at: Tensor) -> Tensor:
        """Whether q has a minimum at the starts `at`, as far as float64 tells."""
        return self.gradient[at].norm(dim=-1) <= FLAT * (2 * self.q[at] * self.trace[at]).sqrt()

    def move(self, at: Tensor, d: Tensor, possible: Tensor) -> Tensor:
        """Take the steps `d` that lower q, and set the damping. **Returns:** which were taken."""
        there = self.s[at] + d
        r = self.map.step(there) - there
        q = r.square().sum(-1) / 2
        promised = (d * (self.damping[at, None] * d - self.gradient[at])).sum(-1) / 2
        gain = (self.q[at] - q) / promised
        taken = possible & (q < self.q[at])
        shrink = (1 - (2 * gain - 1) ** 3).clamp(min=1 / 3)
        self.damping[at] *= torch.where(taken, shrink, self.growth[at])
        self.growth[at] = torch.where(taken, 2.0, 2 * self.growth[at])
        moved = at[taken]
        self.s[moved], self.r[moved], self.q[moved] = there[taken], r[taken], q[taken]
        return taken


def solve(map: Map, s: Tensor, tolerance: float, most_steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Minima of q(s) = |F(s) - s|^2 / 2 from the starts `s (N, S)`.

    With r = F(s) - s and J its Jacobian, a step d solves (J'J + m I) d = -J'r. It is taken where
    it lowers q; the damping m falls where q fell as the linear model said and rises where it did
    not (Madsen, Nielsen and Tingleff 2004, algorithm 3.16). A start ends where no step lowers q
    any more, so that a fixed point is as exact as float64 lets it be. Where gates saturate, q may
    fall for ever on the way to infinity; such a start has no end.

    **Returns:** where the starts have come to `(N, S)`, q there `(N,)`, and whether it is an end.
    """
    starts = Starts(map, s)
    going = starts.q.isfinite() & starts.largest.isfinite()
    for _ in range(most_steps):
        at = going.nonzero()[:, 0]
        if not len(at):
            break
        d, possible = starts.steps(at)
        taken = starts.move(at, d, possible)
        still = possible & (d.norm(dim=-1) <= STILL * (1 + starts.s[at].norm(dim=-1)))
        done = (starts.q[at] <= tolerance) | starts.flat(at)
        going[at] = ~(still | (~taken & done))
        starts.derive(at[taken & going[at]])
    return starts.s, starts.q, ~going
