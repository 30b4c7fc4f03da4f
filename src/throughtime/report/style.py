"""How every figure looks, and how text from outside gets into one."""

import html
from collections.abc import Sequence
from typing import Any, cast

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from throughtime.errors import one_line
from throughtime.report.notebook import Shown

# Okabe and Ito's colours, told apart by every kind of colour vision; dashes and markers besides.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a7a7a", "#a6761d")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "cross", "star", "triangle-down")
GREY = "#7a7a7a"
PAPER, INK = "#f7f7f5", "#1d1c1a"  # the page puts its own in their place, dark or light
SEQUENTIAL = [[0.0, PAPER], [1.0, "#0072b2"]]
DIVERGING = [[0.0, "#0072b2"], [0.5, PAPER], [1.0, "#d55e00"]]


def plain(text: object, most: int = 40) -> str:
    """Text from outside on one line, what cannot be printed shown as its escape, the middle cut."""
    shown = one_line(text)
    half = (most - 1) // 2
    return shown if len(shown) <= most else f"{shown[:half]}…{shown[-half:]}"


def safe(text: object, most: int = 40) -> str:
    """The same for a figure or the page: plotly reads `<b>`, `<a href>`, entities in any text."""
    return html.escape(plain(text, most))


def figure(height: int, **layout: Any) -> go.Figure:
    """An empty figure in the look of the report."""
    drawn = Shown(layout={"template": "none"})
    drawn.update_layout(
        height=height,
        margin={"l": 66, "r": 12, "t": 12, "b": 46},
        font={"family": "system-ui, sans-serif", "size": 13},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        hovermode="x",  # all curves at a step, however far the pointer is from them
        hoverlabel={"namelength": -1},
        colorway=COLOURS,
    )
    drawn.update_layout(**layout)
    return _axes(drawn)


def panels(
    rows: int, height: int, gap: float, shared_xaxes: bool = True, **options: Any
) -> go.Figure:
    """The same with panels one below the other on one horizontal axis; `gap` in pixels."""
    drawn = make_subplots(
        rows, 1, shared_xaxes=shared_xaxes, vertical_spacing=gap / height, figure=figure(height),
        **options,
    )  # fmt: skip
    return _axes(drawn)


def _axes(drawn: go.Figure) -> go.Figure:
    drawn.update_xaxes(showgrid=False, zeroline=False, ticks="outside", automargin=True)
    drawn.update_yaxes(showgrid=True, zeroline=False, automargin=True, title_standoff=12)
    return drawn


def traces_of(figure: go.Figure) -> tuple[Any, ...]:
    """What is drawn in a figure; plotly's types do not know of what kind each trace is."""
    return cast(tuple[Any, ...], figure.data)


def one_of(figures: Sequence[go.Figure], key: str) -> go.Figure:
    """Like figures as one, of which `meta[key]`, their place, says which traces to show."""
    drawn = Shown(layout=figures[0].layout)
    for k, one in enumerate(figures):
        for trace in traces_of(one):
            drawn.add_trace(trace.update(meta={key: str(k)}, visible=k == 0))
    return drawn


def line(
    x: Sequence[Any],
    y: Sequence[Any],
    name: str,
    k: int = 0,
    *,
    dash: str | None = None,
    **options: Any,
) -> go.Scatter:
    """A curve in the k-th colour; a short one has the k-th marker as well."""
    mode = "lines+markers" if len(x) <= 40 else "lines"
    return go.Scatter(
        x=list(x),
        y=list(y),
        name=safe(name),
        mode=mode,
        line={"color": COLOURS[k % len(COLOURS)], "width": 2, "dash": dash},
        marker={"symbol": SYMBOLS[k % len(SYMBOLS)], "size": 6, "color": COLOURS[k % len(COLOURS)]},
        **options,
    )


def named_ticks(names: Sequence[str], most: int = 24) -> dict[str, Any]:
    """An axis of places 0, 1, ... with names: two that look alike stay two."""
    return {"tickvals": list(range(len(names))), "ticktext": [safe(n, most) for n in names]}
