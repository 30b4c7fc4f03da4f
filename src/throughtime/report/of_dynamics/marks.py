"""How the kinds of points look in every figure: each has its own colour and its own symbol."""

from collections.abc import Iterator

import torch
from torch import Tensor

from throughtime.dynamics import FixedPoints
from throughtime.report.style import COLOURS

# In three dimensions plotly's symbols are letters: these are in every font, "x" is not.
MARKS = {
    "stable": (COLOURS[0], "circle"),
    "saddle": (COLOURS[1], "diamond"),
    "unstable": (COLOURS[3], "square"),
    "neutral": (COLOURS[2], "diamond-open"),
    "slow": (COLOURS[4], "circle-open"),
}


def kinds(points: FixedPoints) -> list[str]:
    """For each point its kind, "slow" for a slow point, whatever grows there."""
    fixed = points.fixed.tolist()
    return [
        kind if is_fixed else "slow" for kind, is_fixed in zip(points.kinds, fixed, strict=True)
    ]


def by_kind(points: FixedPoints) -> Iterator[tuple[str, list[int], str, str]]:
    """Each kind that there is, with its points, its colour and its symbol."""
    of = kinds(points)
    for kind, (colour, symbol) in MARKS.items():
        numbers = [k for k, name in enumerate(of) if name == kind]
        if numbers:
            yield kind, numbers, colour, symbol


def said(points: FixedPoints, k: int) -> str:
    """A point for the reader who points at it."""
    largest = float(points.eigenvalues[k].abs().max())
    grows = f"{int(points.unstable[k])} unstable" if int(points.unstable[k]) else "none unstable"
    return (
        f"point {k + 1}, {kinds(points)[k]}: directions {grows}, largest |eigenvalue| {largest:.4g}"
    )


def unstable_directions(points: FixedPoints, k: int) -> Tensor:
    """The directions that grow at a point as rows of length 1, `(m, S)`; of a pair that turns the
    two that span its plane."""
    point = points[k]
    rows = []
    for j in range(int(points.unstable[k])):
        value, vector = point.eigenvalues[j], point.right[:, j]
        if value.imag >= 0:
            rows.append(vector.real)
        if value.imag > 0:
            rows.append(vector.imag)
    if not rows:
        return points.states.new_zeros(0, points.states.shape[1])
    return torch.nn.functional.normalize(torch.stack(rows), dim=-1)
