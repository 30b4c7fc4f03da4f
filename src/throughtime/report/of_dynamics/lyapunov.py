"""Lyapunov exponents: how far each is known, and how they settle with the number of steps."""

import plotly.graph_objects as go

from throughtime.dynamics import Lyapunov
from throughtime.report.rounding import rounded, thinned
from throughtime.report.style import COLOURS, GREY, line, panels

DRAWN = 8  # exponents over time, at most: the largest


def lyapunov(of: Lyapunov) -> go.Figure:
    """The spectrum with the error of each exponent, and the largest ones as they settle.

    Above 0 small differences between states grow, below 0 they fade.

    **Arguments:** `of`: what `throughtime.dynamics.lyapunov_spectrum` returns.
    """
    drawn = panels(2, 620, 110, False, subplot_titles=["Spectrum", "As the steps go by"])
    numbers = [k + 1 for k in range(len(of.exponents))]
    drawn.add_scatter(
        x=numbers, y=rounded(of.exponents), name="exponent", mode="markers", showlegend=False,
        error_y={"type": "data", "array": rounded(of.errors), "color": COLOURS[0]},
        marker={"color": COLOURS[0], "size": 7}, row=1, col=1,
    )  # fmt: skip
    at = thinned(len(of.history))
    for k in range(min(DRAWN, of.history.shape[1])):
        curve = line(
            [int(t) for t in of.times[at]], rounded(of.history[at, k]), f"exponent {k + 1}", k
        )
        drawn.add_trace(curve, 2, 1)
    for row in (1, 2):
        drawn.add_hline(0, line={"color": GREY, "dash": "dash", "width": 1}, row=row, col=1)  # type: ignore[arg-type]
    drawn.update_xaxes(title="number of the exponent", row=1, col=1)
    drawn.update_xaxes(title="steps", row=2, col=1)
    drawn.update_yaxes(title="per step")
    drawn.update_layout(margin_t=60, legend={"y": 1.06})
    return drawn
