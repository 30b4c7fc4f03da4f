"""One sequence as the report keeps it and draws it, as curves or as a map of colours."""

import math
from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

import plotly.graph_objects as go
from torch import Tensor

from throughtime.data import Sequences
from throughtime.report import given
from throughtime.report.rounding import rounded, thinned
from throughtime.report.style import COLOURS, DIVERGING, panels, safe

CURVES = 12  # channels of a sequence that is kept, at most
LONGEST = 60  # characters of a text that is kept, at most
NOT_SEEN = "not seen"
TICKS = 8  # texts that an axis names, at most
LINES = 6  # channels drawn as lines; more are a map of colours


class Drawn(TypedDict):
    """One sequence to draw.

    - `label`: its class, where its sequences have classes.
    - `steps`: how many there are; `at`: those that are kept.
    - `values`: a row for each channel, one value for each step that is kept.
    - `texts`: of each channel that is a category, by its place as text, what stands at each step
      that is kept; None where nothing does.
    - `probability`: of the class that it is shown for, in a confusion.
    """

    name: str
    label: NotRequired[str]
    steps: int
    at: list[int]
    values: list[list[float | None]]
    texts: NotRequired[dict[str, list[str | None]]]
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
    if texts := _texts(sequences, values[steps, :CURVES]):
        drawn["texts"] = texts
    return {**drawn, "label": classes[labels[k]]} if known else drawn


def _texts(sequences: Sequences, values: Tensor) -> dict[str, list[str | None]]:
    """What stands in the categories among the channels of `values (T, C)`."""
    named = {}
    for c, name in enumerate(sequences.channels[: values.shape[1]]):
        if name in sequences.categories:
            # -1 is the last
            texts = [text[:LONGEST] for text in sequences.categories[name]] + [NOT_SEEN]
            places = values[:, c].tolist()
            named[str(c)] = [None if math.isnan(p) else texts[int(p)] for p in places]
    return named


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
            figure.add_trace(
                _line(one, c, k, safe(titles[k], 60), showlegend=c == 0), row=c + 1, col=1
            )
        if names := _named(drawn, c):
            shown = {"tickvals": list(names), "ticktext": [safe(n, 16) for n in names.values()]}
            figure.update_yaxes(**(shown if len(names) <= TICKS else {"showticklabels": False}),
                                row=c + 1, col=1)  # fmt: skip
    figure.update_xaxes(ticks="")
    figure.update_xaxes(title="step", ticks="outside", row=rows, col=1)
    figure.update_annotations(font_size=13, x=0, xanchor="left")
    figure.update_layout(margin_t=32, legend_y=1 + 26 / height)
    return figure


def _named(drawn: list[Drawn], channel: int) -> dict[float, str]:
    """The values of a category that are drawn, with the texts that they stand for."""
    return {
        value: text
        for one in drawn
        for value, text in zip(
            one["values"][channel], one.get("texts", {}).get(str(channel), []), strict=False
        )
        if value is not None and text is not None
    }


def traces(drawn: Drawn, channels: Sequence[str], legend: bool, **options: Any) -> list[Any]:
    """One sequence as curves or as a map of colours."""
    at, rows = drawn["at"], drawn["values"]
    if len(rows) <= LINES:
        return [
            _line(drawn, k, k, safe(channels[k]), showlegend=legend, **options)
            for k in range(len(rows))
        ]
    return [
        go.Heatmap(
            x=at,
            y=list(range(len(rows))),
            z=[_own_scale(r) for r in rows],
            customdata=[_said(drawn, k) for k in range(len(rows))],
            text=[[safe(channels[k])] * len(at) for k in range(len(rows))],
            coloraxis="coloraxis",
            name="",
            hovertemplate="step %{x}<br>%{text}: %{customdata}<extra></extra>",
            **options,
        )
    ]


def _line(drawn: Drawn, channel: int, colour: int, name: str, **options: Any) -> go.Scatter:
    """A channel as a curve, a category as steps; interrupted where values are missing."""
    steps = {}
    if str(channel) in drawn.get("texts", {}):
        texts = [safe(text) for text in _said(drawn, channel)]
        steps = {"text": texts, "hovertemplate": "%{x}, %{text}"}
    dash = "solid" if colour < 3 else "dash"
    return go.Scatter(
        x=drawn["at"],
        y=drawn["values"][channel],
        name=name,
        legendgroup=str(colour),
        mode="lines+markers" if None in drawn["values"][channel] else "lines",
        marker={"size": 4},  # without them a value between two that are missing is not seen
        line={
            "color": COLOURS[colour],
            "width": 1.8,
            "dash": dash,
            "shape": "hv" if steps else "linear",
        },
        **steps,
        **options,
    )


def _said(drawn: Drawn, channel: int) -> list[Any]:
    """The values of a channel as a person reads them."""
    texts = drawn.get("texts", {}).get(str(channel))
    if texts is None:
        return drawn["values"][channel]
    return ["missing" if text is None else text for text in texts]


def _own_scale(row: list[float | None]) -> list[float | None]:
    """From -1 to 1 about the middle of the channel in this sequence."""
    known = [v for v in row if v is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    middle, half = (low + high) / 2, (high - low) / 2
    return [v if v is None else round((v - middle) / half, 3) if half else 0.0 for v in row]
