"""A plane through a state along two principal components, and a grid of states in it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.dynamics.principal import Principal
from throughtime.errors import OptionError, ShapeError, whole


@dataclass(frozen=True, eq=False)
class Plane:
    """A grid of n times n states in the plane of the first two axes through one state.

    - `principal`: two axes or more, of which the first two span the plane.
    - `through`: `(S,)`, a state that lies in the plane.
    - `across`, `up`: the coordinates along the first and the second axis, `(n,)` each.
    """

    principal: Principal
    through: Tensor
    across: Tensor
    up: Tensor

    def __repr__(self) -> str:
        (a, b), (c, d) = (f"{t.min():.3g} {t.max():.3g}".split() for t in (self.across, self.up))
        return f"Plane({len(self.across)} x {len(self.up)} states; {a} to {b}, {c} to {d})"

    @property
    def states(self) -> Tensor:
        """Those of the grid, `(n * n, S)`, rows upwards: the place of (row, column) is
        row * n + column."""
        up, across = torch.meshgrid(self.up, self.across, indexing="ij")
        at = torch.stack([across.flatten(), up.flatten()], -1)
        axes = self.principal.axes[:, :2]
        return self.through + (at - self.principal.project(self.through)[:2]) @ axes.T


def plane(principal: Principal, through: Tensor, around: Tensor, *, n: int = 25) -> Plane:
    """The part of a plane in which states lie, with a margin of a tenth on each side.

    **Arguments:**

    - `principal`: at least two axes.
    - `through`: `(S,)`, a state in the plane, such as a fixed point.
    - `around`: `(N, S)`, states whose coordinates are to be in the picture.
    - `n`: states of the grid along each axis.

    **Raises:** `OptionError` for fewer than two axes or n, `ShapeError` for other states.
    """
    whole("plane", "n", n, "Set it to 25.")
    S, axes = principal.axes.shape
    if axes < 2:
        raise OptionError(
            f"`plane`: principal has {axes} axis; expected 2 or more, because two span a plane. A "
            "state of one number has no plane."
        )
    if through.shape != (S,) or around.dim() != 2 or around.shape[1] != S or not len(around):
        raise ShapeError(
            f"`plane`: through has shape {tuple(through.shape)} and around "
            f"{tuple(around.shape)}; expected ({S},) and (N, {S}). Give whole states."
        )
    seen = principal.project(around.to(principal.axes))[:, :2]
    low, high = seen.amin(0), seen.amax(0)
    # a component that does not vary still needs some width
    margin = torch.where(high > low, 0.1 * (high - low), 0.1 * (high - low).max().clamp(min=10.0))
    edges = [torch.linspace(float(a), float(b), n).double() for a, b in zip(
        low - margin, high + margin, strict=True)]  # fmt: skip
    return Plane(principal, through.to(principal.axes), edges[0], edges[1])
