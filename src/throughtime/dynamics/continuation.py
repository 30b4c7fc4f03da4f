"""A fixed point or cycle followed along a parameter, around folds, with its bifurcations."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from throughtime.dynamics.bifurcation import Bifurcation, bifurcations_between
from throughtime.dynamics.curve import Curve, Node
from throughtime.dynamics.map import Map
from throughtime.dynamics.point import Point, growing
from throughtime.errors import OptionError, ShapeError, whole

SHORTEST = 1e-7  # a step in scaled coordinates that is not made shorter
MOST_UNITS = 2000
FIRST = 0.01  # the first step
LONGEST = 0.05  # of the range of the parameter, and beside the size of the state


@dataclass(frozen=True, eq=False)
class Branch:
    """A curve of fixed points or cycles over a parameter, K points in their order along it.

    - `at`, `period`: of which maps they are points.
    - `parameters`: `(K,)`. At a fold they turn back.
    - `states`: `(K, S)`.
    - `eigenvalues`: largest modulus first, complex `(K, S)`; of cycles their multipliers.
    - `bifurcations`: in their order along the branch.
    - `ended`: why it goes no further at its first and its last point: "range", "far" (the state
      left `reach`), "most_steps", "step" (none was short enough: F is not smooth there, or not
      finite), or "closed" (it came back to its start).
    """

    at: Callable[[float], Map]
    period: int
    parameters: Tensor
    states: Tensor
    eigenvalues: Tensor
    bifurcations: list[Bifurcation]
    ended: tuple[str, str]

    def __len__(self) -> int:
        return len(self.parameters)

    def __repr__(self) -> str:
        low, high = float(self.parameters.min()), float(self.parameters.max())
        found = ", ".join(f"{b.kind} at {b.parameter:.6g}" for b in self.bifurcations)
        return (
            f"Branch({len(self)} points from {low:.6g} to {high:.6g}: "
            f"{found or 'no bifurcation'}; ended {self.ended[0]}, {self.ended[1]})"
        )

    def __getitem__(self, k: int) -> Point:
        """Point k with its Jacobian and all that follows from it."""
        return Point(self.at(float(self.parameters[k])), self.states[k], self.period)

    @functools.cached_property
    def unstable(self) -> Tensor:
        """How many directions grow at each, `(K,)`."""
        return growing(self.eigenvalues).sum(-1)

    @property
    def stable(self) -> Tensor:
        """Where no direction grows, `(K,)`."""
        return self.unstable == 0


class _Way(NamedTuple):
    """One of the two ways from the start along the curve."""

    nodes: list[Node]
    bifurcations: list[Bifurcation]
    ended: str


def continuation(
    at: Callable[[float], Map],
    point: Point,
    value: float,
    between: tuple[float, float],
    *,
    reach: float = 100.0,
    most_steps: int = 2000,
) -> Branch:
    r"""Follow a fixed point or cycle along a parameter, both ways, by pseudo-arclength.

    Each step predicts along the tangent of the curve $F(s; p) = s$ and corrects by Newton's method
    at a right angle to it, so that folds are passed. Steps get shorter where the curve or the
    eigenvalues change fast. Where an eigenvalue has crossed the unit circle, or the curve has
    turned, the place is found by false position, to about 1e-10 of the range.

    ```python
    system = StateMap(model)
    point = fixed_points(system.under(x0), starts)[0]
    branch = continuation(along_input(system, x0, x1), point, 0.0, between=(0, 1))
    ```

    **Arguments:**

    - `at`: the map for each value of the parameter, with smooth dependence. `along_input` and
      `along_weights` make it; any function does, such as

        ```python
        def at(gain):
            with torch.no_grad():
                layer.weight_hh_l0.copy_(gain * trained)
            return StateMap(layer).under(x)
        ```

      It is asked for values slightly outside of `between` too.
    - `point`: a fixed point or cycle of `at(value)`.
    - `between`: the range of the parameter, which holds `value`.
    - `reach`: end where the state is further from the start than this times the start's own size,
      or times 1 where that is smaller; sizes are root mean squares over units.
    - `most_steps`: for each of the two ways.

    **Returns:** `Branch`, from the way of falling parameter to the way of rising parameter.

    **Raises:** `OptionError` for a point that is none of `at(value)`, one of over 2,000 numbers,
    and options out of range; `ShapeError` for a point of another size than the map.

    ??? cite "Reference"
        H. B. Keller, Numerical solution of bifurcation and nonlinear eigenvalue problems (1977).
        Y. A. Kuznetsov, Elements of Applied Bifurcation Theory (2004), chapters 4 and 10,
        doi 10.1007/978-1-4757-3978-7.
    """
    whole("continuation", "most_steps", most_steps, "Set it to 2000.")
    low, high = between
    if not -math.inf < low <= value <= high < math.inf or low == high:
        raise OptionError(
            f"`continuation`: between is {between} for a point at {value}; expected two numbers, "
            f"the smaller first, with {value} between them. Give "
            f"between=({min(low, high, value)}, {max(low, high, value)})."
        )
    if not reach > 0:
        raise OptionError(
            f"`continuation`: reach is {reach!r}; expected a number above 0. Leave it out."
        )
    if len(point.state) > MOST_UNITS:
        raise OptionError(
            f"`continuation`: point has {len(point.state)} numbers; expected at most {MOST_UNITS}, "
            "because each step takes all eigenvalues, half a minute there. Ask for "
            "`fixed_points` at a few values instead, each from the points of the last."
        )
    curve = Curve(at, point.period, high - low, len(point.state))
    start = _start(curve, point, value)
    ranged = (low / curve.range, high / curve.range)
    far = reach * max(1.0, float(start.u[:-1].norm()))
    back = _follow(curve, start._replace(tangent=-start.tangent), ranged, far, most_steps)
    onward = _Way([start], [], "closed")
    if back.ended != "closed":
        onward = _follow(curve, start, ranged, far, most_steps)
    nodes = back.nodes[:0:-1] + onward.nodes
    turned = [replace(b, unstable=b.unstable[::-1]) for b in back.bifurcations[::-1]]
    u = torch.stack([n.u for n in nodes])
    return Branch(
        at,
        point.period,
        u[:, -1] * curve.range,
        u[:, :-1] * curve.size**0.5,
        torch.stack([n.eigenvalues for n in nodes]),
        turned + onward.bifurcations,
        (back.ended, onward.ended),
    )


def _start(curve: Curve, point: Point, value: float) -> Node:
    """The point as exact as it can be, with the tangent along which the parameter rises."""
    map, s = curve.map(value), point.state.double()
    if map.size != len(s):
        raise ShapeError(
            f"`continuation`: point has {len(s)} numbers; expected {map.size}, those of "
            f"`at({value})`. Take a point of that map."
        )
    wrong = float((map.step(s[None])[0] - s).norm())
    parameter = torch.zeros(len(s) + 1, dtype=s.dtype, device=s.device)
    parameter[-1] = 1.0
    if not wrong <= 1e-6 * (1 + float(s.norm())):
        raise OptionError(
            f"`continuation`: point is no fixed point of `at({value})`: |F(s) - s| is "
            f"{wrong:.1e} after {curve.period} steps; expected 0. Find one with "
            f"`fixed_points(at({value}), point.state[None])`."
        )
    u = curve.correct(curve.join(s, value), parameter)
    start = None if u is None else curve.node(_with_last(u, value / curve.range), parameter)
    if start is None:
        raise OptionError(
            f"`continuation`: at has no finite, smooth map around {value}; expected one, because "
            "derivatives are taken there. Start at another value."
        )
    return start if start.tangent[-1] >= 0 else start._replace(tangent=-start.tangent)


def _follow(
    curve: Curve, start: Node, ranged: tuple[float, float], far: float, most_steps: int
) -> _Way:
    """The points after `start` in the direction of its tangent. `ranged`, `far`: scaled."""
    nodes, found, length = [start], [], FIRST
    while len(nodes) <= most_steps:
        here = nodes[-1]
        edge = ranged[1] if here.tangent[-1] > 0 else ranged[0]
        if here.u[-1] == edge:
            return _Way(nodes, found, "range")
        there = curve.ahead(here, length)
        back = _distance_back(start, here, there) if len(nodes) > 2 and there else None
        if there and back is not None:
            there = curve.ahead(here, back)
        elif there and not ranged[0] <= there.u[-1] <= ranged[1]:
            there = curve.ahead_at(here, edge * curve.range)
            there = there and there._replace(u=_with_last(there.u, edge))
        between = bifurcations_between(curve, here, there) if there else None
        if there is None or between is None:
            length /= 2
            if length < SHORTEST:
                return _Way(nodes, found, "step")
            continue
        nodes.append(there)
        found += between
        if back is not None and float((there.u - start.u).norm()) < 1e-6:
            return _Way(nodes, found, "closed")
        if float((there.u - start.u)[:-1].norm()) > far:
            return _Way(nodes, found, "far")
        most = min(
            max(1.0, float(there.u[:-1].norm())), 1 / max(1e-9, abs(float(there.tangent[-1])))
        )
        length = min(1.5 * length, LONGEST * most)
    return _Way(nodes, found, "most_steps")


def _with_last(u: Tensor, p: float) -> Tensor:
    """With the parameter at the end of the range exactly, not within Newton's rounding."""
    return torch.cat([u[:-1], u.new_tensor([p])])


def _distance_back(start: Node, here: Node, there: Node) -> float | None:
    """How far ahead the start lies, if the step from here to there passes it."""
    step = float(here.tangent @ (there.u - here.u))
    along = float(here.tangent @ (start.u - here.u))
    aside = float((start.u - here.u - along * here.tangent).norm())
    same = float(start.tangent @ here.tangent) > 0
    return along if 0 < along <= step and aside < 0.5 * step and same else None
