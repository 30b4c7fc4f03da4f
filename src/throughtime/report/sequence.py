"""One sequence as the report keeps it and draws it, as curves or as a map of colours."""

from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

import plotly.graph_objects as go

from throughtime.data import Sequences
from throughtime.report import given
from throughtime.report.rounding import rounded, thinned
from throughtime.report.style import COLOURS, DIVERGING, line, panels, safe

CURVES = 12  # channels of a sequence that is kept, at most
LINES = 6  # channels drawn as lines; more are a map of colours


class Drawn(TypedDict):
    """One sequence to draw.

    - `label`: its class, where its sequences have classes.
    - `steps`: how many there are; `at`: those that are kept.
    - `values`: a row for each channel, one value for each step that is kept.
    - `probability`: of the class that it is shown for, in a confusion.
    """

    name: str
    label: NotRequired[str]
    steps: int
    at: list[int]
    values: list[list[float]]
    probability: NotRequired[float]


def classes_of(sequences: Sequences) -> tuple[list[str], list[int]]:
    """The classes of whole sequences, and the place of each sequence among them.

    Both are empty where the target is not one class for each sequence; a place that is not known
    is negative.
    """
    if sequences.labels is None:
        return [], []
    return list(sequences.classes), sequences.labels.tolist()


def described(sequences: Sequences, k: int) -> Drawn:
    """The k-th of some sequences, as it is kept."""
    values, steps = sequences[k], thinned(int(sequences.lengths[k]))
    classes, labels = classes_of(sequences)
    known = bool(classes) and labels[k] >= 0
    drawn: Drawn = {
        "name": sequences.names[k],
        "steps": int(sequences.lengths[k]),
        "at": steps,
        "values": rounded(values[steps, :CURVES].T),
    }
    return {**drawn, "label": classes[labels[k]]} if known else drawn


def examples(sequences: Sequences, most: int) -> list[int]:
    """The first sequence of each class; where there are no classes, the first sequences."""
    classes, labels = classes_of(sequences)
    if not classes:
        return list(range(min(most, len(sequences))))
    return [labels.index(c) for c in range(len(classes)) if c in labels][:most]


def sequences(drawn: list[Drawn], channels: list[str], titles: list[str]) -> go.Figure:
    """Sequences one below the other on one axis of steps.

    Few channels are lines; many are rows of colours, each channel in its own scale.

    **Arguments:**

    - `drawn`: what `measure` keeps of each, as in `measured["data"]["drawn"]`.
    - `channels`: the names of all channels.
    - `titles`: what stands above each sequence.

    **Raises:** `CallError` for anything else.
    """
    given.drawn("sequences", drawn)
    height = 80 + 124 * len(drawn)
    figure = panels(len(drawn), height, 44, subplot_titles=[safe(t, 90) for t in titles])
    for row, sequence in enumerate(drawn, 1):
        for trace in traces(sequence, channels, row == 1):
            figure.add_trace(trace, row, 1)
    rows = min(len(channels), len(drawn[0]["values"])) if drawn else 0
    if rows > LINES:
        ends = [safe(channels[k], 14) for k in (0, rows - 1)]
        figure.update_yaxes(
            tickvals=[0, rows - 1], ticktext=ends, autorange="reversed", showgrid=False
        )
        figure.update_layout(coloraxis={"colorscale": DIVERGING, "cmid": 0, "showscale": False})
    figure.update_xaxes(ticks="")
    figure.update_xaxes(title="step", ticks="outside", row=len(drawn), col=1)
    figure.update_annotations(font_size=13, x=0, xanchor="left")
    figure.update_layout(margin_t=32, legend_y=1 + 26 / height)
    return figure


def by_channel(drawn: list[Drawn], channels: list[str], titles: list[str]) -> go.Figure:
    """A panel for each channel on its own scale, the sequences one over the other.

    The arguments are those of `sequences`, of at most `LINES` channels and as many sequences.
    """
    rows = len(drawn[0]["values"])
    height = 80 + 124 * rows
    figure = panels(rows, height, 44, subplot_titles=[safe(name, 90) for name in channels[:rows]])
    for c in range(rows):
        for k, one in enumerate(drawn):
            dash = "solid" if k < 3 else "dash"
            curve = line(one["at"], one["values"][c], titles[k], k, dash=dash, legendgroup=str(k),
                         showlegend=c == 0)  # fmt: skip
            figure.add_trace(curve.update(mode="lines"), row=c + 1, col=1)
    figure.update_xaxes(ticks="")
    figure.update_xaxes(title="step", ticks="outside", row=rows, col=1)
    figure.update_annotations(font_size=13, x=0, xanchor="left")
    figure.update_layout(margin_t=32, legend_y=1 + 26 / height)
    return figure


def traces(drawn: Drawn, channels: Sequence[str], legend: bool, **options: Any) -> list[Any]:
    """One sequence as curves or as a map of colours."""
    at, rows = drawn["at"], drawn["values"]
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
