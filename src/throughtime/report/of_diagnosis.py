"""A whole diagnosis in one figure: how far gradients reach, along which paths, through which gates.

Drawn from what `throughtime.diagnose.diagnose` returns, without a run.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import plotly.graph_objects as go

from throughtime.diagnose import ByLag, Diagnosis
from throughtime.report import given
from throughtime.report.rounding import rounded, thinned
from throughtime.report.shares import GONE, log_axis, visible
from throughtime.report.style import GREY, line, panels

Curves = Iterator[go.Scatter]
LAG, SHARE = "steps back in the direction of time", "share of what it is at 0"
HEIGHT, GAP = 300, 70  # of a panel and between two, in pixels
DASHES = ("solid", "dash", "dot", "dashdot")


def diagnosis(layers: Sequence[Diagnosis] | Diagnosis) -> go.Figure:
    """All that `diagnose` found, in panels one below the other.

    The gradient of the loss and the Jacobian over the lag; each state along all paths and along
    the direct one; the gates over time; and how many paths through rectifiers are cut by each lag.
    What a network does not have is left out.

    ```python
    report.diagnosis(diagnose(model, x, lengths, loss))
    ```

    **Arguments:** `layers`: what `diagnose` returned, or some of it.

    **Raises:** `CallError` for anything else.
    """
    layers = given.diagnosis("diagnosis", layers)
    curves_of = {
        ("Gradients by lag", LAG, SHARE): list(_gradients(layers)),
        ("All paths and the direct one", LAG, SHARE): list(_states(layers)),
        ("Gates", "step", "mean over sequences and units"): list(_gates(layers)),
        ("Paths through rectifiers", LAG, "share that is cut"): list(_cuts(layers)),
    }
    curves_of = {place: curves for place, curves in curves_of.items() if curves}
    height = HEIGHT * len(curves_of) + GAP
    drawn = panels(
        len(curves_of), height, GAP, False, subplot_titles=[title for title, *_ in curves_of]
    )
    for row, ((_, across, up), curves) in enumerate(curves_of.items(), 1):
        legend = "legend" if row == 1 else f"legend{row}"
        for curve in curves:
            drawn.add_trace(curve.update(legend=legend), row, 1)
        place: dict[str, Any] = {"row": row, "col": 1}
        top = next(drawn.select_yaxes(**place)).domain[1]
        drawn.update_layout({legend: {"orientation": "v", "x": 1.01, "y": top, "yanchor": "top"}})
        drawn.update_xaxes(title=across, **place)
        drawn.update_yaxes(title=up, **place)
        if up == SHARE:
            shares = [v for curve in curves for v in curve.y or ()]
            drawn.update_yaxes(**log_axis([GONE, 1.0, *shares]), **place)
            drawn.add_hline(GONE, line={"color": GREY, "dash": "dash", "width": 1}, **place)
    drawn.update_layout(margin_t=40)
    return drawn


def _by_lag(by_lag: ByLag, name: str, k: int, dash: str) -> go.Scatter:
    relative = by_lag.relative[: by_lag.lags + 1].tolist()
    at = thinned(len(relative))
    return line(at, visible(rounded([relative[lag] for lag in at])), name, k, dash=dash)


def _gradients(layers: Sequence[Diagnosis]) -> Curves:
    for k, layer in enumerate(layers):
        if layer.flow.gradient is not None:
            yield _by_lag(layer.flow.gradient, f"{layer.where}: gradient of the loss", k, "solid")
        yield _by_lag(layer.flow.jacobian, f"{layer.where}: Jacobian", k, "dash")


def _states(layers: Sequence[Diagnosis]) -> Curves:
    k = 0
    for layer in layers:
        for name, direct in layer.direct.items():
            total = layer.flow.of_states[name]
            yield _by_lag(total, f"{layer.where}: {name}, all paths", k, "solid")
            yield _by_lag(direct, f"{layer.where}: {name}, direct path", k, "dash")
            k += 1


def _gates(layers: Sequence[Diagnosis]) -> Curves:
    for k, layer in enumerate(layers):
        for j, gate in enumerate(layer.gates):
            mean = gate.mean.tolist()
            at = thinned(len(mean))
            name, dash = f"{layer.where}: {gate.name}", DASHES[j % len(DASHES)]
            yield line(at, rounded([mean[t] for t in at]), name, k, dash=dash)


def _cuts(layers: Sequence[Diagnosis]) -> Curves:
    for k, layer in enumerate(layers):
        if layer.cuts is None:
            continue
        counts = layer.cuts[layer.cuts >= 0].bincount()
        share: list[Any] = (counts.cumsum(0) / max(layer.cuts.numel(), 1)).tolist()
        at = thinned(len(share))
        yield line(at, rounded([share[lag] for lag in at]), layer.where, k)
