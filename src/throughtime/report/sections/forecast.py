"""The result of a forecast: every score of the network beside those of the baselines."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from throughtime.data.naming import counted
from throughtime.report import naming
from throughtime.report.markup import paragraphs, table
from throughtime.report.section import Compared, Part, TestedRun, Written
from throughtime.report.sections import result
from throughtime.report.style import plain
from throughtime.report.words import in_steps
from throughtime.tasks import Forecast
from throughtime.training import Run

name, title = "forecast", "Result"

SCORES = {
    "MASE": "MASE",
    "sMAPE": "sMAPE, %",
    "RMSE": "RMSE",
    "MAE": "MAE",
    "wQL": "weighted quantile loss",
}


def measure(tested: TestedRun) -> Mapping[str, Any]:
    return {}  # the results of a run have all of it


def write(run: Run, measured: Any) -> Iterator[Part]:
    if not result.is_tested(run):
        yield result.not_tested(run)
        return
    yield paragraphs(_says(run))
    yield table(*scores_of(beside(run)), caption="On the windows of the test part.")
    yield paragraphs((run.results.get("left_out") or {}).values())


def beside(run: Run) -> dict[str, Mapping[str, Any]]:
    """The scores of the network and below them those of each baseline, by what they are called."""
    titles = run.model.task.baseline_titles
    there = {title: run.results[key] for key, title in titles.items() if key in run.results}
    return {naming.cell(run): run.results["test"], **there}


def scores_of(named: Mapping[str, Mapping[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """The head and the rows of a table of scores, with the share of values in the widest interval
    where all of them have the same one."""
    widest = {tuple(of["intervals"][0]) if of["intervals"] else () for of in named.values()}
    interval = widest.pop() if len(widest) == 1 else ()
    head = ["", *SCORES.values(), *([f"in {interval[0]:g} to {interval[1]:g}"] if interval else [])]
    rows = [
        [
            plain(called, 60),
            *(of[score] for score in SCORES),
            *([f"{of['coverage'][0]:.1%}"] if interval else []),
        ]
        for called, of in named.items()
    ]
    return head, rows


def _says(run: Run) -> Iterator[str]:
    """What was tested, what MASE is, and of how many series there is none."""
    own, task = run.results["test"], run.model.task
    assert isinstance(task, Forecast)
    entries, out = len(own["by_series"]["series"]), own["left_out"]
    what = "series" if len(task.targets) == 1 else "pairs of a series and a target"
    naive = f"the value {task.season} steps before" if task.season > 1 else "the last value"
    yield (
        f"Tested on {counted(own['sequences'], 'window')} of {own['series']:,} series, "
        f"{in_steps(task.horizon)} ahead each."
    )
    if run.history and run.history[-1].get("again") == 0:
        yield (
            "No epoch was better on the validation part than the start, so the forecasts are those "
            "of the start: linear maps of the last steps and of what is known ahead, the same for "
            "every cell."
        )
    if out == entries:
        yield (
            "No series changed before its window, so there is nothing to measure errors in: MASE "
            "is the mean absolute error here."
        )
        return
    yield (
        f"MASE is the mean error over that of a forecast that repeats {naive}, in the same series "
        "before the window: below 1 the network errs less."
    )
    if out:
        yield (
            f"{out} of {entries} {what} never changed there and are left out of MASE; they count "
            "in the other scores."
        )


def compare(runs: Sequence[Compared], same_data: bool) -> Written:
    """The results side by side, and below them all scores."""
    written = result.compare(runs, same_data)
    named = {one.label: one.run.results["test"] for one in runs}
    if same_data:
        first, *others = beside(runs[0].run).items()
        named |= dict(others)
    caption = "All scores, each on the windows of the test part of its run."
    return written._replace(parts=[*written.parts, table(*scores_of(named), caption=caption)])
