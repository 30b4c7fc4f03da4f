"""Errors by the step of the horizon: how far ahead a forecast can be believed."""

from collections.abc import Iterator, Mapping
from typing import Any

import plotly.graph_objects as go

from throughtime.report.rounding import rounded, thinned
from throughtime.report.section import Figure, Part, TestedRun
from throughtime.report.sections.forecast import beside
from throughtime.report.sections.result import is_tested
from throughtime.report.style import line, panels
from throughtime.training import Run

name, title = "steps_ahead", "Steps ahead"
ERRORS = ("MASE", "RMSE")


def measure(tested: TestedRun) -> Mapping[str, Any]:
    return {}  # the results of a run have all of it


def write(run: Run, measured: Any) -> Iterator[Part]:
    if not is_tested(run) or len(run.results["test"]["by_step"]["MASE"]) < 2:
        return
    yield Figure(
        "steps_ahead",
        "Error at each step ahead",
        says(run.results["test"]["by_step"]["MASE"]),
        by_step(beside(run)),
    )


def says(mase: list[float | None] | tuple[float | None, ...]) -> str:
    """How the error grows with the steps ahead, in a sentence."""
    known = [(step, error) for step, error in enumerate(mase, 1) if error is not None]
    if len(known) < 2:
        return "The error of the middle quantile at each step ahead, where what came is known."
    (first, near), (last, far) = known[0], known[-1]
    worst, largest = max(known, key=lambda one: one[1])
    where = "" if worst in (first, last) else f"; it is largest {worst} steps ahead, {largest:.3g}"
    return (
        f"The MASE of the network is {near:.3g} at step {first} and {far:.3g} at step {last}"
        f"{where}. Where a baseline lies below the network, prefer it for that step."
    )


def by_step(named: Mapping[str, Mapping[str, Any]]) -> go.Figure:
    """MASE over the steps ahead and below it RMSE, a curve for each that was tested."""
    drawn = panels(len(ERRORS), 460, 24)
    for row, error in enumerate(ERRORS, 1):
        for k, (called, of) in enumerate(named.items()):
            each = of["by_step"][error]
            at = thinned(len(each))
            one = line(
                [h + 1 for h in at], rounded([each[h] for h in at]), called, k,
                dash="dash" if k else None, showlegend=row == 1, legendgroup=str(k),
            )  # fmt: skip
            drawn.add_trace(one, row, 1)
        drawn.update_yaxes(title=error, rangemode="tozero", row=row, col=1)
    drawn.update_xaxes(title="steps ahead", row=len(ERRORS), col=1)
    return drawn
