"""Where a fixed point or cycle changes its kind: what leaves the unit circle, and how."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from throughtime.dynamics.curve import Curve, Node

PIECE = 1e-6  # length of the piece of curve around a bifurcation whose ends tell what it is
TURN_PIECE = (
    1e-4  # and where the curve turns: an eigenvalue that touches +1 does so with its square
)
ON_CIRCLE = 1e-9  # an eigenvalue that stays so near to the circle over a step does not cross it
REAL = 1e-6  # an angle below this is rounding of equal eigenvalues


@dataclass(frozen=True, eq=False)
class Bifurcation:
    """One eigenvalue, or complex pair, on the unit circle at a point of a branch.

    - `kind`: "fold", a real one goes through +1 where the branch turns back in the parameter: two
      points meet and vanish; "branch", through +1 without that (transcritical), or branches cross
      here (pitchfork; on its arms, which turn back, the eigenvalue only touches +1); "flip",
      through -1: a cycle of twice the period is born; "neimark-sacker", a complex pair goes
      through the circle: a closed curve is born.
    - `parameter`, `state (S,)`: where.
    - `eigenvalue`: on the circle, of a pair the one with positive imaginary part.
    - `period`: of the point or cycle.
    - `unstable`: how many directions grow before and after it, in the order of the branch.
    """

    kind: str
    parameter: float
    state: Tensor
    eigenvalue: complex
    period: int
    unstable: tuple[int, int]

    def __repr__(self) -> str:
        turns = f", turns in {self.turning_period:.4g} steps" if self.angle not in (0, math.pi) \
            else ""  # fmt: skip
        return (f"Bifurcation({self.kind} at {self.parameter:.8g}{turns}; unstable directions "
                f"{self.unstable[0]} -> {self.unstable[1]})")  # fmt: skip

    @property
    def angle(self) -> float:
        """Of the eigenvalue, from 0 to pi: by how much a step turns."""
        return abs(math.atan2(self.eigenvalue.imag, self.eigenvalue.real))

    @property
    def turning_period(self) -> float:
        """Steps in which the state turns once around the point, 2 pi period / angle."""
        return 2 * math.pi * self.period / self.angle if self.angle else math.inf


class Signs(NamedTuple):
    """What differs between two points that have a bifurcation between them.

    - `unstable`: eigenvalues outside the circle.
    - `above`, `below`: whether an odd number is real and above 1, or below -1: the signs of
      det(J - I) and det(J + I).
    - `onward`: whether the parameter rises along the branch.
    """

    unstable: int
    above: bool
    below: bool
    onward: bool


def signs(node: Node, still: int) -> Signs:
    """`still`: the number of eigenvalues that stay on the circle, which are left out."""
    z = _moving(node.eigenvalues, still)
    real = z.real[z.imag == 0]
    return Signs(
        int((z.abs() > 1).sum()),
        bool((real > 1).sum() % 2),
        bool((real < -1).sum() % 2),
        bool(node.tangent[-1] > 0),
    )


def bifurcations_between(curve: Curve, a: Node, b: Node) -> list[Bifurcation] | None:
    """All that lie between two neighbours on a curve; None where the piece is too long to tell."""
    still = min(_on_circle(a), _on_circle(b))
    length, end = float(a.tangent @ (b.u - a.u)), signs(b, still)
    found: list[Bifurcation] = []
    begin = 0.0, a
    while signs(begin[1], still) != end:
        piece = _first_piece(curve, a, begin, (length, b), still)
        if piece is None:
            return None
        before, begin = piece
        found += _crossings(curve, before[1], begin[1], still)
    return found


Placed = tuple[float, Node]  # the distance along the tangent of the first node, and the point there


def _first_piece(
    curve: Curve, a: Node, begin: Placed, end: Placed, still: int
) -> tuple[Placed, Placed] | None:
    """The ends of a short piece of curve with the first change of signs in its middle.

    False position, with halving where it is slow; signs alone say on which side to go on.
    """
    lo, hi, width = begin, end, math.inf
    first = signs(lo[1], still)
    while hi[0] - lo[0] > PIECE / 4:
        slow = hi[0] - lo[0] > 0.5 * width  # the last step was worse than halving
        share = 0.5 if slow else _share(lo[1], hi[1], still)
        width = hi[0] - lo[0]
        # a little away from both ends, so that both close in
        least = min(0.5, PIECE / 8 / width)
        middle = lo[0] + width * min(max(share, least), 1 - least)
        node = curve.ahead(a, middle)
        if node is None:
            return None
        if signs(node, still) == first:
            lo = middle, node
        else:
            hi = middle, node
    # at the bifurcation itself signs are rounding: what it is shows a little away from it
    turns = lo[1].tangent[-1] * hi[1].tangent[-1] <= 0
    middle = lo[0] + _share(lo[1], hi[1], still) * (hi[0] - lo[0])
    half = (TURN_PIECE if turns else PIECE) / 2
    before = _placed(curve, a, middle - half) if middle - half > begin[0] else begin
    after = _placed(curve, a, middle + half) if middle + half < end[0] else end
    return (before, after) if before and after else None


def _placed(curve: Curve, a: Node, distance: float) -> Placed | None:
    node = curve.ahead(a, distance)
    return (distance, node) if node else None


def _share(lo: Node, hi: Node, still: int) -> float:
    """Where between two points the bifurcation lies, from 0 to 1, as if all were straight."""
    low, high = _test(lo, hi, still)
    return low / (low - high) if low * high <= 0 and low != high else 0.5


def _test(lo: Node, hi: Node, still: int) -> tuple[float, float]:
    """A smooth function at two points that is 0 at the bifurcation between them.

    At a fold that is the tangent's part along the parameter; elsewhere, by rank, the modulus of
    the eigenvalue that is outside at one of the two only, minus 1.
    """
    before, after = signs(lo, still), signs(hi, still)
    if before.onward != after.onward:
        return float(lo.tangent[-1]), float(hi.tangent[-1])
    if before.unstable == after.unstable:  # one goes out and one comes in: no such function
        return 1.0, 1.0
    rank = max(before.unstable, after.unstable) - 1
    low, high = (_moving(n.eigenvalues, still).abs()[rank] - 1 for n in (lo, hi))
    return float(low), float(high)


def _crossings(curve: Curve, lo: Node, hi: Node, still: int) -> Iterator[Bifurcation]:
    """What happens in a short piece of curve, by the signs at its ends."""
    u = _between(lo, hi, _share(lo, hi, still))
    state, parameter = curve.split(u)
    there = curve.eigenvalues(u)
    before, after = signs(lo, still), signs(hi, still)
    turns, parity = before.onward != after.onward, before.above != after.above
    outside = hi if after.unstable > before.unstable else lo
    fewest, most = sorted((before.unstable, after.unstable))
    crossed = _moving(outside.eigenvalues, still)[fewest:most].tolist()
    if (turns or parity) and not any(_real(z) and z.real > 0 for z in crossed):
        crossed.append(1.0 + 0j)
    if before.below != after.below and not any(_real(z) and z.real < 0 for z in crossed):
        crossed.append(-1.0 + 0j)
    for z in crossed:
        exact = complex(there[(there - z).abs().argmin()])
        if not _real(z):
            kind = "neimark-sacker"
            if z.imag < 0:
                continue
        elif z.real < 0:
            kind, exact = "flip", complex(exact.real)
        else:
            kind, exact = "fold" if turns and parity else "branch", complex(exact.real)
        yield Bifurcation(kind, parameter, state, exact, curve.period,
                          (before.unstable, after.unstable))  # fmt: skip


def _between(lo: Node, hi: Node, share: float) -> Tensor:
    """The cubic through two points with their tangents."""
    chord, rest = hi.u - lo.u, 1 - share
    length = chord.norm()
    bend = rest * (lo.tangent * length - chord) - share * (hi.tangent * length - chord)
    return lo.u + share * chord + share * rest * bend


def _real(z: complex) -> bool:
    return abs(z.imag) <= REAL * abs(z)


def _on_circle(node: Node) -> int:
    return int(((node.eigenvalues.abs() - 1).abs() <= ON_CIRCLE).sum())


def _moving(eigenvalues: Tensor, still: int) -> Tensor:
    """Without those nearest to the circle; the order stays."""
    if not still:
        return eigenvalues
    nearest = (eigenvalues.abs() - 1).abs().argsort(stable=True)[still:]
    return eigenvalues[torch.sort(nearest).values]
