"""A plane of states: where one step moves each of them, and at which attractor each ends."""

from collections.abc import Sequence

import plotly.graph_objects as go
import torch
from torch import Tensor

from throughtime import dynamics
from throughtime.dynamics import FixedPoints, Plane
from throughtime.errors import CallError
from throughtime.report.of_dynamics.marks import by_kind, said
from throughtime.report.rounding import rounded
from throughtime.report.style import COLOURS, GREY, INK, SEQUENTIAL, figure

ARROWS = 25  # along each axis, at most
NOWHERE = "#c9c9c4"
ENDS = [colour for colour in COLOURS if colour != GREY]


def flow(of: dynamics.Flow, points: FixedPoints | None = None) -> go.Figure:
    """Arrows where one step goes, on how fast it is in all directions.

    Arrows are cut to the distance between two of them and so show the way and not the speed,
    unless a step is shorter. Points are drawn where they are seen from above the plane, and may
    lie far from it.

    ```python
    report.flow(flow(points.map, plane(components, points.states[0], states)), points)
    ```

    **Arguments:** `of`: what `throughtime.dynamics.flow` returns; `points`: to draw with it.
    """
    if not isinstance(of, dynamics.Flow):
        raise CallError(
            f"`flow`: of is a {type(of).__name__}; expected what `throughtime.dynamics.flow` "
            "returns. Write `report.flow(dynamics.flow(map, plane))`."
        )
    drawn = _frame(of.plane)
    drawn.add_heatmap(
        x=rounded(of.plane.across), y=rounded(of.plane.up),
        z=rounded(of.speed.clamp(min=1e-12).log10()), colorscale=SEQUENTIAL,
        colorbar={"title": {"text": "step length"}, "thickness": 12, **_powers(of.speed)},
        name="step length", hovertemplate="10^%{z:.2f}<extra></extra>",
    )  # fmt: skip
    every = -(-max(of.speed.shape) // ARROWS)
    across, up = of.plane.across[::every], of.plane.up[::every]
    step = of.displacement[::every, ::every].reshape(-1, 2)
    starts = torch.stack(torch.meshgrid(across, up, indexing="xy"), -1).reshape(-1, 2)
    room = 0.9 * float(min(t[1] - t[0] if len(t) > 1 else t.new_ones(()) for t in (across, up)))
    size = step.norm(dim=-1, keepdim=True)
    step = step * (room / size.clamp(min=room))
    moved = size[:, 0] > 0.02 * room  # a head on nothing would point anywhere
    starts, ends = starts[moved], (starts + step)[moved]
    columns = torch.stack([starts, ends, torch.full_like(ends, torch.nan)], 1).reshape(-1, 2)
    drawn.add_scatter(
        x=rounded(columns[:, 0]), y=rounded(columns[:, 1]), mode="lines+markers", name="one step",
        line={"color": INK, "width": 1}, hoverinfo="skip",
        marker={"symbol": "arrow", "color": INK, "angleref": "previous",
                "size": [0, 7, 0] * len(ends)},
    )  # fmt: skip
    if points is not None:
        _points(drawn, of.plane, points)
    return drawn


def basins(of: dynamics.Basins) -> go.Figure:
    """The states of a plane in the colour of the attractor at which each ends, with its number.

    ```python
    report.basins(basins(points, plane(components, points.states[0], states)))
    ```

    **Arguments:** `of`: what `throughtime.dynamics.basins` returns.
    """
    if not isinstance(of, dynamics.Basins):
        raise CallError(
            f"`basins`: of is a {type(of).__name__}; expected what `throughtime.dynamics.basins` "
            "returns. Write `report.basins(dynamics.basins(points, plane))`."
        )
    drawn = _frame(of.plane)
    met = sorted({*of.labels.flatten().tolist()} - {-1})
    place = {label: k for k, label in enumerate([-1, *met])}
    codes = torch.tensor([place[label] for label in of.labels.flatten().tolist()])
    names = ["nowhere in time" if k < 0 else f"point {k + 1}" for k in place]
    colours = [NOWHERE, *(ENDS[k % len(ENDS)] for k in range(len(met)))]
    drawn.add_heatmap(
        x=rounded(of.plane.across), y=rounded(of.plane.up),
        z=codes.reshape(of.labels.shape).tolist(), colorscale=_steps(colours), zmin=-0.5,
        zmax=len(names) - 0.5, opacity=0.55, name="",
        text=[[names[place[v]] for v in row] for row in of.labels.tolist()],
        hovertemplate="ends at %{text}<extra></extra>",
        colorbar={"tickvals": list(range(len(names))), "ticktext": names, "thickness": 12},
    )  # fmt: skip
    _points(drawn, of.plane, of.points)
    return drawn


def _frame(plane: Plane) -> go.Figure:
    drawn = figure(560, hovermode="closest")
    shares = plane.principal.share.tolist()
    lengths: Sequence[Tensor] = (plane.across, plane.up)
    drawn.update_xaxes(title=f"component 1 ({shares[0]:.0%} of the variance)")
    drawn.update_yaxes(title=f"component 2 ({shares[1]:.0%} of the variance)", showgrid=False)
    for axis, along in zip((drawn.update_xaxes, drawn.update_yaxes), lengths, strict=True):
        axis(range=[float(along[0]), float(along[-1])])
    return drawn


def _points(drawn: go.Figure, plane: Plane, points: FixedPoints) -> None:
    """Points with their numbers, as they are seen from above the plane."""
    at = plane.principal.project(points.states)[:, :2]
    for kind, numbers, colour, symbol in by_kind(points):
        drawn.add_scatter(
            x=rounded(at[numbers, 0]), y=rounded(at[numbers, 1]), name=kind,
            mode="markers+text", text=[str(k + 1) for k in numbers], textposition="top right",
            marker={"color": colour, "symbol": symbol, "size": 11,
                    "line": {"color": INK, "width": 1.5}},
            customdata=[said(points, k) for k in numbers],
            hovertemplate="%{customdata}<extra></extra>",
        )  # fmt: skip


def _powers(speed: Tensor) -> dict[str, list[float] | list[str]]:
    """Ticks at powers of ten."""
    low, high = (int(v.floor()) for v in speed.clamp(min=1e-12).log10().aminmax())
    at = list(range(low, high + 2, max(1, (high + 1 - low) // 5)))
    return {"tickvals": [float(k) for k in at], "ticktext": [f"10<sup>{k}</sup>" for k in at]}


def _steps(colours: Sequence[str]) -> list[list[float | str]]:
    """A scale of colours with nothing between two of them."""
    n = len(colours)
    return [[(k + side) / n, colour] for k, colour in enumerate(colours) for side in (0, 1)]
