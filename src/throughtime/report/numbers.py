"""The numbers of a figure as tables: what a reader has who does not see it."""

from collections.abc import Iterable, Sequence
from typing import Any

import plotly.graph_objects as go

from throughtime.report.measure import thinned

ROWS = 60  # of one table; more are thinned out


def numbers(figure: go.Figure) -> str:
    """Tables of what is drawn, one for each panel, HTML."""
    layout: Any = figure.layout
    panels: dict[str, list[Any]] = {}
    for trace in figure.data:
        if trace.type != "scatter" or trace.mode != "text":
            panels.setdefault(trace.yaxis or "y", []).append(trace)
    titles = [note.text for note in layout.annotations if note.yref == "paper"]
    titles = titles if len(titles) == len(panels) else [""] * len(panels)
    return "".join(
        _panel(figure, y.replace("y", "yaxis"), traces, title)
        for (y, traces), title in zip(panels.items(), titles, strict=True)
    )


def table(
    head: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "", *, kind: str = "numbers"
) -> str:
    """A table, HTML. Texts are HTML already, see `style.safe`; the first cell names its row.

    - `kind`: its class in the style sheet: `"numbers"`, or `"facts"` for texts.
    """
    shown = "".join(
        f'<tr><th scope="row">{_cell(row[0])}</th>'
        + "".join(f"<td>{_cell(v)}</td>" for v in row[1:])
        + "</tr>"
        for row in rows
    )
    titles = "".join(f'<th scope="col">{h}</th>' for h in head)
    named = f"<caption>{caption}</caption>" if caption else ""
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="The numbers">'
        f'<table class="{kind}">{named}'
        f"<thead><tr>{titles}</tr></thead><tbody>{shown}</tbody></table></div>"
    )


def _panel(figure: Any, y: str, traces: list[Any], title: str) -> str:
    first = traces[0]
    across: Any = figure.layout[y.replace("y", "x", 1)]
    down: Any = figure.layout[y]
    if first.type == "heatmap":
        values = first.customdata if first.customdata is not None else first.z
        if across.ticktext:
            rows = [[n, *row] for n, row in zip(down.ticktext, values, strict=True)]
            return table(
                [f"{down.title.text} \\ {across.title.text}", *across.ticktext], rows, title
            )
        names = [row[0] for row in first.text]
        at = thinned(len(first.x), ROWS)
        return table(
            ["step", *names],
            [[first.x[k], *(r[k] for r in values)] for k in at],
            _thinned(title, len(at), len(first.x)),
        )
    if getattr(first, "orientation", None) == "h":
        columns = [dict(zip(t.y, t.x, strict=True)) for t in traces]
        places, names = list(first.y), down.ticktext
    else:
        columns = [dict(zip(t.x, t.y, strict=True)) for t in traces]
        places, names = sorted({x for t in traces for x in t.x}), across.ticktext
    at = thinned(len(places), ROWS)
    chosen = [places[k] for k in at]
    rows = [[names[x] if names else x, *(c.get(x) for c in columns)] for x in chosen]
    return table(
        [_axis(figure, across), *(t.name for t in traces)],
        rows,
        _thinned(title, len(at), len(places)),
    )


def _axis(figure: Any, axis: Any) -> str:
    """What stands at an axis; the panels of one figure share that of the lowest."""
    titles = [a.title.text for a in (axis, *figure.select_xaxes()) if a.title.text]
    return titles[0] if titles else ""


def _thinned(title: str, shown: int, whole: int) -> str:
    return title if shown == whole else f"{title} ({shown} of {whole})".strip()


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
