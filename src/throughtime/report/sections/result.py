"""The result of any task: its metric beside that of the baselines.

A task that has more to say of its result has a section of its own, as `classify`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from throughtime.report import naming
from throughtime.report.markup import paragraphs, table
from throughtime.report.section import Compared, Part, TestedRun, Written
from throughtime.report.style import plain
from throughtime.training import Run

name, title = "result", "Result"


def measure(tested: TestedRun) -> Mapping[str, Any]:
    return {}  # the results of a run have all of it


def write(run: Run, measured: object) -> Iterator[Part]:
    if not is_tested(run):
        yield not_tested(run)
        return
    metric = run.model.task.metric.name
    yield paragraphs([beside_baselines(run)])
    own = (naming.cell(run), run.results["test"][metric])
    yield table(["on the test part", metric], [*baselines(run).items(), own])


def is_tested(run: Run) -> bool:
    return "test" in run.results


def not_tested(run: Run) -> Part:
    """Why there is no result yet."""
    epochs = f"{len(run.history)} of {run.options.epochs} epochs are there."
    return paragraphs([f"Not tested yet: {epochs}"], "lead")


def baselines(run: Run, titles: Mapping[str, str] | None = None) -> dict[str, float]:
    """The title of each baseline, the task's unless given, and its metric on the test sequences."""
    task = run.model.task
    known = {key: run.results[key] for key in task.baseline_titles if key in run.results}
    titles = {**task.baseline_titles, **(titles or {})}
    return {titles[key]: scores[task.metric.name] for key, scores in known.items()}


def beside_baselines(run: Run) -> str:
    """The network beside the best baseline, in a sentence."""
    metric = run.model.task.metric
    own = run.results["test"][metric.name]
    says = f"The {plain(naming.cell(run))} has {metric.name} {own:.4g} on the test sequences"
    others = baselines(run)
    if not others:
        return f"{says}."
    best = (max if metric.higher else min)(others, key=others.__getitem__)
    return f"{says}; the best baseline, {plain(best)}, has {others[best]:.4g}."


def compare(
    runs: Sequence[Compared],
    same_data: bool,
    says: Sequence[str] | None = None,
    titles: Mapping[str, str] | None = None,
) -> Written:
    """The results of all runs as a table.

    **Arguments:**

    - `says`: sentences about runs on the same data; a general one unless given.
    - `titles`: of the baselines, by their keys; the task's unless given.
    """
    first = runs[0].run
    metric = first.model.task.metric
    scores = {one.label: one.run.results["test"].get(metric.name) for one in runs}
    known = {label: score for label, score in scores.items() if score is not None}
    if not same_data:
        says = [
            "These runs were not tested on the same sequences: their "
            f"{_plural(metric.name)} cannot be compared with each other."
        ]
    elif says is None:
        best = (max if metric.higher else min)(known, key=known.__getitem__)
        says = [f"The best {metric.name} is that of {plain(best)}, {known[best]:.4g}."]
    head = ["run", *["data"] * (not same_data), metric.name]
    head += ["test loss", "parameters", "epochs", "seconds"]
    rows: list[list[Any]] = [
        [
            plain(one.label),
            *[plain(naming.data(one.run))] * (not same_data),
            _four(scores[one.label]),
            _four(one.run.results["test"].get("loss")),
            f"{naming.parameters(one.run):,}",
            len(one.run.history),
            f"{one.run.history[-1]['seconds']:.1f}",
        ]
        for one in runs
    ]
    if same_data:
        others = baselines(first, titles).items()
        rows += [[label, _four(score), *[None] * 4] for label, score in others]
    return Written("results", "Results", [paragraphs(says, "lead"), table(head, rows)])


def _plural(noun: str) -> str:
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"


def _four(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"
