"""Runs side by side: results, settings that differ, curves in one figure each."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from throughtime.errors import OptionError
from throughtime.report import given, naming, outline
from throughtime.report.markup import heading, paragraphs, table
from throughtime.report.page import page
from throughtime.report.section import Comparable, Compared, Part
from throughtime.report.style import plain
from throughtime.training import Run
from throughtime.training.model import LATER


def compare(runs: Sequence[Run], measured: Sequence[Mapping[str, Any] | None]) -> str:
    """Several runs as one HTML file.

    Runs on different data are compared too, but neither ranked nor their confusions subtracted:
    accuracies on different test sequences say nothing about each other.

    **Arguments:** `measured`: what `measure` says of each, where it is known.

    **Raises:** `OptionError` for less than two runs, or a run that is not tested; `CallError` for
    another kind of argument.
    """
    given.runs("compare", runs)
    if len(runs) < 2:
        raise OptionError(
            f"`compare`: runs has {len(runs)} run; expected 2 or more. Name another run folder."
        )
    for run in runs:
        if "test" not in run.results:
            raise OptionError(
                f"`compare`: {run.folder} has no results yet; expected runs that were tested. "
                f"Finish it with `throughtime train --resume {run.folder}`."
            )
    same_data = len({(_tested_on(run), run.model.task.metric.name) for run in runs}) == 1
    compared = [Compared(*one) for one in zip(_names(runs), runs, measured, strict=True)]
    sections = [
        section.compare(compared, same_data)
        for section in outline.beside(runs[0])
        if isinstance(section, Comparable)
    ]
    sections = [s._replace(folded=s.name in outline.FOLDED) for s in sections]
    first = sections[0]
    sections[0] = first._replace(parts=[*first.parts, *_settings_that_differ(compared)])
    title = f"{len(runs)} runs on {naming.data(runs[0])}" if same_data else f"{len(runs)} runs"
    return page(title, ", ".join(plain(run.folder, 60) for run in runs), sections)


def _names(runs: Sequence[Run]) -> list[str]:
    """The cells, if that tells the runs apart, else their folders."""
    for names in (
        [naming.cell(run) for run in runs],
        [Path(run.folder or "").name for run in runs],
    ):
        if len({*names}) == len(names):
            return names
    return [f"{k + 1}: {n}" for k, n in enumerate(names)]


def _tested_on(run: Run) -> Any:
    data = run.details.get("data") or {}
    return (data.get("sha256") or [None, str(run.folder)])[-1]


def _settings_that_differ(runs: Sequence[Compared]) -> list[Part]:
    settings = [_settings(one.run) for one in runs]
    keys = [k for k in settings[0] if len({str(s.get(k)) for s in settings}) > 1]
    if not keys:
        return [heading("Settings that differ"), paragraphs(["None."])]
    rows = [[plain(k), *(plain(s.get(k), 120) for s in settings)] for k in keys]
    head = ["setting", *(plain(one.label) for one in runs)]
    return [heading("Settings that differ"), table(head, rows, kind="facts")]


def _settings(run: Run) -> dict[str, Any]:
    model = run.model.describe()
    layers = {
        f"{k}{f' ({i + 1})' if i else ''}": v
        for i, layer in enumerate(model["recurrent"])
        for k, v in layer.items()
        if k not in ("programs", "cells")
    }
    cells = [", ".join(dict.fromkeys(sum(r["cells"], []))) for r in model["recurrent"]]
    top = {k: model[k] for k in ("pooling", "output", *LATER)}
    return {"cell": " + ".join(cells), **layers, **top, **asdict(run.options), **run.versions}
