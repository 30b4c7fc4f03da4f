"""The numbers of a figure as tables: what a reader has who does not see it."""

from html import unescape
from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup

from throughtime.report.markup import table
from throughtime.report.rounding import thinned
from throughtime.report.style import traces_of

ROWS = 60  # of one table; more are thinned out


def numbers(figure: go.Figure) -> Markup:
    """Tables of what is drawn, one for each panel."""
    layout: Any = figure.layout
    panels: dict[str, list[Any]] = {}
    for trace in traces_of(figure):
        if trace.type != "scatter" or trace.mode != "text":
            panels.setdefault(trace.yaxis or "y", []).append(trace)
    titles = [note.text for note in layout.annotations if note.yref == "paper"]
    titles = titles if len(titles) == len(panels) else [""] * len(panels)
    return Markup().join(
        _panel(figure, y.replace("y", "yaxis"), traces, unescape(title))
        for (y, traces), title in zip(panels.items(), titles, strict=True)
    )


def _panel(figure: Any, y: str, traces: list[Any], title: str) -> Markup:
    across: Any = figure.layout[y.replace("y", "x", 1)]
    down: Any = figure.layout[y]
    if traces[0].type == "heatmap":
        return _map_of_colours(traces[0], across, down, title)
    if getattr(traces[0], "orientation", None) == "h":
        columns = [dict(zip(t.y, t.x, strict=True)) for t in traces]
        places, names = list(traces[0].y), down.ticktext
    else:
        columns = [dict(zip(t.x, t.y, strict=True)) for t in traces]
        places, names = sorted({x for t in traces for x in t.x}), across.ticktext
    at = thinned(len(places), ROWS)
    chosen = [places[k] for k in at]
    rows = [[_text(names[x]) if names else x, *(c.get(x) for c in columns)] for x in chosen]
    head = [_axis(figure, across), *(_text(t.name) for t in traces)]
    return table(head, rows, _thinned(title, len(at), len(places)))


def _map_of_colours(trace: Any, across: Any, down: Any, title: str) -> Markup:
    """A matrix with names at both sides, or channels over time with a row for each step."""
    values = trace.customdata if trace.customdata is not None else trace.z
    if across.ticktext:
        rows = [[_text(n), *row] for n, row in zip(down.ticktext, values, strict=True)]
        corner = f"{down.title.text} \\ {across.title.text}"
        return table([corner, *map(_text, across.ticktext)], rows, title)
    at = thinned(len(trace.x), ROWS)
    return table(
        ["step", *(_text(row[0]) for row in trace.text)],
        [[trace.x[k], *(row[k] for row in values)] for k in at],
        _thinned(title, len(at), len(trace.x)),
    )


def _text(name: str | None) -> str:
    """A name as it reads: in a figure it is escaped, as plotly takes it for HTML."""
    return unescape(name or "")


def _axis(figure: Any, axis: Any) -> str:
    """What stands at an axis; the panels of one figure share that of the lowest."""
    titles = [a.title.text for a in (axis, *figure.select_xaxes()) if a.title.text]
    return titles[0] if titles else ""


def _thinned(title: str, shown: int, whole: int) -> str:
    return title if shown == whole else f"{title} ({shown} of {whole})".strip()
