"""Runs side by side: results, settings that differ, curves in one figure each."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from throughtime.errors import OptionError
from throughtime.report import findings, given
from throughtime.report.numbers import numbers, table
from throughtime.report.of_results import confusion, learning_curves
from throughtime.report.of_time import drawn, one_percent
from throughtime.report.one_run import BASELINES, data_name, name, parameters
from throughtime.report.page import Figure, Section, page, paragraphs
from throughtime.report.style import figure, line, one_of, plain, safe
from throughtime.training import Run


def compare(runs: Sequence[Run], found: Sequence[dict[str, Any] | None]) -> str:
    """Several runs as one HTML file.

    Runs on different data are compared too, but neither ranked nor their confusions subtracted:
    accuracies on different test sequences say nothing about each other.

    **Arguments:** `found`: what `measure` says of each, where it is known.

    **Raises:** `OptionError` for less than two runs, or a run that is not tested.
    """
    given.runs("compare", runs)
    if len(runs) < 2:
        raise OptionError(
            f"`compare`: runs has {len(runs)} run; expected 2 or more. Name another run folder."
        )
    for run in runs:
        if not {"test", "linear", "majority"} <= {*run.results}:
            raise OptionError(
                f"`compare`: {run.folder} has no results yet; expected runs that were tested. "
                f"Finish it with `throughtime train --resume {run.folder}`."
            )
    names = _names(runs)
    same = len({_tested_on(run) for run in runs}) == 1
    sections = [
        Section("results", "Results", list(_results(runs, names, same))),
        Section("learning", "Learning", list(_learning(runs, names))),
        Section("gradients", "Gradients through time", list(_gradients(names, found))),
        *([Section("confusions", "Confusions", list(_confusions(runs, names)))] if same else []),
    ]
    title = f"{len(runs)} runs on {data_name(runs[0])}" if same else f"{len(runs)} runs"
    return page(title, ", ".join(plain(run.folder, 60) for run in runs), sections)


def _names(runs: Sequence[Run]) -> list[str]:
    """The cells, if that tells the runs apart, else their folders."""
    for names in ([name(run) for run in runs], [Path(run.folder or "").name for run in runs]):
        if len({*names}) == len(names):
            return names
    return [f"{k + 1}: {n}" for k, n in enumerate(names)]


def _tested_on(run: Run) -> Any:
    data = run.details.get("data") or {}
    return (data.get("sha256") or [None, str(run.folder)])[-1]


def _results(runs: Sequence[Run], names: list[str], same: bool) -> Iterator[str]:
    if same:
        yield paragraphs(findings.ranked(names, [run.results for run in runs]), "lead")
    else:
        yield paragraphs(
            [
                "These runs were not tested on the same sequences: their accuracies "
                "cannot be compared with each other."
            ],
            "lead",
        )
    head = [
        "run",
        *["data"] * (not same),
        "accuracy",
        "test loss",
        "parameters",
        "epochs",
        "seconds",
    ]
    rows = [
        [
            safe(label),
            *[safe(data_name(run))] * (not same),
            f"{run.results['test']['accuracy']:.4f}",
            f"{run.results['test']['loss']:.4f}",
            f"{parameters(run):,}",
            len(run.history),
            f"{run.history[-1]['seconds']:.1f}",
        ]
        for label, run in zip(names, runs, strict=True)
    ]
    for label, key in BASELINES if same else ():
        rows.append([label, f"{runs[0].results[key]['accuracy']:.4f}", *[None] * 4])
    yield table(head, rows)
    settings = [_settings(run) for run in runs]
    keys = [k for k in settings[0] if len({str(s.get(k)) for s in settings}) > 1]
    yield "<h3>Settings that differ</h3>"
    if keys:
        rows = [[safe(k), *(safe(s.get(k), 120) for s in settings)] for k in keys]
        yield table(["setting", *map(safe, names)], rows, kind="facts")
    else:
        yield paragraphs(["None."])


def _settings(run: Run) -> dict[str, Any]:
    model = run.model.describe()
    layers = {
        f"{k}{f' ({i + 1})' if i else ''}": v
        for i, layer in enumerate(model["recurrent"])
        for k, v in layer.items()
        if k not in ("programs", "cells")
    }
    cells = [", ".join(dict.fromkeys(sum(r["cells"], []))) for r in model["recurrent"]]
    top = {k: model[k] for k in ("pooling", "output")}
    return {"cell": " + ".join(cells), **layers, **top, **asdict(run.options), **run.versions}


def _learning(runs: Sequence[Run], names: list[str]) -> Iterator[Figure]:
    met = [(plain(n), run.history[-1]["loss"]) for n, run in zip(names, runs, strict=True)]
    said = f"Training loss at the end: {', '.join(f'{n} {loss:.3g}' for n, loss in met)}."
    yield Figure("curves", "Learning curves", said, learning_curves(*runs, names=names))


def gradients_beside(
    names: Sequence[str], found: Sequence[dict[str, Any]], where: str
) -> go.Figure:
    """The gradient of the loss by lag of several runs, in one layer and direction."""
    made = figure(380)
    for k, (label, one) in enumerate(zip(names, found, strict=True)):
        for when, dash in (("before", "dot"), ("after", None)):
            for layer in one[when]["layers"] if one[when] else ():
                if layer["where"] == where and layer["gradient"]:
                    curve = layer["gradient"]
                    y, title = drawn(curve["relative"]), f"{label}, {when}"
                    made.add_trace(line(curve["lag"], y, title, k, dash=dash))
    one_percent(made)
    made.update_xaxes(title="steps back in the direction of time")
    made.update_yaxes(title="share of what it is at 0")
    return made


def _gradients(names: list[str], found: Sequence[dict[str, Any] | None]) -> Iterator[str | Figure]:
    known = [(n, f) for n, f in zip(names, found, strict=True) if f]
    for label in (n for n, f in zip(names, found, strict=True) if not f):
        yield paragraphs(
            [
                f"{plain(label)}: not measured. Write its own report first, with "
                "`throughtime report`."
            ],
            "note",
        )
    if not known:
        return
    places = list(
        dict.fromkeys(
            layer["where"] for _, f in known for layer in f["after"]["layers"] if layer["gradient"]
        )
    )
    labels, measured = [n for n, _ in known], [f for _, f in known]
    every = [gradients_beside(labels, measured, where) for where in places]
    said = (
        "How many steps back 1% of it is left: the table has it for each run, layer and direction."
    )
    tables = "".join(f"<p>{safe(w)}</p>{numbers(f)}" for w, f in zip(places, every, strict=True))
    choice = [(str(k), w) for k, w in enumerate(places)]
    yield Figure(
        "gradient",
        "Gradient of the loss by lag",
        said,
        one_of(every, "layer"),
        tables,
        [("layer", "Layer and direction", choice)] if len(every) > 1 else [],
    )
    rows = [
        [
            safe(label),
            safe(layer["where"]),
            _horizon(one, "before", k),
            _horizon(one, "after", k),
            min(one["lengths"]),
        ]
        for label, one in known
        for k, layer in enumerate(one["after"]["layers"])
    ]
    yield table(
        ["run", "layer", "before training", "after", "steps looked at"],
        rows,
        "Steps back until 1% of the gradient of the loss is left",
    )


def _horizon(found: dict[str, Any], when: str, k: int) -> Any:
    curve = found[when] and found[when]["layers"][k]["gradient"]
    return curve and (curve["horizon"] if curve["horizon"] is not None else "beyond")


def _confusions(runs: Sequence[Run], names: list[str]) -> Iterator[str | Figure]:
    first = runs[0].results["test"]
    for k, (label, run) in enumerate(zip(names[1:], runs[1:], strict=True)):
        yield Figure(
            f"difference{k}",
            f"{plain(label)} beside {plain(names[0])}",
            "How many test sequences more (orange) or fewer (blue) it takes for each class.",
            confusion(run.results["test"], first),
        )
