"""Gates and states: how open the gates are, and how they move in sequences that one chooses."""

from collections.abc import Iterable, Iterator
from typing import Any, TypedDict

import plotly.graph_objects as go
import torch
from torch import Tensor

from throughtime import diagnose
from throughtime.data import collate
from throughtime.report import given
from throughtime.report.markup import paragraphs, table
from throughtime.report.rounding import rounded, thinned
from throughtime.report.section import Figure, Part, TestedRun
from throughtime.report.sections.data import DataMeasured
from throughtime.report.sections.moment import GateShares, Moments
from throughtime.report.sequence import LINES, Drawn, described, examples, traces
from throughtime.report.style import COLOURS, DIVERGING, figure, panels, plain, safe
from throughtime.training import Run

name, title = "gates", "Gates and states"

UNITS = 24  # of a gate or state that is drawn, at most
STEPS = 200  # of a sequence, at most
NUMBERS = 120_000  # in all gates over time together
HALF = "#c9c9c4"  # the colour of values that are neither open nor closed


class LayerOverTime(TypedDict):
    """One layer and direction: of each gate and state the units that are kept, and their rows."""

    where: str
    units: dict[str, list[int]]
    values: dict[str, list[list[float]]]


class Sample(TypedDict):
    """One sequence, and the gates and states at its steps `at`."""

    sequence: Drawn
    at: list[int]
    layers: list[LayerOverTime]


class Samples(TypedDict):
    gates: list[Sample]


class GatesMeasured(Samples, Moments, DataMeasured):
    """The section also reads how open the gates are, measured with the gradients."""


def measure(tested: TestedRun) -> Samples:
    """Gates and states over time, for one sequence of each class and the longest."""
    model, test = tested.model, tested.test
    chosen = list(dict.fromkeys([*examples(test, 7), int(tested.longest_first[0])]))
    samples: list[Sample] = []
    room = NUMBERS
    for k in chosen:
        batch = collate(test, torch.tensor([k])).to(tested.device)
        at = thinned(int(model.steps.lengths(model.read_lengths(batch.lengths))[0]), STEPS)
        layers = [_layer(p, at) for p in diagnose.passages(model, batch.x, batch.lengths)]
        room -= sum(len(at) * len(rows) for layer in layers for rows in layer["values"].values())
        if samples and room < 0:
            break
        starts = [step * model.steps.at_once for step in at]  # of those that are read as one
        samples.append({"sequence": described(test, k), "at": starts, "layers": layers})
    return {"gates": samples}


def _layer(passage: diagnose.Passage, at: list[int]) -> LayerOverTime:
    kept: dict[str, Tensor] = {g.name: g.values for g in diagnose.gates(passage)}
    kept |= {f"state {state}": values for state, values in passage.states.items()}
    units = {key: thinned(values.shape[-1], UNITS) for key, values in kept.items()}
    return {
        "where": passage.where,
        "units": units,
        "values": {key: _short(values[at, 0][:, units[key]].T) for key, values in kept.items()},
    }


def _short(values: Tensor) -> list[list[float]]:
    """With three decimals, which is more than a colour shows."""
    rows: Iterable[list[float]] = values.double().tolist()
    return [[round(v, 3) for v in row] for row in rows]


def write(run: Run, measured: GatesMeasured | None) -> Iterator[Part]:
    if measured is None:
        return
    gated = any(layer["gates"] for layer in measured["after"]["layers"])
    yield paragraphs(how_open(measured))
    if gated:
        yield Figure(
            "saturation",
            "Open and closed",
            "What share of each gate's values, over steps, sequences and units, is nearly "
            "closed or nearly open.",
            saturation(measured),
        )
    samples = measured["gates"]
    sequences = [(str(k), _called(sample["sequence"])) for k, sample in enumerate(samples)]
    what = [
        (f"{k} {key}", f"{layer['where']}: {plain(key, 24)}")
        for k, layer in enumerate(samples[0]["layers"])
        for key in layer["values"]
    ]
    most = max(len(units) for units in samples[0]["layers"][0]["units"].values())
    yield Figure(
        "over_time",
        "Gates and states over time" if gated else "States over time",
        f"Of a sequence that you choose; {most} units, evenly spaced among all.",
        over_time(measured),
        _numbers(samples),
        [("sequence", "Sequence", sequences), ("what", "Gate or state", what)],
    )


def _called(sequence: Drawn) -> str:
    of_class = f", class {plain(sequence['label'], 24)}" if "label" in sequence else ""
    return f"{plain(sequence['name'], 24)}{of_class}"


def _numbers(samples: list[Sample]) -> Any:
    """A row for each sequence and each gate or state in it."""
    rows = [
        [
            plain(sample["sequence"]["name"]),
            plain(f"{layer['where']}: {key}"),
            *(sum(row[k] for row in values) / len(values) for k in (0, len(sample["at"]) // 2, -1)),
            min(map(min, values)),
            max(map(max, values)),
        ]
        for sample in samples
        for layer in sample["layers"]
        for key, values in layer["values"].items()
    ]
    head = ["mean at the first step", "in the middle", "at the last", "least", "greatest"]
    return table(["sequence", "gate or state", *head], rows)


def _gates(measured: Moments) -> list[tuple[str, str, GateShares]]:
    """Where each gate is, its name, and how open it is."""
    layers = measured["after"]["layers"]
    return [(la["where"], gate, shares) for la in layers for gate, shares in la["gates"].items()]


def how_open(measured: Moments) -> list[str]:
    """Which gates are hardly used."""
    gates = _gates(measured)
    if not gates:
        return ["This cell has no gates; below are its states."]
    stuck = [
        f"{plain(gate)} ({where}) is {'open' if shares['open'] > 0.9 else 'closed'}"
        for where, gate, shares in gates
        if max(shares["open"], shares["closed"]) > 0.9
    ]
    if stuck:
        return [f"Nearly always: {', '.join(stuck)}. A gate that does not move decides nothing."]
    where, gate, shares = max(gates, key=lambda g: g[2]["open"] + g[2]["closed"])
    return [
        f"The most decided gate is {plain(gate)} ({where}): {shares['closed']:.0%} of its values "
        f"are below 0.1 and {shares['open']:.0%} above 0.9."
    ]


def saturation(measured: Moments) -> go.Figure:
    """What share of each gate's values is nearly closed, between, or nearly open.

    **Raises:** `CallError` for anything but what `measure` or `kept` returned.
    """
    given.measured("saturation", measured, "after")
    gates = _gates(measured)
    drawn = figure(
        110 + 34 * len(gates),
        barmode="stack",
        bargap=0.3,
        legend_traceorder="normal",
        hovermode="y",
    )
    parts = {
        "closed, below 0.1": [g["closed"] for *_, g in gates],
        "between": [max(0.0, 1 - g["closed"] - g["open"]) for *_, g in gates],
        "open, above 0.9": [g["open"] for *_, g in gates],
    }
    for (part, shares), colour in zip(parts.items(), (COLOURS[0], HALF, COLOURS[1]), strict=True):
        drawn.add_bar(
            x=rounded(shares),
            y=list(range(len(gates))),
            orientation="h",
            name=part,
            marker_color=colour,
            hovertemplate="%{x:.1%}",
        )
    drawn.update_xaxes(title="share of values", range=[0, 1], tickformat=".0%")
    drawn.update_yaxes(
        tickvals=list(range(len(gates))),
        autorange="reversed",
        showgrid=False,
        ticktext=[f"{safe(g, 16)}, {where.removeprefix('layer ')}" for where, g, _ in gates],
    )
    return drawn


def over_time(measured: GatesMeasured) -> go.Figure:
    """Gates and states over time, units in rows, below the sequence that they answer to.

    One is visible: `meta` of each trace has its `sequence`, and its `gate or state`.

    **Raises:** `CallError` for anything but what `measure` or `kept` returned.
    """
    given.measured("over_time", measured, "data", "gates")
    channels = measured["data"]["channels"]
    many = len(channels) > LINES
    drawn = panels(2, 520, 30, row_heights=[0.35, 0.65])
    for s, sample in enumerate(measured["gates"]):
        shown: dict[str, Any] = {"meta": {"sequence": str(s)}, "visible": s == 0}
        for trace in traces(sample["sequence"], channels, s == 0 and not many, **shown):
            drawn.add_trace(trace, 1, 1)
        for k, layer in enumerate(sample["layers"]):
            for j, key in enumerate(layer["values"]):
                meta = {"sequence": str(s), "what": f"{k} {key}"}
                drawn.add_trace(_map(sample, layer, key, meta, s == k == j == 0), 2, 1)
    if many:
        drawn.update_layout(coloraxis={"colorscale": DIVERGING, "cmid": 0, "showscale": False})
        drawn.update_yaxes(autorange="reversed", showticklabels=False, row=1, col=1)
    drawn.update_yaxes(title="input", showgrid=False, row=1, col=1)
    drawn.update_yaxes(title="units", showgrid=False, showticklabels=False, row=2, col=1)
    drawn.update_xaxes(ticks="", row=1, col=1)
    drawn.update_xaxes(title="step", row=2, col=1)
    return drawn


def _map(
    sample: Sample, layer: LayerOverTime, key: str, meta: dict[str, str], visible: bool
) -> go.Heatmap:
    """One gate, from 0 to 1, or one state, about 0."""
    scale = {"zmid": 0} if key.startswith("state ") else {"zmin": 0, "zmax": 1}
    return go.Heatmap(
        x=sample["at"],
        y=layer["units"][key],
        z=layer["values"][key],
        visible=visible,
        colorscale=DIVERGING,
        name="",
        **scale,
        meta=meta,
        colorbar={"len": 0.62, "y": 0, "yanchor": "bottom", "thickness": 12},
        hovertemplate="step %{x}, unit %{y}: %{z}<extra></extra>",
    )
