"""Curves of what is left of a gradient, on a logarithmic axis."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import plotly.graph_objects as go

from throughtime.report.style import GREY, traces_of

GONE = 0.01  # what is left of a gradient that counts as gone, as in `throughtime.diagnose`
LEAST = 1e-8  # the smallest share that is drawn
DASH_OF = {"before": "dot", "after": None}
"""The moments at which gradients are measured, before and after training, each with its dash."""


def log_axis(values: Iterable[float | None]) -> dict[str, Any]:
    """A logarithmic axis with at most six powers of ten; a linear one for less than one."""
    positive = [v for v in values if v is not None and v > 0]
    decades = math.log10(max(positive) / min(positive)) if positive else 0.0
    if decades < 1:
        return {"type": "linear"}
    dtick = math.ceil(decades / 5) if decades > 1.5 else None
    return {"type": "log", "exponentformat": "power", "dtick": dtick}


def visible(curve: Sequence[float | None]) -> list[float | None]:
    """Without what is too small beside its largest to be shown on a logarithmic axis."""
    least = LEAST * max((v for v in curve if v is not None), default=0.0)
    return [None if v is None or v <= least else v for v in curve]


def one_percent(drawn: go.Figure) -> None:
    """The line below which a gradient counts as gone, on a logarithmic axis."""
    drawn.add_hline(GONE, line={"color": GREY, "dash": "dash", "width": 1})
    drawn.add_annotation(
        x=1, xref="paper", y=-2, text="1%", showarrow=False, yanchor="top", xanchor="right"
    )
    drawn.update_yaxes(**log_axis([GONE, 1.0, *(v for trace in traces_of(drawn) for v in trace.y)]))
