"""The report of one run: measured, kept, written."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup
from torch import Tensor

from throughtime.data import Sequences
from throughtime.errors import RunError
from throughtime.report import given, naming
from throughtime.report.markup import paragraphs
from throughtime.report.measure import Measured, measure
from throughtime.report.outline import FOLDED, outline
from throughtime.report.page import page
from throughtime.report.section import Part, Written
from throughtime.report.style import plain
from throughtime.training import Run, tested, try_next
from throughtime.training.evaluate import verdict_of
from throughtime.training.files import read_json, write_json, write_text

KEPT = "report.json"
PAGE = "report.html"


def report(
    run: Run,
    measured: Mapping[str, Any] | None = None,
    *,
    missing: str = "",
    tested_on: str = "",
) -> str:
    """The report of a run as one HTML file.

    **Arguments:**

    - `run`: finished or not.
    - `measured`: what `measure` says of it; without it, what needs the data is left out.
    - `missing`: why `measured` is not there, for the reader.
    - `tested_on`: what to call the test sequences where they are not those of the run.

    **Returns:** the file: write it anywhere, it needs nothing beside it and asks for nothing.

    **Raises:** `CallError` for another kind of argument.
    """
    given.run("report", run)
    if measured is not None:
        keys = ("data", "before", "after", "replicas", "gates")
        given.measured("report", measured, *keys, after="run, ")
    title = f"{naming.cell(run)} on {plain(tested_on or naming.data(run))}"
    where = f"{run.folder}, " if run.folder is not None else ""
    under = f"{where}{naming.parameters(run):,} parameters, {len(run.history)} epochs"
    sections = [
        Written(s.name, s.title, [*s.write(run, measured)], s.name in FOLDED) for s in outline(run)
    ]
    first = sections[0]
    sections[0] = first._replace(parts=[*_comes_to(run, measured), *first.parts])
    if missing:
        first = sections[0]
        sections[0] = first._replace(parts=[*first.parts, _not_in_this_report(missing)])
    return page(title, under, sections)


def _comes_to(run: Run, measured: Mapping[str, Any] | None) -> Iterator[Part]:
    """Whether the run beats its baselines, and what to try next."""
    if "test" not in run.results:
        return
    yield paragraphs([verdict_of(run.model, run.results)], "lead")
    says = try_next(run, measured)
    if says:
        each = (Markup("<li>{}</li>").format(paragraphs([one])) for one in says)
        aside = '<aside class="next"><h3>What to try next</h3><ul>{}</ul></aside>'
        yield Markup(aside).format(Markup("").join(each))


def _not_in_this_report(missing: str) -> Part:
    says = f"Not in this report: what needs the data or the trained weights. {missing}"
    return paragraphs([says], "note")


def keep(run: Run, measured: Mapping[str, Any]) -> None:
    """Put what was measured into the run folder, so that its report can be written without data.

    **Raises:** `CallError` for another kind of argument, `RunError` if it cannot be written.
    """
    given.run("keep", run)
    given.measured("keep", measured, "data", "after", after="run, ")
    if run.folder is not None:
        write_json(run.folder / KEPT, dict(measured))


def kept(run: Run) -> Measured | None:
    """What `keep` put there. **Raises:** `RunError` if it is damaged."""
    given.run("kept", run)
    if run.folder is None or not (run.folder / KEPT).exists():
        return None
    measured: Any = read_json(run.folder / KEPT)
    return measured


def write(path: str | Path, html: str) -> None:
    """Write a page whole or not at all. **Raises:** `RunError`."""
    given.page("write", html)
    write_text(Path(path), html)


def test_and_report(
    run: Run, train: Sequences, test: Sequences, path: str | Path | None = None
) -> Path:
    """Test a run beside the baselines of its task, keep the results, and write its report.

    **Arguments:**

    - `run`: finished, as `throughtime.fit` and `throughtime.load` return it.
    - `train`, `test`: the sequences that it was trained on, and others to test it on.
    - `path`: of the page; `report.html` in the run folder unless given.

    **Returns:** where the report is.

    **Raises:** as `write_report`; `DataError` for sequences that are not those of the model.
    """
    given.run("test_and_report", run)
    _place(run, path, "test_and_report")
    done = tested(run.model, train, test)
    run.record(done.results)
    return write_report(run, train, test, done.predictions, path)


def write_report(
    run: Run,
    train: Sequences,
    test: Sequences,
    predictions: Tensor | None = None,
    path: str | Path | None = None,
) -> Path:
    """Measure a run that was tested, keep what was measured, and write its report.

    **Arguments:**

    - `predictions`: what `throughtime.training.predict` says of `test`, if that is known.
    - `path`: of the page; `report.html` in the run folder unless given.

    **Returns:** where the report is.

    **Raises:** `CallError` for another kind of argument, `RunError` if the run has no folder and
    no path is given, or if the page cannot be written.
    """
    given.run("write_report", run)
    place = _place(run, path, "write_report")
    measured = measure(run, train, test, predictions)
    keep(run, measured)
    write(place, report(run, measured))
    return place


def _place(run: Run, path: str | Path | None, call: str) -> Path:
    """Where the page of a run is written."""
    if path is not None:
        return Path(path)
    if run.folder is None:
        raise RunError(
            f"`{call}`: run has no folder; expected one, or a path for the page. Give path=."
        )
    return run.folder / PAGE
