"""Learning: the losses of all epochs, and what there is to do about them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from throughtime.report import given
from throughtime.report.markup import paragraphs
from throughtime.report.rounding import rounded, thinned
from throughtime.report.section import Compared, Figure, Part, TestedRun, Written
from throughtime.report.shares import log_axis
from throughtime.report.style import GREY, line, panels, plain
from throughtime.training import Options, Run
from throughtime.training.advice import still_falling

name, title = "learning", "Learning"


def measure(tested: TestedRun) -> Mapping[str, Any]:
    return {}  # the history of a run has all of it


def write(run: Run, measured: object) -> Iterator[Part]:
    says = how_it_went(run.history, run.options)
    if run.history:
        yield Figure("curves", "Learning curves", " ".join(says), learning_curves(run))
    else:
        yield paragraphs(says)


def compare(runs: Sequence[Compared], same_data: bool) -> Written:
    losses = [f"{plain(one.label)} {one.run.history[-1]['loss']:.3g}" for one in runs]
    says = f"Training loss at the end: {', '.join(losses)}."
    drawn = learning_curves(*(one.run for one in runs), names=[one.label for one in runs])
    return Written(name, title, [Figure("curves", "Learning curves", says, drawn)])


def how_it_went(history: list[dict[str, Any]], options: Options) -> list[str]:
    """How the loss went, and what there is to do about it."""
    if not history:
        return ["No epoch is finished yet."]
    first, last = history[0], history[-1]
    says = [
        f"The training loss went from {first['loss']:.3g} to {last['loss']:.3g} in "
        f"{len(history)} epoch{'s' * (len(history) != 1)}, {last['seconds']:.1f} s."
    ]
    if last.get("stopped") == "minutes":
        says.append(f"It ended when its {options.minutes:g} minutes were spent.")
    held_out = [row["validation_loss"] for row in history if "validation_loss" in row]
    if held_out:
        best = min(range(len(held_out)), key=held_out.__getitem__)
        says.append(
            f"The validation loss was lowest, {held_out[best]:.3g}, in epoch {best + 1}; the "
            f"weights are those{_again(history[-1])}."
        )
        if len(held_out) - best > 5 and held_out[-1] > 1.1 * held_out[best]:
            says.append("It rose afterwards while the training loss fell: overfitting.")
    if not held_out and still_falling(history):
        says.append("It was still falling: more epochs may help.")
    if options.clip is not None:
        clipped = sum(row.get("gradient_norm", 0) > options.clip for row in history)
        if clipped:
            says.append(
                f"In {clipped} of {len(history)} epochs some gradient was longer than "
                f"{options.clip:g} and was clipped."
            )
    return says


def _again(last: Mapping[str, Any]) -> str:
    """What was done after the last epoch, where a model was trained once more on all data."""
    again = last.get("again")
    if again is None:
        return ""
    if again == 0:
        return " of the start, which had a lower loss yet, fitted again to the validation part too"
    return f" of a training on the validation part too, of {again} epochs"


def learning_curves(*runs: Run, names: list[str] | None = None) -> go.Figure:
    """Loss and the largest gradient norm over the epochs; several runs in one figure.

    **Arguments:** `names`: what to call each of several runs.

    **Raises:** `CallError` for anything but runs.
    """
    for run in runs or (None,):
        given.run("learning_curves", run)
    metrics = dict.fromkeys(metric for run in runs for metric in _validated(run))
    titles = ["loss", *metrics, "gradient norm"]
    drawn = panels(len(titles), 180 * len(titles) + 60, 24)
    for k, run in enumerate(runs):
        of = f"{names[k]}, " if names else ""
        for panel, curve in _curves(run, of, k if names else None, titles):
            drawn.add_trace(curve, panel, 1)
    for panel, axis in enumerate(titles, 1):
        drawn.update_yaxes(title=axis, row=panel, col=1)
    every = [row for run in runs for row in run.history]
    losses = [row.get(key) for row in every for key in ("loss", "validation_loss")]
    drawn.update_yaxes(**log_axis(losses), row=1, col=1)
    norms = [row.get("gradient_norm") for row in every]
    drawn.update_yaxes(**log_axis(norms), row=len(titles), col=1)
    clip = {run.options.clip for run in runs}
    if len(clip) == 1 and (largest := next(iter(clip))) is not None:
        place: dict[str, Any] = {"row": len(titles), "col": 1}
        drawn.add_hline(largest, line={"color": GREY, "dash": "dash", "width": 1}, **place)
    drawn.update_xaxes(title="epoch", row=len(titles), col=1)
    return drawn


def _validated(run: Run) -> list[str]:
    """The metric of the task, if the history of the run has it beside the loss."""
    metric = run.model.task.metric.name
    known = any(f"validation_{metric}" in row for row in run.history)
    return [metric] if known and metric != "loss" else []


def _curves(
    run: Run, of: str, colour: int | None, panels: list[str]
) -> Iterator[tuple[int, go.Scatter]]:
    """The panel of each curve of a run, and the curve; without a colour each has its own."""
    rows = [run.history[i] for i in thinned(len(run.history))]
    curves = {  # by their keys in the history: titles, panels, dashes and colours
        "loss": ("training", "loss", None, 0),
        "validation_loss": ("validation", "loss", "dash", 1),
        **{f"validation_{metric}": (metric, metric, "dash", 2) for metric in _validated(run)},
        "gradient_norm": ("gradient norm", "gradient norm", "dot", 3),
    }
    for key, (curve, panel, dash, own) in curves.items():
        known = [row for row in rows if row.get(key) is not None]
        epochs, values = [row["epoch"] for row in known], rounded([row[key] for row in known])
        if known:
            drawn = line(
                epochs,
                values,
                of + curve,
                own if colour is None else colour,
                dash=dash,
                showlegend=panel == "loss",
            )
            yield panels.index(panel) + 1, drawn
