"""Trajectories in the principal components of the states, with the points that shape them."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import plotly.graph_objects as go
import torch
from torch import Tensor

from throughtime.dynamics import FixedPoints, Principal, principal
from throughtime.errors import OptionError, ShapeError
from throughtime.report.of_dynamics.marks import by_kind, said, unstable_directions
from throughtime.report.rounding import rounded
from throughtime.report.style import COLOURS, GREY, figure

STEPS = 4000  # of all trajectories together that are drawn, at most
DIRECTED = 100  # points whose unstable directions are drawn, at most
AXES = ("x", "y", "z")
CAMERA = {"eye": {"x": 1.5, "y": 1.5, "z": 1.0}, "center": {"x": 0, "y": 0, "z": -0.1}}


def trajectories(
    points: FixedPoints,
    visited: Sequence[Tensor],
    of: Principal | None = None,
    *,
    dimensions: Literal[2, 3] = 3,
) -> go.Figure:
    """Trajectories of a network and its points, in 2 or 3 principal components.

    A line through a point is a direction in which a small difference grows. Lines are as long as
    they are in all dimensions, so that a short one points out of the picture.

    ```python
    report.trajectories(points, list(system.run(x).unbind(1)))
    ```

    **Arguments:**

    - `points`: what `fixed_points` found; of cycles all states are drawn.
    - `visited`: for each sequence the states that it visits, `(T, S)`.
    - `of`: the components; those of all states in `visited` unless given.
    - `dimensions`: 2 or 3, at most as many as `of` has axes.

    **Raises:** `OptionError` for other dimensions, `ShapeError` for states of another size.
    """
    S = points.states.shape[1]
    for states in visited:
        if states.dim() != 2 or states.shape[1] != S:
            raise ShapeError(
                f"`trajectories`: visited has states of shape {tuple(states.shape)}; expected "
                f"(T, {S}) for each sequence. Write `list(system.run(x).unbind(1))`."
            )
    of = principal(torch.cat([*visited])) if of is None else of
    if dimensions not in (2, 3) or dimensions > len(of.share):
        raise OptionError(
            f"`trajectories`: dimensions is {dimensions!r} with {len(of.share)} axes; expected 2 "
            "or 3, and as many axes. Set it to 2."
        )
    drawn = _frame(of, dimensions)
    paths = [of.project(states.to(of.axes))[:, :dimensions] for states in _few(visited)]
    seen = torch.cat([*paths, of.project(points.states)[:, :dimensions]])
    length = 0.12 * float((seen.amax(0) - seen.amin(0)).max())
    lines = {"color": GREY, "width": 1.5 if dimensions == 2 else 2}
    _add(drawn, _joined(paths), name="trajectories", mode="lines", line=lines, opacity=0.5,
         hoverinfo="skip")  # fmt: skip
    ends = [of.axes.new_zeros(0, dimensions)]
    for k in range(min(len(points), DIRECTED)):
        middle = of.project(points.states[k])
        along = length * unstable_directions(points, k) @ of.axes
        ends += [torch.stack([middle - v, middle + v])[:, :dimensions] for v in along]
    if len(ends) > 1:
        wide = {"color": COLOURS[1], "width": 2 if dimensions == 2 else 4}
        _add(drawn, _joined(ends[1:]), name="unstable directions", mode="lines", line=wide,
             hoverinfo="skip")  # fmt: skip
    for kind, numbers, colour, symbol in by_kind(points):
        orbits = [points[k].orbit if points.period > 1 else points.states[k : k + 1]
                  for k in numbers]  # fmt: skip
        at = of.project(torch.cat(orbits))[:, :dimensions]
        texts = [said(points, k) for k, orbit in zip(numbers, orbits, strict=True) for _ in orbit]
        marker = {"color": colour, "symbol": symbol, "size": 10 if dimensions == 2 else 7}
        _add(drawn, at.T.tolist(), name=kind, mode="markers", marker=marker, text=texts,
             hovertemplate="%{text}<extra></extra>")  # fmt: skip
    return drawn


def _frame(of: Principal, dimensions: int) -> go.Figure:
    """An empty figure whose axes say which share of the variance each has."""
    titles = [f"component {k + 1} ({share:.0%} of the variance)"
              for k, share in enumerate(of.share[:dimensions].tolist())]  # fmt: skip
    drawn = figure(560 if dimensions == 2 else 640, hovermode="closest")
    if dimensions == 2:
        drawn.update_xaxes(title=titles[0])
        drawn.update_yaxes(title=titles[1], scaleanchor="x")
        return drawn
    axis: dict[str, Any] = {"showbackground": False, "zeroline": False, "nticks": 5}
    short = [title.replace(" of the variance", "") for title in titles]
    scene: dict[str, Any] = {f"{a}axis": {**axis, "title": {"text": t}}
                             for a, t in zip(AXES, short, strict=True)}  # fmt: skip
    drawn.update_layout(
        scene=scene | {"aspectmode": "data", "camera": CAMERA}, margin={"l": 0, "r": 0, "b": 0}
    )
    return drawn


def _add(drawn: go.Figure, columns: Sequence[Sequence[float | None]], **options: Any) -> None:
    kind = go.Scatter if len(columns) == 2 else go.Scatter3d
    drawn.add_trace(kind(**dict(zip(AXES, rounded(list(columns)), strict=False)), **options))


def _joined(paths: Iterable[Tensor]) -> list[list[float | None]]:
    """Paths `(T, d)` as one line with gaps, a list for each axis."""
    columns: list[list[float | None]] = [[] for _ in range(3)]
    d = 3
    for path in paths:
        d = path.shape[1]
        for column, values in zip(columns, path.T.tolist(), strict=False):
            column += [*values, None]
    return columns[:d]


def _few(visited: Sequence[Tensor]) -> list[Tensor]:
    """The first sequences whole, as far as there is room."""
    room, few = STEPS, []
    for states in visited:
        few.append(states[:room])
        room -= len(states)
        if room <= 0:
            break
    return few
