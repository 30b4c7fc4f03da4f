"""Figures of what passes through time: gradients, replicas, gates, where a state begins."""

from typing import Any

import plotly.graph_objects as go

from throughtime.bptt.watch import directions
from throughtime.errors import OptionError
from throughtime.report import given
from throughtime.report.measure import rounded, thinned
from throughtime.report.of_data import LINES, traces
from throughtime.report.style import (
    COLOURS,
    DIVERGING,
    GREY,
    figure,
    line,
    log_axis,
    panels,
    safe,
)
from throughtime.training import Model

GONE = 0.01  # what is left of a gradient that counts as gone, as in `throughtime.diagnose`
HALF = "#c9c9c4"  # neither open nor closed
LEAST = 1e-8  # the smallest share that is drawn


def at_input(found: dict[str, Any]) -> go.Figure:
    """What of the gradient of the loss reaches the input of each step.

    **Raises:** as every figure, `CallError` for anything but what `measure` or `kept` returned.
    """
    given.measured("at_input", found, "before", "after")
    made = figure(320)
    for k, (when, dash) in enumerate(WHEN.items()):
        if found[when]:
            curve = found[when]["at_input"]
            made.add_trace(
                line(curve["lag"], drawn(curve["relative"]), f"{when} training", 1 - k, dash=dash)
            )
    one_percent(made)
    made.update_xaxes(title=f"steps from the {found['after']['from']} of the sequence")
    made.update_yaxes(title="share of the largest")
    return made


WHEN = {"before": "dot", "after": None}


def gradient_by_lag(found: dict[str, Any], what: str = "gradient") -> go.Figure:
    """A norm k steps back over that at 0, for each layer and direction, before and after training.

    **Arguments:** `what`: `"gradient"` of the loss, or `"jacobian"` of the state.
    """
    given.measured("gradient_by_lag", found, "before", "after")
    if what not in ("gradient", "jacobian"):
        raise OptionError(
            f"`gradient_by_lag`: what is {what!r}; expected 'gradient' or 'jacobian'. Choose one."
        )
    made = figure(380)
    for when, dash in WHEN.items():
        for k, layer in enumerate(found[when]["layers"] if found[when] else ()):
            curve = layer[what]
            if curve is None:
                continue
            name = f"{layer['where']}, {when}"
            made.add_trace(line(curve["lag"], drawn(curve["relative"]), name, k, dash=dash))
            if curve["horizon"] is not None:
                made.add_scatter(
                    x=[curve["horizon"]],
                    y=[GONE],
                    mode="markers+text",
                    showlegend=False,
                    marker={
                        "symbol": "line-ns-open",
                        "size": 18,
                        "color": COLOURS[k % len(COLOURS)],
                        "line": {"width": 2.5},
                    },
                    text=[str(curve["horizon"])],
                    textposition="top center",
                    name=f"{safe(name)}: horizon",
                    hovertemplate="1% is left after %{x} steps<extra></extra>",
                )
    one_percent(made)
    made.update_xaxes(title="steps back in the direction of time")
    made.update_yaxes(title="share of what it is at 0")
    return made


def one_percent(made: go.Figure) -> None:
    """The line below which a gradient counts as gone, on a logarithmic axis."""
    made.add_hline(GONE, line={"color": GREY, "dash": "dash", "width": 1})
    made.add_annotation(
        x=1, xref="paper", y=-2, text="1%", showarrow=False, yanchor="top", xanchor="right"
    )
    made.update_yaxes(**log_axis([GONE, 1.0, *(v for t in made.data for v in t.y)]))


def drawn(curve: list[float | None]) -> list[float | None]:
    """Without what is too small beside its largest to be shown on a logarithmic axis."""
    least = LEAST * max((v for v in curve if v is not None), default=0.0)
    return [None if v is None or v <= least else v for v in curve]


def replica_norms(found: dict[str, Any], layer: int = 0) -> go.Figure:
    """The gradient of the replica of each recurrent weight at each step of one sequence.

    **Arguments:** `layer`: its place in `found["replicas"]["layers"]`.
    """
    given.measured("replica_norms", found, "replicas")
    count = len(found["replicas"]["layers"])
    given.place("replica_norms", "layer", layer, count, "layers and directions")
    made = figure(340)
    kept, at = found["replicas"]["layers"][layer], found["replicas"]["at"]
    norms = {k: v for k, v in kept["norms"].items() if not k.endswith("_bias")}
    for k, (name, values) in enumerate(norms.items()):
        made.add_trace(line(at, drawn(values), name, k, dash=("solid", "dash", "dot")[k // 3 % 3]))
    made.update_xaxes(title="step")
    made.update_yaxes(title="norm", **log_axis([v for row in norms.values() for v in row]))
    return made


def over_time(found: dict[str, Any]) -> go.Figure:
    """Gates and states over time, units in rows, below the sequence that they answer to.

    One is visible: `meta` of each trace has its `sequence`, and its `gate or state`.
    """
    given.measured("over_time", found, "data", "gates")
    many = len(found["data"]["channels"]) > LINES
    made = panels(2, 520, 30, row_heights=[0.35, 0.65])
    first = True
    for s, sample in enumerate(found["gates"]):
        for trace in traces(
            sample["sequence"],
            found["data"]["channels"],
            s == 0 and not many,
            meta={"sequence": str(s)},
            visible=s == 0,
        ):
            made.add_trace(trace, 1, 1)
        for w, layer in enumerate(sample["layers"]):
            for name, rows in layer["values"].items():
                state = name.startswith("state ")
                made.add_trace(
                    go.Heatmap(
                        x=sample["at"],
                        y=layer["units"][name],
                        z=rows,
                        visible=first,
                        colorscale=DIVERGING,
                        name="",
                        **({"zmid": 0} if state else {"zmin": 0, "zmax": 1}),
                        meta={"sequence": str(s), "what": f"{w} {name}"},
                        colorbar={"len": 0.62, "y": 0, "yanchor": "bottom", "thickness": 12},
                        hovertemplate="step %{x}, unit %{y}: %{z}<extra></extra>",
                    ),
                    2,
                    1,
                )
                first = False
    if many:
        made.update_layout(coloraxis={"colorscale": DIVERGING, "cmid": 0, "showscale": False})
        made.update_yaxes(autorange="reversed", showticklabels=False, row=1, col=1)
    made.update_yaxes(title="input", showgrid=False, row=1, col=1)
    made.update_yaxes(title="units", showgrid=False, showticklabels=False, row=2, col=1)
    made.update_xaxes(ticks="", row=1, col=1)
    made.update_xaxes(title="step", row=2, col=1)
    return made


def saturation(found: dict[str, Any]) -> go.Figure:
    """What share of each gate's values is nearly closed, between, or nearly open."""
    given.measured("saturation", found, "after")
    rows = [
        (layer["where"], name, gate)
        for layer in found["after"]["layers"]
        for name, gate in layer["gates"].items()
    ]
    made = figure(
        110 + 34 * len(rows), barmode="stack", bargap=0.3, legend_traceorder="normal", hovermode="y"
    )
    shares = {
        "closed, below 0.1": [g["closed"] for *_, g in rows],
        "between": [max(0.0, 1 - g["closed"] - g["open"]) for *_, g in rows],
        "open, above 0.9": [g["open"] for *_, g in rows],
    }
    for (name, values), colour in zip(shares.items(), (COLOURS[0], HALF, COLOURS[1]), strict=True):
        made.add_bar(
            x=rounded(values),
            y=list(range(len(rows))),
            orientation="h",
            name=name,
            marker_color=colour,
            hovertemplate="%{x:.1%}",
        )
    made.update_xaxes(title="share of values", range=[0, 1], tickformat=".0%")
    made.update_yaxes(
        tickvals=list(range(len(rows))),
        autorange="reversed",
        showgrid=False,
        ticktext=[f"{safe(n, 16)}, {w.removeprefix('layer ')}" for w, n, _ in rows],
    )
    return made


def initial_state(model: Model) -> go.Figure:
    """Where each state begins: its units, ordered by value."""
    given.module("initial_state", model)
    made = figure(300)
    for k, (name, values) in enumerate(initial_values(model).items()):
        made.add_trace(
            line(
                thinned(len(values)),
                rounded([values[i] for i in thinned(len(values))]),
                name,
                k,
                dash=("solid", "dash", "dot")[k % 3],
            )
        )
    made.update_xaxes(title="units, ordered by value")
    made.update_yaxes(title="value at the start", zeroline=True)
    return made


def initial_values(model: Model) -> dict[str, list[float]]:
    """Of each learned or given initial state, in order; empty where all begin at 0."""
    found = {}
    for where, direction in directions(model).items():
        named = [*direction.initial.named_parameters(), *direction.initial.named_buffers()]
        for name, vector in named:
            found[f"{where}: {name.removesuffix('0')}"] = sorted(vector.detach().cpu().tolist())
    return found
