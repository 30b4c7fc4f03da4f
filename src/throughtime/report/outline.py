"""Which sections a report has, and in which order."""

from throughtime.errors import CallError
from throughtime.report.section import Section
from throughtime.report.sections import (
    by_series,
    classify,
    confusion,
    data,
    fans,
    forecast,
    gates,
    gradients,
    known_inputs,
    learning,
    network,
    numbers,
    parts_in_time,
    quantiles,
    reproduce,
    result,
    steps_ahead,
    tags,
)
from throughtime.training import Run

OF_TASKS: dict[str, Section] = {
    "by_series": by_series, "classify": classify, "confusion": confusion, "fans": fans,
    "forecast": forecast, "known_inputs": known_inputs, "numbers": numbers,
    "parts_in_time": parts_in_time, "quantiles": quantiles, "result": result,
    "steps_ahead": steps_ahead, "tags": tags,
}  # fmt: skip
"""The sections that a task can name."""


FOLDED = (gradients.name, gates.name, network.name)
"""What stands closed below the rest: why a result is as it is, not what it is."""


def outline(run: Run) -> list[Section]:
    """The first section of the task opens the report, the others come after Learning.

    **Raises:** `CallError` if the task of the run names a section that does not exist.
    """
    first, *others = of_task(run)
    return [first, data, learning, *others, gradients, gates, network, reproduce]


def beside(run: Run) -> list[Section]:
    """The same for a page of several runs, on which not every section has something to compare."""
    first, *others = of_task(run)
    return [first, data, learning, gradients, gates, network, reproduce, *others]


def of_task(run: Run) -> list[Section]:
    """Those of the task of a run; a task without any has its result as every other."""
    return [_section(section) for section in run.model.task.sections or ("result",)]


def _section(named: str | Section) -> Section:
    section = OF_TASKS.get(named) if isinstance(named, str) else named
    if not isinstance(section, Section):
        raise CallError(
            f"`report`: the task has the section {named!r}; expected one of "
            f"{', '.join(OF_TASKS)}, or a Section of your own. Give it the attributes name, "
            "title, measure and write."
        )
    return section
