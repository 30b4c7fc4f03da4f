"""Figures of the data: how long, of which class, and what they look like."""

from typing import Any

import plotly.graph_objects as go

from throughtime.report.look import COLOURS, DIVERGING, PAPER, figure, named_ticks, panels, safe

LINES = 6  # channels drawn as lines; more are a map of colours
Sequence = dict[str, Any]


def lengths(found: dict[str, Any]) -> go.Figure:
    """How many sequences have how many steps, in training and test."""
    made = figure(280, barmode="overlay", bargap=0.05)
    for k, part in enumerate(("train", "test")):
        steps, counts = found["data"][part]["lengths"]
        made.add_bar(x=steps, y=counts, name=PARTS[part], opacity=0.7, **_bar(k))  # fmt: skip
    made.update_xaxes(title="steps")
    made.update_yaxes(title="sequences", rangemode="tozero")
    return made


def classes(found: dict[str, Any]) -> go.Figure:
    """How many sequences each class has, in training and test."""
    names = found["data"]["classes"]
    made = figure(280, barmode="group", bargap=0.25)
    for k, part in enumerate(("train", "test")):
        made.add_bar(x=list(range(len(names))), y=found["data"][part]["classes"],
                     name=PARTS[part], **_bar(k))  # fmt: skip
    made.update_xaxes(title="class", **named_ticks(names, 16))
    made.update_yaxes(title="sequences", rangemode="tozero")
    return made


PARTS = {"train": "training", "test": "test"}


def _bar(k: int) -> dict[str, Any]:
    """Told apart without colour as well."""
    pattern = {"shape": ("", "/")[k], "fillmode": "overlay", "fgcolor": PAPER, "size": 6}
    return {"marker": {"color": COLOURS[k], "pattern": pattern}}


def sequences(drawn: list[Sequence], channels: list[str], titles: list[str]) -> go.Figure:
    """Sequences one below the other on one axis of steps.

    Few channels are lines; many are rows of colours, each channel in its own scale.
    """
    made = panels(len(drawn), 70 + 112 * len(drawn), 32,
                  subplot_titles=[safe(t, 90) for t in titles])  # fmt: skip
    for row, sequence in enumerate(drawn, 1):
        for trace in traces(sequence, channels, row == 1):
            made.add_trace(trace, row, 1)
    rows = min(len(channels), len(drawn[0]["values"])) if drawn else 0
    if rows > LINES:
        made.update_yaxes(tickvals=[0, rows - 1], ticktext=[safe(channels[0], 14), safe(channels[rows - 1], 14)],
                          autorange="reversed", showgrid=False)  # fmt: skip
        made.update_layout(coloraxis={"colorscale": DIVERGING, "cmid": 0, "showscale": False})
    made.update_xaxes(title="step", row=len(drawn), col=1)
    made.update_annotations(font_size=13, x=0, xanchor="left")
    made.update_layout(margin_t=40 if rows > LINES else 60)
    if rows <= LINES:
        made.update_layout(legend_y=1 + 34 / max(made.layout.height - 100, 1))
    return made


def traces(sequence: Sequence, channels: list[str], legend: bool, **options: Any) -> list[Any]:
    """One sequence as curves or as a map of colours."""
    at, rows = sequence["at"], sequence["values"]
    if len(rows) <= LINES:
        return [
            go.Scatter(x=at, y=values, name=safe(channels[k]), legendgroup=str(k),
                       showlegend=legend, mode="lines",
                       line={"color": COLOURS[k], "width": 1.8,
                             "dash": ("solid", "dash", "dot")[k % 3]}, **options)
            for k, values in enumerate(rows)
        ]  # fmt: skip
    return [
        go.Heatmap(x=at, y=list(range(len(rows))), z=[_own_scale(r) for r in rows],
                   customdata=rows, text=[[safe(channels[k])] * len(at) for k in range(len(rows))],
                   coloraxis="coloraxis", name="",
                   hovertemplate="step %{x}<br>%{text}: %{customdata}<extra></extra>", **options)
    ]  # fmt: skip


def _own_scale(row: list[float]) -> list[float]:
    """From -1 to 1 about the middle of the channel in this sequence."""
    low, high = min(row), max(row)
    return [round(2 * (v - low) / (high - low) - 1, 3) if high > low else 0.0 for v in row]
