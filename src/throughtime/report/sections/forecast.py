"""The result of a forecast: scores beside the baselines, by step ahead, by level and by series."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from throughtime.report import naming
from throughtime.report.markup import heading, paragraphs, table
from throughtime.report.section import Compared, Figure, Part, TestedRun, Written
from throughtime.report.sections import result
from throughtime.report.style import GREY, figure, line, plain
from throughtime.training import Run

name, title = "forecast", "Result"
SCORES = ("MASE", "sMAPE", "RMSE", "MAE", "wQL")
WORST = 20  # series in a table
NEAR = 0.03  # of a share: how far from its level it may be and still be called as it should be


def measure(tested: TestedRun) -> Mapping[str, Any]:
    return {}  # the results of a run have all of it


def write(run: Run, measured: object) -> Iterator[Part]:
    if not result.is_tested(run):
        yield result.not_tested(run)
        return
    test = run.results["test"]
    yield paragraphs(_says(run, test))
    low, high = test["intervals"][0] if test["intervals"] else (0.0, 1.0)
    head = ["on the test windows", *SCORES, f"in {low:g} to {high:g}"]
    yield table(head, [_row(who, of) for who, of in _all(run).items()], _caption(run, test))
    yield Figure("by_step", "Error by step ahead", _of_steps(test), by_step(run))
    yield Figure("coverage", "Coverage by level", _of_levels(test), coverage(run))
    if len(test["by_series"]["series"]) > 1:
        yield heading("The series with the largest errors")
        yield table(["series", "MASE", "wQL"], _worst(test["by_series"]))


def _all(run: Run) -> dict[str, Mapping[str, Any]]:
    """The scores of all baselines that there are, and of the network, by what to call them."""
    titles = run.model.task.baseline_titles
    others = {title: run.results[key] for key, title in titles.items() if key in run.results}
    return {**others, naming.cell(run): run.results["test"]}


def _row(who: str, of: Mapping[str, Any]) -> list[Any]:
    within = f"{of['coverage'][0]:.1%}" if of["coverage"] else None
    return [plain(who), *(float(of[score]) for score in SCORES), within]


def _says(run: Run, test: Mapping[str, Any]) -> list[str]:
    says = [
        f"{result.beside_baselines(run)} These are {test['sequences']:,} windows of "
        f"{test['series']:,} series; the model was trained on what was known before them."
    ]
    if test["left_out"]:
        are = "series is" if test["left_out"] == 1 else "series are"
        says.append(f"{test['left_out']:,} constant {are} left out of MASE.")
    return [*says, *run.results.get("left_out", {}).values()]


def _caption(run: Run, test: Mapping[str, Any]) -> str:
    season = getattr(run.model.task, "season", 1)
    naive = "the last value" if season == 1 else f"the value {season} steps before"
    return (
        f"MASE: mean error over that of {naive} before the window, 1 is as good; sMAPE in %; wQL: "
        "weighted quantile loss. The last column should be near the difference of its two levels; "
        "of all others less is better."
    )


def _of_steps(test: Mapping[str, Any]) -> str:
    values = [value for value in test["by_step"]["MASE"] if value is not None]
    if len(values) < 2 or not values[0]:
        return "The mean error at each step ahead, in units of MASE."
    return (
        "The mean error at each step ahead, in units of MASE. The last step has "
        f"{values[-1] / values[0]:.3g} times the error of the first."
    )


def by_step(run: Run) -> go.Figure:
    """MASE over the steps ahead, of the network and of the baselines."""
    drawn = figure(320)
    everyone = _all(run)
    for k, who in enumerate(reversed(everyone)):
        values = everyone[who]["by_step"]["MASE"]
        steps = list(range(1, len(values) + 1))
        drawn.add_trace(line(steps, values, who, k, dash="dot" if k else None))
    drawn.update_xaxes(title="step ahead")
    drawn.update_yaxes(title="MASE", rangemode="tozero")
    return drawn


def _of_levels(test: Mapping[str, Any]) -> str:
    says = "The share of values that are not above each quantile, which should be its level."
    if not test["coverage"]:
        return says
    (low, high), within = test["intervals"][0], test["coverage"][0]
    wanted = high - low
    how = "as wide as it should be"
    if abs(within - wanted) > NEAR:
        how = "too narrow" if within < wanted else "too wide"
    return f"{says} {within:.1%} lie within {low:g} and {high:g}: the interval is {how}."


def coverage(run: Run) -> go.Figure:
    """The share of values below each quantile over its level, and the line where both are equal."""
    drawn = figure(340, hovermode="closest")
    drawn.add_trace(
        go.Scatter(x=[0, 1], y=[0, 1], mode="lines", name="exact",
                   line={"color": GREY, "dash": "dash"})
    )  # fmt: skip
    everyone = _all(run)
    for k, who in enumerate(reversed(everyone)):
        of = everyone[who]
        shown = line(of["levels"], of["below"], who, k, dash="dot" if k else None)
        drawn.add_trace(shown.update(visible=True if k == 0 else "legendonly"))
    drawn.update_xaxes(title="level", range=[0, 1])
    drawn.update_yaxes(title="share of values below", range=[0, 1])
    return drawn


def _worst(by_series: Mapping[str, Sequence[Any]]) -> list[list[Any]]:
    rows = zip(by_series["series"], by_series["MASE"], by_series["wQL"], strict=True)
    ordered = sorted(rows, key=lambda row: -1.0 if row[1] is None else row[1], reverse=True)
    return [[plain(who), *values] for who, *values in ordered[:WORST]]


def compare(runs: Sequence[Compared], same_data: bool) -> Written:
    """The results of all runs as a table, see `result.compare`."""
    return result.compare(runs, same_data)
