"""The report of any task: its metric beside its baselines, and sections of its own."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
import torch
from markupsafe import Markup
from report.test_page import Page
from tasks.toys import Duration, Next, Phases, sequences

from throughtime import LSTM, Model, Recurrent, fit, report, training
from throughtime.errors import CallError
from throughtime.report.outline import OF_TASKS


def _without_classes(data):
    return replace(data, targets={k: t for k, t in data.targets.items() if k != "turn"})


def made(task, folder=None):
    """A run of a task, and the data of its training and test."""
    torch.manual_seed(0)
    train, test = (_without_classes(sequences(n, seed=n)) for n in (24, 12))
    model = Model(Recurrent(LSTM, 2, 6), task=task.fitted(train), channels=train.channels)
    return fit(model, train, epochs=2, folder=folder), train, test


@pytest.mark.parametrize("task", [Duration(), Phases(), Next()], ids=lambda task: task.name)
def test_a_task_without_sections_has_its_metric_beside_its_baselines(task, tmp_path):
    run, train, test = made(task, tmp_path / "run")
    path = report.test_and_report(run, train, test)
    assert path == tmp_path / "run" / "report.html"
    text = path.read_text()
    page, own = Page(text), run.results["test"]["rmse"]
    says = f"The LSTM has rmse {own:.4g} on the test sequences"
    if task.name == "duration":
        says += f"; the best baseline, the mean, has {run.results['mean']['rmse']:.4g}"
    assert f"{says}." in page.text
    assert f'<th scope="row">LSTM</th><td>{own:.4g}</td>' in text
    assert ('<th scope="row">the mean</th>' in text) == (task.name == "duration")
    figures = {"lengths", "sequences", "curves", "at_input", "gradient", "jacobian", "replicas",
               "saturation", "over_time", "initial"}  # fmt: skip
    assert {*page.figures} == figures
    assert "24 training and 12 test sequences of" in page.text and "classes" not in page.text
    assert "The first 6 test sequences." in page.text
    measured = report.kept(run)
    assert measured is not None and "confusions" not in measured
    assert measured["data"]["classes"] == [] and "label" not in measured["data"]["drawn"][0]


def test_gradients_are_those_of_the_loss_of_the_task(tmp_path):
    run, train, test = made(Next())
    measured = report.measure(run, train, test)
    for parameter in run.model.output.parameters():
        parameter.requires_grad_(False).zero_()  # then no gradient of the loss passes
    assert max(measured["after"]["at_input"]["relative"]) > 0.1
    nothing = report.measure(run, train, test)["after"]
    assert not any(nothing["at_input"]["relative"]) and nothing["reach"] == 0


def test_whether_more_is_better_decides_which_baseline_and_which_run_is_best():
    from throughtime.report.sections import result

    metric = SimpleNamespace(name="rmse", higher=False)
    task = SimpleNamespace(metric=metric, baseline_titles={"a": "first", "b": "second"})
    run, train, test = made(Duration())
    results = {"test": {"rmse": 3.0}, "a": {"rmse": 1.0}, "b": {"rmse": 2.0}}
    run.model.__dict__["task"] = task
    run.results = results
    assert "the best baseline, first, has 1." in result.beside_baselines(run)
    metric.higher = True
    assert "the best baseline, second, has 2." in result.beside_baselines(run)
    run.results = {"test": {"rmse": 3.0}}
    assert result.beside_baselines(run) == "The LSTM has rmse 3 on the test sequences."


def test_runs_of_such_a_task_side_by_side():
    runs = []
    for name in ("one", "other"):
        run, train, test = made(Duration())
        run.details["data"] = {"sha256": ["of the training part", "of the test part"]}
        run.details["name"] = name
        run.record(training.tested(run.model, train, test).results)
        runs.append(run)
    runs[1].results["test"]["rmse"] = 0.0123
    page = Page(report.compare(runs, [None, None]))
    assert "The best rmse is that of 2: , 0.0123." in page.text and "the mean" in page.text
    runs[1].details = {}
    runs[1].folder = "elsewhere"
    page = Page(report.compare(runs, [None, None]))
    assert "their rmses cannot be compared with each other" in page.text


class Shape:
    """A section of a user's own: HTML, text, and a figure."""

    name, title = "shape", "Shape <b>"

    def measure(self, tested):
        return {"shape": {"steps": tested.predictions.tolist()[0]}}

    def write(self, run, measured):
        if measured is not None:
            yield "a < b, <i>not slanted</i>"
            yield Markup("<p id='own'>{}</p>").format(measured["shape"]["steps"])
            yield report.Figure("own", "Own", "It is own.", report.at_input(measured))


@dataclass(frozen=True)
class WithSections(Duration):
    sections = ("result", Shape())


def test_a_section_of_a_users_own(tmp_path):
    run, train, test = made(WithSections(), tmp_path / "run")
    run.model.task = WithSections()
    text = report.test_and_report(run, train, test, tmp_path / "page.html").read_text()
    page = Page(text)
    titles = [a["href"] for a in page.all("a") if a["href"].startswith("#")]
    assert titles[1:5] == ["#result", "#data", "#learning", "#shape"]
    assert "a < b, <i>not slanted</i>" in page.text and not page.all("i") and not page.all("b")
    assert {"id": "own"} in page.all("p") and "own" in page.figures
    measured = report.kept(run)
    assert measured is not None and len(measured["shape"]["steps"]) == 1
    without = Page(report.report(run))
    assert "Shape" not in without.text and "#shape" not in [a["href"] for a in without.all("a")]


def test_sections_that_do_not_exist_or_take_the_place_of_another():
    run, train, test = made(Duration())
    for wrong in ("confusions", SimpleNamespace(name="a", title="A")):
        run.model.task = SimpleNamespace(sections=(wrong,), metric=Duration.metric)
        with pytest.raises(CallError, match=f"expected one of {', '.join(OF_TASKS)}, or"):
            report.report(run)

    class Data(Shape):
        def measure(self, tested):
            return {"lengths": 3}

    task = WithSections()
    run.model.task = task
    object.__setattr__(task, "sections", ("result", Data()))
    with pytest.raises(CallError, match="section gradients has the key 'lengths', as a section"):
        report.measure(run, train, test)
