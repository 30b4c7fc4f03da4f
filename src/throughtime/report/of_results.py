"""Figures of training and testing: learning curves, and what is taken for what."""

from typing import Any

import plotly.graph_objects as go

from throughtime.report import given
from throughtime.report.measure import rounded, thinned
from throughtime.report.of_data import sequences
from throughtime.report.style import (
    DIVERGING,
    GREY,
    INK,
    SEQUENTIAL,
    figure,
    line,
    log_axis,
    named_ticks,
    panels,
    plain,
    safe,
)
from throughtime.training import Run

CURVES = (  # of an epoch; title, panel (the last is -1) and dash
    ("loss", "training", 1, None),
    ("validation_loss", "validation", 1, "dash"),
    ("validation_accuracy", "accuracy", 2, "dash"),
    ("gradient_norm", "gradient norm", -1, "dot"),
)
COUNTED = 20  # classes whose counts are written into the matrix


def learning_curves(*runs: Run, names: list[str] | None = None) -> go.Figure:
    """Loss and the largest gradient norm over the epochs; several runs in one figure."""
    for run in runs or (None,):
        given.run("learning_curves", run)
    accuracy = any("validation_accuracy" in row for run in runs for row in run.history)
    titles = ["loss", *["accuracy"] * accuracy, "gradient norm"]
    made = panels(len(titles), 180 * len(titles) + 60, 24)
    for k, run in enumerate(runs):
        of = f"{names[k]}, " if names else ""
        rows = [run.history[i] for i in thinned(len(run.history))]
        for j, (key, title, panel, dash) in enumerate(CURVES):
            met = [row for row in rows if row.get(key) is not None]
            epochs, values = [r["epoch"] for r in met], rounded([r[key] for r in met])
            at, colour = panel % (len(titles) + 1), k if names else j
            curve = line(epochs, values, of + title, colour, dash=dash, showlegend=at == 1)
            if met:
                made.add_trace(curve, at, 1)
    for panel, title in enumerate(titles, 1):
        made.update_yaxes(title=title, row=panel, col=1)
    every = [row for run in runs for row in run.history]
    losses = [row.get(key) for row in every for key in ("loss", "validation_loss")]
    made.update_yaxes(**log_axis(losses), row=1, col=1)
    norms = [row.get("gradient_norm") for row in every]
    made.update_yaxes(**log_axis(norms), row=len(titles), col=1)
    clip = {run.options.clip for run in runs}
    if len(clip) == 1 and (largest := next(iter(clip))) is not None:
        place: dict[str, Any] = {"row": len(titles), "col": 1}
        made.add_hline(largest, line={"color": GREY, "dash": "dash", "width": 1}, **place)
    made.update_xaxes(title="epoch", row=len(titles), col=1)
    return made


def confusion(scores: dict[str, Any], beside: dict[str, Any] | None = None) -> go.Figure:
    """True classes in rows, predicted ones in columns; colours are shares of a row.

    **Arguments:** `beside`: other scores on the same sequences, to show the difference from.
    """
    given.scores("confusion", "scores", scores)
    if beside is not None:
        given.scores("confusion", "beside", beside)
    names, counts = scores["classes"], scores["confusion"]
    n = len(names)
    scale: dict[str, Any] = {"colorscale": SEQUENTIAL, "zmin": 0, "zmax": 1}
    colours = [[c / max(sum(row), 1) for c in row] for row in counts]
    sign, hover = "", "%{text}: %{customdata} (%{z:.1%})<extra></extra>"
    if beside is not None:
        pairs = zip(counts, beside["confusion"], strict=True)
        counts = [[a - b for a, b in zip(*rows, strict=True)] for rows in pairs]
        most = max(1, *(abs(c) for row in counts for c in row))
        scale = {"colorscale": DIVERGING, "zmin": -1, "zmax": 1}
        colours = [[c / most for c in row] for row in counts]
        sign, hover = "+", "%{text}: %{customdata:+d}<extra></extra>"
    made = figure(min(140 + 38 * n, 760))
    made.add_heatmap(
        z=rounded(colours),
        x=list(range(n)),
        y=list(range(n)),
        customdata=counts,
        text=[[f"{safe(a)} taken for {safe(b)}" for b in names] for a in names],
        hovertemplate=hover,
        xgap=1,
        ygap=1,
        name="",
        showscale=False,
        **scale,
    )
    if n <= COUNTED:
        met = [(i, j) for i in range(n) for j in range(n) if counts[i][j]]
        made.add_scatter(
            x=[j for _, j in met],
            y=[i for i, _ in met],
            mode="text",
            hoverinfo="skip",
            text=[f"{counts[i][j]:{sign}d}" for i, j in met],
            showlegend=False,
            textfont={"color": ["#ffffff" if abs(colours[i][j]) > 0.5 else INK for i, j in met]},
        )
    made.update_xaxes(title="predicted", range=[-0.5, n - 0.5], **named_ticks(names, 16))
    made.update_yaxes(title="true", range=[n - 0.5, -0.5], showgrid=False, **named_ticks(names, 16))
    return made


def confused(found: dict[str, Any], k: int = 0) -> go.Figure:
    """The k-th commonest confusion: a sequence of it between the surest ones of its two classes."""
    given.measured("confused", found, "data", "confusions")
    given.place("confused", "k", k, len(found["confusions"]), "confusions")
    pair = found["confusions"][k]
    true, taken = pair["true"], pair["taken"]
    rows = [
        (f"a sure {plain(true, 20)}", pair["of_true"]),
        (f"{plain(true, 20)}, taken for {plain(taken, 20)}", pair["it"]),
        (f"a sure {plain(taken, 20)}", pair["of_taken"]),
    ]
    met = [(f"{title}: {s['name']}", s) for title, s in rows if s is not None]
    return sequences([s for _, s in met], found["data"]["channels"], [t for t, _ in met])
