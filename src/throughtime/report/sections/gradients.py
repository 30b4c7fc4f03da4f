"""Gradients through time: how far back they reach, in each layer and at the input."""

import copy
import math
from collections.abc import Iterator, Sequence
from typing import Any

import plotly.graph_objects as go
from torch import Tensor

from throughtime.data import Batch, Sequences, collate
from throughtime.diagnose import ByLag, diagnose
from throughtime.errors import OptionError
from throughtime.report import given
from throughtime.report.markup import paragraphs, table
from throughtime.report.rounding import rounded, thinned
from throughtime.report.section import Compared, Figure, Part, TestedRun, Written
from throughtime.report.sections import input_gradient, replicas
from throughtime.report.sections.input_gradient import at_input, how_far
from throughtime.report.sections.moment import Curve, Moment, Moments
from throughtime.report.shares import DASH_OF, GONE, one_percent, visible
from throughtime.report.style import COLOURS, figure, line, one_of, plain, safe
from throughtime.report.words import in_steps, span
from throughtime.tasks import Task
from throughtime.training import Model, Run
from throughtime.training.model import recurrent

name, title = "gradients", "Gradients through time"

LOOKED_AT = 16  # of the longest sequences
PROBES = 4
WORK = 4_000_000  # numbers in one diagnosis, so that it takes no more than about a second


class GradientsMeasured(Moments, replicas.ReplicasMeasured):
    pass


def measure(tested: TestedRun) -> GradientsMeasured:
    """Back from the last step of the longest sequences, before and after training."""
    run, model, test = tested.run, tested.model, tested.test
    task, longest = run.model.task, tested.longest_first
    batch = collate(test, _long(model, test, longest)).to(tested.device)
    before = None
    if run.initial:
        earlier = copy.deepcopy(model)
        earlier.load_state_dict(run.initial)
        before = _moment(earlier, batch, task)
    one = collate(test, longest[:1]).to(tested.device)
    return {
        "lengths": model.read_lengths(batch.lengths).tolist(),
        "before": before,
        "after": _moment(model, batch, task),
        **replicas.measure(model, one, test, task),
    }


def _long(model: Model, test: Sequences, longest: Tensor) -> Tensor:
    """The longest sequences, none of them less than half as long as the longest."""
    most = int(test.lengths.max())
    room = WORK // (most * recurrent(model)[0].hidden_size * (2 * PROBES + 1))
    first = longest[: min(max(room, 1), LOOKED_AT)]
    return first[2 * test.lengths[first] >= most]


def _moment(model: Model, batch: Batch, task: Task) -> Moment:
    """Back from the last step, as far as all of the sequences go: one mean of the same ones."""
    diagnoses = diagnose(
        model,
        batch.x,
        batch.lengths,
        lambda out: task.loss(out, batch),
        n=1,
        sequences=len(batch.lengths),
        probes=PROBES,
    )
    steps, at_once = (
        int(model.steps.lengths(model.read_lengths(batch.lengths)).min()),
        model.steps.at_once,
    )
    layers = [
        {
            "where": layer.where,
            "gradient": layer.flow.gradient and _curve(layer.flow.gradient, steps, at_once),
            "jacobian": _curve(layer.flow.jacobian, steps, at_once),
            "gates": {g.name: {"closed": g.closed, "open": g.open} for g in layer.gates},
        }
        for layer in diagnoses
    ]
    return rounded({"layers": layers, **input_gradient.measure(model, batch, task)})


def _curve(by_lag: ByLag, steps: int, at_once: int) -> dict[str, Any]:
    """As far as `steps` of the layers go, counted in those of the sequence: `at_once` of each."""
    whole = ByLag(by_lag.norms[..., :steps]).to_dict()
    at = thinned(len(whole["relative"]))
    kept = {k: whole[k] for k in ("horizon", "half_life", "rate", "verdict", "lags")}
    for key in ("horizon", "half_life", "lags"):
        kept[key] = kept[key] and kept[key] * at_once
    kept["rate"] = kept["rate"] and kept["rate"] / at_once
    relative = [whole["relative"][k] for k in at]
    return kept | {"lag": [k * at_once for k in at], "relative": relative}


def write(run: Run, measured: GradientsMeasured | None) -> Iterator[Part]:
    if measured is None:
        return
    after, steps = measured["after"], min(measured["lengths"])
    says = " ".join(how_far(after, steps))
    yield Figure("at_input", "What reaches the input", says, at_input(measured))
    if any(layer["gradient"] for layer in after["layers"]):
        yield Figure(
            "gradient",
            "Gradient of the loss by lag",
            " ".join(in_each_layer(measured)),
            gradient_by_lag(measured),
        )
    yield Figure(
        "jacobian",
        "Jacobian of the state by lag",
        "How much a change of the whole state is still felt k steps later, whatever the "
        "loss asks for.",
        gradient_by_lag(measured, "jacobian"),
    )
    yield replicas.over_time(measured)


def in_each_layer(measured: Moments) -> list[str]:
    """How far back the gradient of the loss reaches in each layer and direction."""
    says = [f"Back from the last step of the {_sequences(measured['lengths'])}."]
    before = measured["before"]
    curves = [
        (layer["where"], layer["gradient"], before and before["layers"][k]["gradient"])
        for k, layer in enumerate(measured["after"]["layers"])
        if layer["gradient"]
    ]
    if len(curves) > 2:
        curves.sort(key=lambda c: c[1]["horizon"] or math.inf)
        curves = [curves[0], curves[-1]]
        says[0] = says[0][:-1] + ": the shortest and the longest of all layers and directions."
    for where, after, earlier in curves:
        text = f"{where.capitalize()}: after training {_reach(after)}"
        says.append(f"{text}; before, {_reach(earlier)}." if earlier else f"{text}.")
    return says


def _sequences(lengths: list[int]) -> str:
    count = f"{len(lengths)} longest test sequences"
    return f"{count if len(lengths) > 1 else 'longest test sequence'}, {span(lengths)} steps"


def _reach(curve: Curve) -> str:
    if curve["horizon"] is not None:
        return f"the gradient falls below 1% after {in_steps(curve['horizon'])}"
    if curve["verdict"] == "exploding":
        factor = math.exp(curve["rate"] or 0.0)
        return f"the gradient grows by a factor of {factor:.3g} a step"
    left = [v for v in curve["relative"] if v is not None]
    if not left:  # every step is compared with the last one
        return "the gradient is 0 at the last step, so that no step can be compared with it"
    steps = in_steps(curve["lags"])
    return f"{left[-1]:.0%} of the gradient is left after {steps}, the whole length"


def gradient_by_lag(measured: Moments, what: str = "gradient") -> go.Figure:
    """A norm k steps back over that at 0, for each layer and direction, before and after training.

    **Arguments:** `what`: `"gradient"` of the loss, or `"jacobian"` of the state.

    **Raises:** `CallError` for anything but what `measure` or `kept` returned, `OptionError` for
    another `what`.
    """
    given.measured("gradient_by_lag", measured, "before", "after")
    if what not in ("gradient", "jacobian"):
        raise OptionError(
            f"`gradient_by_lag`: what is {what!r}; expected 'gradient' or 'jacobian'. Choose one."
        )
    drawn = figure(380)
    for when, dash in DASH_OF.items():
        moment = measured[when]
        for k, layer in enumerate(moment["layers"] if moment else ()):
            curve = layer[what]
            if curve is None:
                continue
            label = f"{layer['where']}, {when}"
            drawn.add_trace(line(curve["lag"], visible(curve["relative"]), label, k, dash=dash))
            if curve["horizon"] is not None:
                drawn.add_trace(_horizon_mark(curve["horizon"], label, k))
    _axes_by_lag(drawn)
    return drawn


def _axes_by_lag(drawn: go.Figure) -> None:
    one_percent(drawn)
    drawn.update_xaxes(title="steps back in the direction of time")
    drawn.update_yaxes(title="share of what it is at 0")


def _horizon_mark(horizon: int, label: str, k: int) -> go.Scatter:
    colour = COLOURS[k % len(COLOURS)]
    return go.Scatter(
        x=[horizon],
        y=[GONE],
        mode="markers+text",
        showlegend=False,
        marker={"symbol": "line-ns-open", "size": 18, "color": colour, "line": {"width": 2.5}},
        text=[str(horizon)],
        textposition="top center",
        name=f"{safe(label)}: horizon",
        hovertemplate="1% is left after %{x} steps<extra></extra>",
    )


def compare(runs: Sequence[Compared], same_data: bool) -> Written:
    parts: list[Part] = [
        paragraphs(
            [
                f"{plain(one.label)}: not measured. Write its own report first, with "
                "`throughtime report`."
            ],
            "note",
        )
        for one in runs
        if not one.measured
    ]
    known = [one for one in runs if one.measured]
    if known:
        parts += [_curves_beside(known), _horizons_beside(known)]
    return Written(name, title, parts)


def _curves_beside(runs: Sequence[Compared]) -> Figure:
    layers = [layer for one in runs for layer in one.measured["after"]["layers"]]
    places = list(dict.fromkeys(layer["where"] for layer in layers if layer["gradient"]))
    labels, measured = [one.label for one in runs], [one.measured for one in runs]
    every = [gradients_beside(labels, measured, where) for where in places]
    choice = [(str(k), where) for k, where in enumerate(places)]
    return Figure(
        "gradient",
        "Gradient of the loss by lag",
        "How many steps back 1% of it is left: the table has it for each run, layer and direction.",
        one_of(every, "layer"),
        replicas.titled(places, every),
        [("layer", "Layer and direction", choice)] if len(every) > 1 else [],
    )


def gradients_beside(labels: Sequence[str], measured: Sequence[Moments], where: str) -> go.Figure:
    """The gradient of the loss by lag of several runs, in one layer and direction."""
    drawn = figure(380)
    for k, (label, one) in enumerate(zip(labels, measured, strict=True)):
        for when, dash in DASH_OF.items():
            moment = one[when]
            for layer in moment["layers"] if moment else ():
                if layer["where"] == where and layer["gradient"]:
                    curve = layer["gradient"]
                    shares = visible(curve["relative"])
                    drawn.add_trace(line(curve["lag"], shares, f"{label}, {when}", k, dash=dash))
    _axes_by_lag(drawn)
    return drawn


def _horizons_beside(runs: Sequence[Compared]) -> Part:
    rows = [
        [
            plain(one.label),
            plain(layer["where"]),
            *(_horizon(one.measured[when], k) for when in DASH_OF),
            min(one.measured["lengths"]),
        ]
        for one in runs
        for k, layer in enumerate(one.measured["after"]["layers"])
    ]
    return table(
        ["run", "layer", "before training", "after", "steps looked at"],
        rows,
        "Steps back until 1% of the gradient of the loss is left",
    )


def _horizon(moment: Moment | None, k: int) -> Any:
    curve = moment and moment["layers"][k]["gradient"]
    return curve and (curve["horizon"] if curve["horizon"] is not None else "beyond")
