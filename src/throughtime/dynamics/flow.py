"""Where a map moves the states of a plane: the displacement of one step on a grid."""

from typing import NamedTuple

from torch import Tensor

from throughtime.dynamics.map import Map
from throughtime.dynamics.plane import Plane


class Flow(NamedTuple):
    """One step from each state of a grid; row i and column j are those of `plane.up[i]` and
    `plane.across[j]`.

    - `displacement`: F(s) - s along the two axes of the plane, `(n, n, 2)`.
    - `speed`: |F(s) - s| in all directions, `(n, n)`: larger than the displacement is long where
      the step leaves the plane.
    """

    plane: Plane
    displacement: Tensor
    speed: Tensor


def flow(map: Map, plane: Plane) -> Flow:
    """The displacement that one step of a map gives the states of a plane.

    **Arguments:** `map`: such as `StateMap.under(x)`; `plane`: as the function `plane` makes it.
    """
    n, m = len(plane.up), len(plane.across)
    states = plane.states
    step = map.step(states) - states
    along = step @ plane.principal.axes[:, :2]
    return Flow(plane, along.reshape(n, m, 2), step.norm(dim=-1).reshape(n, m))
