"""Eigenvalues of points in the plane of complex numbers, beside the unit circle."""

import math

import plotly.graph_objects as go

from throughtime.dynamics import FixedPoints
from throughtime.report.of_dynamics.marks import by_kind
from throughtime.report.rounding import rounded
from throughtime.report.style import GREY, figure

MOST = 6000  # eigenvalues that are drawn, at most: those of the first points


def eigenvalues(points: FixedPoints) -> go.Figure:
    """The eigenvalues of each point: outside the unit circle a direction grows, inside it fades.

    Those of a pair that is not real turn; those near 1 are slow.

    ```python
    report.eigenvalues(fixed_points(system.under(x), starts))
    ```
    """
    drawn = figure(560, hovermode="closest")
    turn = [2 * math.pi * k / 120 for k in range(121)]
    drawn.add_scatter(
        x=rounded([math.cos(a) for a in turn]), y=rounded([math.sin(a) for a in turn]),
        mode="lines", line={"color": GREY, "width": 1}, name="unit circle", hoverinfo="skip",
    )  # fmt: skip
    room = max(1, MOST // max(1, points.states.shape[1]))
    for kind, numbers, colour, symbol in by_kind(points):
        values = points.eigenvalues[[k for k in numbers if k < room]].flatten()
        of = [k + 1 for k in numbers if k < room for _ in range(points.states.shape[1])]
        drawn.add_scatter(
            x=rounded(values.real.tolist()), y=rounded(values.imag.tolist()), customdata=of,
            mode="markers", name=kind, opacity=0.8,
            marker={"color": colour, "symbol": symbol, "size": 8},
            hovertemplate="point %{customdata}: %{x} %{y:+}i<extra></extra>",
        )  # fmt: skip
    drawn.update_xaxes(title="real part")
    drawn.update_yaxes(title="imaginary part", scaleanchor="x")
    return drawn
