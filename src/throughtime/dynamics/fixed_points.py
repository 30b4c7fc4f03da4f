"""Fixed points, slow points and cycles of a map: where a network rests, lingers or goes round."""

import functools
import math
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from throughtime.dynamics.levenberg_marquardt import solve
from throughtime.dynamics.map import Map
from throughtime.dynamics.point import Point, by_modulus, growing, kind_of
from throughtime.errors import OptionError, ShapeError, whole

MOST_WORK = 1e14  # multiplications of one search: about an hour of two cores


class Search(NamedTuple):
    """What became of the starts of a search; the counts sum to `starts`.

    - `fixed`: ended at q <= tolerance; `slow`: at a minimum of q above it, up to `slow`.
    - `fast`: at a minimum of q that is larger: nothing rests there.
    - `far`: further from the starts than `reach` allows.
    - `shorter`: of a search for cycles, on a cycle of a shorter period.
    - `unfinished`: after `most_steps` without an end. More steps may help.
    """

    starts: int
    fixed: int
    slow: int
    fast: int
    far: int
    shorter: int
    unfinished: int

    def __str__(self) -> str:
        parts = [f"{count} {name}" for name, count in zip(self._fields[1:], self[1:], strict=True)
                 if count]  # fmt: skip
        return f"{self.starts} starts: {', '.join(parts)}"


@dataclass(frozen=True, eq=False)
class FixedPoints:
    """What a search has found, slowest first: different points, each once.

    - `map`: of which they are points; `period`: 1, or that of the cycles, of each of which one
      state is given here.
    - `states`: `(K, S)`.
    - `q`: |F(s) - s|^2 / 2 of each, `(K,)`; F the map `period` times.
    - `fixed`: whether q is within the tolerance, `(K,)`; the others are slow points.
    - `ended`: how many starts ended at each, `(K,)`.
    - `search`: what became of the starts.
    """

    map: Map
    period: int
    states: Tensor
    q: Tensor
    fixed: Tensor
    ended: Tensor
    search: Search

    def __len__(self) -> int:
        return len(self.states)

    def __repr__(self) -> str:
        names = Counter()
        for kind, unstable in zip(self.kinds, self.unstable.tolist(), strict=True):
            name = kind
            if kind == "saddle":
                name = f"saddle with {unstable} unstable direction{'s' * (unstable > 1)}"
            names[name] += 1
        order = sorted(names, key=lambda name: (name != "stable", name))
        what = ", ".join(f"{names[name]} {name}" for name in order)
        things = "points" if self.period == 1 else f"cycles of period {self.period}"
        return f"FixedPoints({len(self)} {things}: {what or 'none'}; from {self.search})"

    @functools.cached_property
    def jacobians(self) -> Tensor:
        """`(K, S, S)`, of `period` steps. **Raises:** `OptionError` if they need over 4 GiB."""
        K, S = self.states.shape
        if K * S * S > 2**29:
            raise OptionError(
                f"`FixedPoints.jacobians`: would hold {K * S * S * 8 / 2**30:.0f} GiB for {K} "
                f"points of {S} numbers; expected at most 4. Ask for one, `points[k].jacobian`."
            )
        return _in_parts(self.powered.jacobian, self.states, self.map.rows_at_once())

    @functools.cached_property
    def eigenvalues(self) -> Tensor:
        """Of the Jacobians, largest modulus first, complex `(K, S)`."""
        return _in_parts(
            lambda s: by_modulus(torch.linalg.eigvals(self.powered.jacobian(s))),
            self.states,
            self.map.rows_at_once(),
            torch.complex128,
        )

    @property
    def powered(self) -> Map:
        """The map of which these are fixed points: F, or for cycles F `period` times."""
        return self.map.power(self.period)

    @functools.cached_property
    def unstable(self) -> Tensor:
        """How many directions grow at each, `(K,)`."""
        return growing(self.eigenvalues).sum(-1)

    @functools.cached_property
    def kinds(self) -> list[str]:
        """For each "stable", "unstable", "saddle" or "neutral", see `Point.kind`."""
        return [kind_of(e) for e in self.eigenvalues]

    def __getitem__(self, k: int) -> Point:
        """Point k with its Jacobian and all that follows from it."""
        return Point(self.map, self.states[k], self.period, float(self.q[k]))

    def only(self, mask: Tensor) -> "FixedPoints":
        """Those where `mask (K,)` is True."""
        kept = FixedPoints(self.map, self.period, self.states[mask], self.q[mask],
                           self.fixed[mask], self.ended[mask], self.search)  # fmt: skip
        if "eigenvalues" in self.__dict__:
            kept.__dict__["eigenvalues"] = self.eigenvalues[mask]
        return kept


def fixed_points(
    map: Map,
    starts: Tensor,
    *,
    period: int = 1,
    tolerance: float = 1e-20,
    slow: float = 1e-6,
    apart: float = 1e-3,
    reach: float = 5.0,
    most_steps: int = 100,
) -> FixedPoints:
    r"""Fixed and slow points of a map: minima of $q(s) = |F(s) - s|^2 / 2$ from many starts.

    All starts are minimised at once in float64 by the method of Levenberg and Marquardt with
    exact Jacobians, which ends at a fixed point with quadratic speed, whatever its stability,
    and at a slow point where there is no fixed point near. Saddles are found like attractors.

    **Arguments:**

    - `map`: F, such as `StateMap(model).under(x)`.
    - `starts`: `(N, S)`; states that the network visits on data, `StateMap.run`, some with noise.
    - `period`: look for cycles of that many steps: fixed points of F applied so often that are
      not on a shorter cycle. One state of each cycle is returned, `Point.orbit` has all.
    - `tolerance`: a point is fixed where q is at most that.
    - `slow`: a minimum of q between `tolerance` and this is a slow point; 0 for none.
    - `apart`: ends that are closer than this times the root mean square distance of the starts
      from their mean are one point.
    - `reach`: ends that are further from the mean of the starts than this times the furthest
      start are left out and counted.
    - `most_steps`: of the method, for each start.

    **Returns:** `FixedPoints`, smallest q first. Their `search` says what became of the starts.

    **Raises:** `ShapeError` for starts of another size, `OptionError` for numbers out of range,
    and for a search that would take an hour and more.

    ??? cite "Reference"
        D. Sussillo, O. Barak, Opening the black box: low-dimensional dynamics in
        high-dimensional recurrent neural networks, Neural Computation 25 (2013),
        doi 10.1162/NECO_a_00409. K. Madsen, H. B. Nielsen, O. Tingleff, Methods for non-linear
        least squares problems (2004), algorithm 3.16.
    """
    whole("fixed_points", "period", period, "Set it to 1.")
    whole("fixed_points", "most_steps", most_steps, "Set it to 100.")
    for name, value in dict(tolerance=tolerance, slow=slow, apart=apart, reach=reach).items():
        if not 0 <= value < math.inf:
            raise OptionError(
                f"`fixed_points`: {name} is {value!r}; expected a number from 0 on. Leave it out."
            )
    starts = _checked(map, starts, period)
    parts = [solve(map.power(period), part, tolerance, most_steps)
             for part in starts.split(map.rows_at_once())]  # fmt: skip
    ends, q, ended = (torch.cat(of_parts) for of_parts in zip(*parts, strict=True))
    centre = starts.mean(0)
    distance = (starts - centre).norm(dim=-1)
    scale = float(distance.square().mean().sqrt()) or 1.0
    far = ~((ends - centre).norm(dim=-1) <= reach * (float(distance.max()) or 1.0))
    shorter = ~far & _on_a_shorter_cycle(map, ends, period, apart * scale)
    near = ~far & ~shorter
    fixed = near & (q <= tolerance)
    slowly = near & ~fixed & ended & (q <= slow)
    kept = fixed | slowly
    counts = [fixed, slowly, near & ~kept & ended, far, shorter, near & ~kept & ~ended]
    search = Search(len(starts), *(int(c.sum()) for c in counts))
    order = q[kept].argsort(stable=True)
    ends, q, fixed = (t[kept][order] for t in (ends, q, fixed))
    first, count = different(map, ends, period, apart * scale)
    return FixedPoints(map, period, ends[first], q[first], fixed[first], count, search)


def _checked(map: Map, starts: Tensor, period: int) -> Tensor:
    if starts.dim() != 2 or starts.shape[1] != map.size or not len(starts):
        raise ShapeError(
            f"`fixed_points`: starts has shape {tuple(starts.shape)}; expected (N, {map.size}), at "
            "least one full state of the map. Take states from `StateMap.run`, "
            "`states.flatten(0, 1)`."
        )
    starts = starts.detach().double()
    if not bool(starts.isfinite().all()):
        raise ShapeError(
            "`fixed_points`: starts has values that are not finite; expected numbers. Leave those "
            "rows out."
        )
    N, S = starts.shape
    fit = most_starts(S, period)
    if N > fit:
        raise OptionError(
            f"`fixed_points`: {N} starts of {S} numbers take over {MOST_WORK:.0e} "
            "multiplications; expected fewer, because that is about an hour of two cores. Give "
            f"fewer starts, `starts[torch.randperm(len(starts))[:{fit}]]`."
        )
    return starts


def most_starts(size: int, period: int = 1) -> int:
    """How many starts of so many numbers a search may have; 1 at least."""
    return max(1, int(MOST_WORK / ((period + 2.0) * size**3 * 30)))


def _on_a_shorter_cycle(map: Map, ends: Tensor, period: int, near: float) -> Tensor:
    """Whether a state returns after fewer steps, a divisor of the period."""
    shorter = torch.zeros(len(ends), dtype=torch.bool, device=ends.device)
    s = ends
    for k in range(1, period):
        s = map.step(s)
        if period % k == 0:
            shorter |= (s - ends).norm(dim=-1) <= near
    return shorter


def different(map: Map, ends: Tensor, period: int, near: float) -> tuple[Tensor, Tensor]:
    """Which of the states `ends (N, S)` are not on the cycle of an earlier one, and how many are
    on the cycle of each of those.

    - `near`: the distance up to which two states are one.
    """
    free = torch.ones(len(ends), dtype=torch.bool, device=ends.device)
    first, count = [], []
    while bool(free.any()):
        k = int(free.nonzero()[0])
        same = torch.zeros_like(free)
        for s in map.orbit(ends[k : k + 1], period - 1):  # all states of a cycle are one
            same |= free & ((ends - s).norm(dim=-1) <= near)
        same[k] = True
        free &= ~same
        first.append(k)
        count.append(int(same.sum()))
    return torch.tensor(first, dtype=torch.int64), torch.tensor(count, dtype=torch.int64)


def _in_parts(of, states: Tensor, rows: int, dtype: torch.dtype = torch.float64) -> Tensor:
    parts = [of(part) for part in states.split(rows) if len(part)]
    if parts:
        return torch.cat(parts)
    S = states.shape[1]
    return states.new_zeros((0, S) if dtype.is_complex else (0, S, S), dtype=dtype)
