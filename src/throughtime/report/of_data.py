"""Figures of the data: how long, of which class, and what they look like."""

from typing import Any

import plotly.graph_objects as go

from throughtime.report import given
from throughtime.report.style import COLOURS, DIVERGING, PAPER, figure, named_ticks, panels, safe

BINS = 40  # bars of lengths, at most
LINES = 6  # channels drawn as lines; more are a map of colours
Sequence = dict[str, Any]


def lengths(found: dict[str, Any]) -> go.Figure:
    """How many sequences have how many steps, in training and test."""
    given.measured("lengths", found, "data")
    made = figure(280, barmode="group", bargap=0.15)
    every = [s for part in PARTS for s in found["data"][part]["lengths"][0]]
    wide = (max(every) - min(every)) // BINS + 1
    for k, part in enumerate(PARTS):
        binned: dict[int, int] = {}
        for steps, count in zip(*found["data"][part]["lengths"], strict=True):
            first = steps - (steps - min(every)) % wide
            binned[first] = binned.get(first, 0) + count
        made.add_bar(x=list(binned), y=list(binned.values()), name=PARTS[part], **_bar(k))
    made.update_xaxes(title="steps" if wide == 1 else f"steps, from here on to {wide - 1} more")
    made.update_yaxes(title="sequences", rangemode="tozero")
    return made


def classes(found: dict[str, Any]) -> go.Figure:
    """How many sequences each class has, in training and test."""
    given.measured("classes", found, "data")
    names = found["data"]["classes"]
    made = figure(280, barmode="group", bargap=0.25)
    for k, part in enumerate(PARTS):
        made.add_bar(
            x=list(range(len(names))), y=found["data"][part]["classes"], name=PARTS[part], **_bar(k)
        )
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
    given.drawn("sequences", drawn)
    height = 80 + 124 * len(drawn)
    made = panels(len(drawn), height, 44, subplot_titles=[safe(t, 90) for t in titles])
    for row, sequence in enumerate(drawn, 1):
        for trace in traces(sequence, channels, row == 1):
            made.add_trace(trace, row, 1)
    rows = min(len(channels), len(drawn[0]["values"])) if drawn else 0
    if rows > LINES:
        ends = [safe(channels[k], 14) for k in (0, rows - 1)]
        made.update_yaxes(
            tickvals=[0, rows - 1], ticktext=ends, autorange="reversed", showgrid=False
        )
        made.update_layout(coloraxis={"colorscale": DIVERGING, "cmid": 0, "showscale": False})
    made.update_xaxes(ticks="")
    made.update_xaxes(title="step", ticks="outside", row=len(drawn), col=1)
    made.update_annotations(font_size=13, x=0, xanchor="left")
    made.update_layout(margin_t=32, legend_y=1 + 26 / height)
    return made


def traces(sequence: Sequence, channels: list[str], legend: bool, **options: Any) -> list[Any]:
    """One sequence as curves or as a map of colours."""
    at, rows = sequence["at"], sequence["values"]
    if len(rows) <= LINES:
        return [
            go.Scatter(
                x=at,
                y=values,
                name=safe(channels[k]),
                legendgroup=str(k),
                showlegend=legend,
                mode="lines",
                line={"color": COLOURS[k], "width": 1.8, "dash": "solid" if k < 3 else "dash"},
                **options,
            )
            for k, values in enumerate(rows)
        ]
    return [
        go.Heatmap(
            x=at,
            y=list(range(len(rows))),
            z=[_own_scale(r) for r in rows],
            customdata=rows,
            text=[[safe(channels[k])] * len(at) for k in range(len(rows))],
            coloraxis="coloraxis",
            name="",
            hovertemplate="step %{x}<br>%{text}: %{customdata}<extra></extra>",
            **options,
        )
    ]


def _own_scale(row: list[float]) -> list[float]:
    """From -1 to 1 about the middle of the channel in this sequence."""
    low, high = min(row), max(row)
    return [round(2 * (v - low) / (high - low) - 1, 3) if high > low else 0.0 for v in row]
