"""The series that are forecast worst, as a table."""

from collections.abc import Iterator, Mapping
from typing import Any

from throughtime.report.markup import paragraphs, table
from throughtime.report.section import Part, TestedRun
from throughtime.report.sections.result import is_tested
from throughtime.report.style import plain
from throughtime.training import Run

name, title = "by_series", "Each series"
ROWS = 20


def measure(tested: TestedRun) -> Mapping[str, Any]:
    return {}  # the results of a run have all of it


def write(run: Run, measured: Any) -> Iterator[Part]:
    of = run.results["test"]["by_series"] if is_tested(run) else {"series": []}
    if len(of["series"]) < 2:
        return
    rows = worst_first(of)
    known = [mase for _, mase, _ in rows if mase is not None]
    better = sum(mase < 1 for mase in known)
    yield paragraphs([f"MASE is below 1 for {better:,} of {len(known):,}."])
    more = f"The {ROWS} with the largest MASE, of {len(rows)}." if len(rows) > ROWS else ""
    shown = [[plain(one, 60), *scores] for one, *scores in rows[:ROWS]]
    yield table(["series", "MASE", "weighted quantile loss"], shown, more)


def worst_first(of: Mapping[str, Any]) -> list[tuple[str, float | None, float | None]]:
    """Name, MASE and weighted quantile loss of each series; those without a MASE come last."""
    rows = [*zip(of["series"], of["MASE"], of["wQL"], strict=True)]
    return sorted(rows, key=lambda row: -float("inf") if row[1] is None else row[1], reverse=True)
