"""Basins of attraction: at which attractor the states of a plane end."""

from typing import NamedTuple

import torch
from torch import Tensor

from throughtime.dynamics.fixed_points import FixedPoints
from throughtime.dynamics.plane import Plane
from throughtime.errors import OptionError, whole


class Basins(NamedTuple):
    """Where the states of a grid end; rows and columns as in `Flow`.

    - `labels`: `(n, n)`, the number of the point among `points`, -1 for none of them.
    - `nowhere`: how many end at none.
    - `steps`: how many the states were followed at most.
    """

    plane: Plane
    points: FixedPoints
    labels: Tensor
    nowhere: int
    steps: int


def basins(points: FixedPoints, plane: Plane, *, steps: int = 2000, near: float = 1e-2) -> Basins:
    """Follow the states of a plane until each is at a stable point or cycle.

    **Arguments:**

    - `points`: what `fixed_points` found; the stable ones that are fixed are the attractors. Of
      cycles all states count, so that a basin is of the cycle.
    - `plane`: as the function `plane` makes it.
    - `steps`: of the map, at most. What is not at an attractor by then ends nowhere, as far as
      this tells: it may be slow, or go to one that was not found.
    - `near`: a state is at an attractor when it is nearer to it than this times the distance to
      the attractor that is nearest to that one, or times the length of the grid's first row
      where there is only one.

    **Raises:** `OptionError` for steps below 1, and a `near` that is not between 0 and 1/2.
    """
    whole("basins", "steps", steps, "Set it to 2000.")
    if not 0 < near < 0.5:
        raise OptionError(
            f"`basins`: near is {near!r}; expected a number between 0 and 0.5. Leave it out."
        )
    stable = [k for k, kind in enumerate(points.kinds) if kind == "stable" and points.fixed[k]]
    s = plane.states
    labels = torch.full((len(s),), -1)
    if stable:
        orbits = [points[k].orbit if points.period > 1 else points.states[k : k + 1]
                  for k in stable]  # fmt: skip
        numbers = torch.tensor(stable).repeat_interleave(torch.tensor([len(o) for o in orbits]))
        attractors = torch.cat(orbits)
        radius = near * _apart(attractors, plane)
        going = torch.arange(len(s))
        for step in range(steps + 1):
            distance, nearest = torch.cdist(s, attractors).min(1)
            there = distance <= radius[nearest]
            labels[going[there]] = numbers[nearest[there]]
            going, s = going[~there], s[~there]
            if not len(going) or step == steps:
                break
            s = points.map.step(s)
    labels = labels.reshape(len(plane.up), len(plane.across))
    return Basins(plane, points, labels, int((labels < 0).sum()), steps)


def _apart(attractors: Tensor, plane: Plane) -> Tensor:
    """Of each attractor the distance to the nearest other, `(K,)`."""
    if len(attractors) == 1:
        return (plane.across[-1] - plane.across[0])[None]
    distances = torch.cdist(attractors, attractors)
    return distances.fill_diagonal_(torch.inf).amin(1)
