"""The gradient of each replica of a weight: a part of the gradients through time."""

from typing import Any, TypedDict

import plotly.graph_objects as go
from markupsafe import Markup

from throughtime import bptt
from throughtime.data import Batch, Sequences
from throughtime.report import given
from throughtime.report.numbers import numbers
from throughtime.report.rounding import rounded, thinned
from throughtime.report.section import Figure
from throughtime.report.shares import log_axis, visible
from throughtime.report.style import figure, line, one_of, plain
from throughtime.tasks import Task
from throughtime.training import Model


class LayerReplicas(TypedDict):
    """Of one layer and direction, the norms over the steps for each of its weights."""

    where: str
    norms: dict[str, list[float]]


class Replicas(TypedDict):
    """Of the loss of one sequence: the norm of each replica of each weight at the steps `at`."""

    sequence: str
    steps: int
    at: list[int]
    layers: list[LayerReplicas]


class ReplicasMeasured(TypedDict):
    replicas: Replicas


def measure(model: Model, batch: Batch, test: Sequences, task: Task) -> ReplicasMeasured:
    """**Arguments:** `batch`: has one sequence of `test`."""
    at = thinned(int(model.steps.lengths(model.read_lengths(batch.lengths))[0]))
    by_layer = bptt.replicas(model, lambda: task.loss(model(batch.x, batch.lengths), batch))
    layers: list[LayerReplicas] = [
        {"where": r.where, "norms": {k: rounded(v[at]) for k, v in r.norms.items()}}
        for r in by_layer
    ]
    return {
        "replicas": {
            "sequence": test.names[int(batch.indices[0])],
            "steps": int(model.read_lengths(batch.lengths)[0]),
            "at": [step * model.steps.at_once for step in at],
            "layers": layers,
        }
    }


def over_time(measured: ReplicasMeasured) -> Figure:
    """All layers and directions, of which the reader chooses one."""
    replicas = measured["replicas"]
    every = [replica_norms(measured, k) for k in range(len(replicas["layers"]))]
    places = [(str(k), layer["where"]) for k, layer in enumerate(replicas["layers"])]
    return Figure(
        "replicas",
        "Replicas over time",
        "Each step has its replica of every weight. The norm of the gradient of each, for "
        f"the loss of one sequence ({plain(replicas['sequence'])}): their sum is what the "
        "optimiser gets.",
        one_of(every, "layer"),
        titled([where for _, where in places], every),
        [("layer", "Layer and direction", places)] if len(every) > 1 else [],
    )


def titled(titles: list[str], figures: list[go.Figure]) -> Markup:
    """The numbers of several figures, each below its title."""
    pieces = zip(titles, figures, strict=True)
    return Markup().join(Markup("<p>{}</p>{}").format(plain(t), numbers(f)) for t, f in pieces)


def replica_norms(measured: ReplicasMeasured, layer: int = 0) -> go.Figure:
    """The gradient of the replica of each recurrent weight at each step of one sequence.

    **Arguments:** `layer`: its place in `measured["replicas"]["layers"]`.

    **Raises:** `CallError` for anything but what `measure` or `kept` returned, `OptionError` for
    a layer that there is not.
    """
    given.measured("replica_norms", measured, "replicas")
    layers: list[Any] = measured["replicas"]["layers"]
    given.place("replica_norms", "layer", layer, len(layers), "layers and directions")
    drawn = figure(340)
    at = measured["replicas"]["at"]
    norms = {k: v for k, v in layers[layer]["norms"].items() if not k.endswith("_bias")}
    for k, (weight, values) in enumerate(norms.items()):
        dash = ("solid", "dash", "dot")[k // 3 % 3]
        drawn.add_trace(line(at, visible(values), weight, k, dash=dash))
    drawn.update_xaxes(title="step")
    drawn.update_yaxes(title="norm", **log_axis([v for row in norms.values() for v in row]))
    return drawn
