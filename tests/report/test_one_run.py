"""A run is measured, tested, kept and reported in one call, or step by step."""

import pytest
from report.conftest import noisy
from report.test_given import says

from throughtime import report, training
from throughtime.errors import RunError
from throughtime.training import load


def test_one_call_tests_and_reports(plain_run, tmp_path):
    run = load(plain_run[0].folder)
    run.folder = tmp_path
    run.results = {}
    train, test = noisy(), noisy(seed=1)
    assert report.test_and_report(run, train, test) == tmp_path / "report.html"
    done = training.tested(run.model, train, test)
    assert run.results == done.results == plain_run[0].results
    assert report.kept(run) == plain_run[1]
    page = (tmp_path / "report.html").read_text()
    assert page == report.report(run, report.measure(run, train, test, done.predictions))
    assert report.report(run) != page


def test_a_page_elsewhere_and_a_run_without_a_folder(plain_run, tmp_path):
    run = load(plain_run[0].folder)
    run.folder = None
    parts = noisy(), noisy(seed=1)
    for call in (report.write_report, report.test_and_report):
        with pytest.raises(RunError, match=rf"`{call.__name__}`: run has no folder; .* Give path="):
            call(run, *parts)
        assert "throughtime.load(folder)" in says(call, str(tmp_path), *parts)
    path = report.write_report(run, *parts, path=tmp_path / "mine.html")
    assert path == tmp_path / "mine.html" and "Gradient of the loss by lag" in path.read_text()
    assert [p.name for p in tmp_path.iterdir()] == ["mine.html"]


def test_predictions_that_are_given_are_the_ones_reported(plain_run, tmp_path):
    """So a model is not run over the test sequences twice."""
    run = load(plain_run[0].folder)
    run.folder = tmp_path
    train, test = noisy(), noisy(seed=1)
    wrong = training.tested(run.model, train, test).predictions.roll(1, 1)
    report.write_report(run, train, test, wrong)
    measured = report.kept(run)
    assert measured is not None and measured["confusions"] != plain_run[1]["confusions"]
