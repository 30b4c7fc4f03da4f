"""A figure that is given the wrong thing says where the right one comes from."""

import pytest
import torch

from throughtime import LSTM, Recurrent, report
from throughtime.diagnose import diagnose
from throughtime.errors import CallError, OptionError
from throughtime.training.evaluate import evaluate

OF_MEASURED = ("lengths", "classes", "at_input", "gradient_by_lag", "replica_norms", "over_time",
               "saturation", "confused")  # fmt: skip


@pytest.fixture(scope="module")
def layers():
    torch.manual_seed(0)
    return diagnose(Recurrent(LSTM, 3, 4), torch.randn(9, 2, 3))


def says(call, *args, **named):
    with pytest.raises((CallError, OptionError)) as caught:
        call(*args, **named)
    assert str(caught.value).startswith(f"`{call.__name__}`: ")
    assert "; expected " in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", OF_MEASURED)
def test_what_was_not_measured(plain_run, layers, name):
    call, run = getattr(report, name), plain_run[0]
    assert f"Write `report.{name}(report.kept(run))`." in says(call, run)
    assert "Write `report.diagnosis(layers)`" in says(call, layers)
    assert "Write `report.diagnosis(layers)`" in says(call, layers[0])
    assert "measured is None; " in says(call, None)
    for wrong in ({}, run.model, "runs/plain"):
        assert f"Write `report.{name}(report.measure(run, train, test))`." in says(call, wrong)
    assert call(report.kept(run)).data, "what the error says to write works"


def test_other_figures(plain_run, layers):
    run, measured = plain_run
    assert "Write `report.initial_state(run.model)`" in says(report.initial_state, run)
    assert "expected a Run" in says(report.learning_curves, measured)
    assert "run is None" in says(report.learning_curves)
    assert 'report.confusion(run.results["test"])' in says(report.confusion, run)
    other = says(report.confusion, run.results["test"], "other")
    assert "beside is a str" in other
    assert "report.diagnosis(diagnose(module, x))" in says(report.diagnosis, measured)
    assert "report.diagnosis(diagnose(module, x))" in says(report.diagnosis, [])
    assert 'data = measured["data"]' in says(report.sequences, measured, [], [])
    assert "(LSTM().program(input_size, hidden_size))" in says(report.mathml, LSTM)
    assert "(LSTM().program(input_size, hidden_size))" in says(report.latex, LSTM())
    assert "(layer.directions[0][0].cell_program)" in says(report.mathml, run.model)


def test_pages(plain_run, tmp_path):
    run, measured = plain_run
    assert "throughtime.load(folder)" in says(report.report, str(tmp_path))
    assert "report.report(run, report.kept(run))" in says(report.report, run, run)
    assert "throughtime.load(folder)" in says(report.measure, run.model, None, None)
    assert "train is a Tensor" in says(report.measure, run, torch.zeros(3), None)
    assert "throughtime.load(folder)" in says(report.kept, str(tmp_path))
    assert "report.keep(run, report.measure(" in says(report.keep, run, {})
    assert "report.compare([run, other], [" in says(report.compare, run, run)
    figure = report.learning_curves(run)
    assert "`figure.write_html(path)`" in says(report.write, tmp_path / "a.html", figure)
    assert not (tmp_path / "a.html").exists()


def test_places_and_names(plain_run):
    _, measured = plain_run
    count = len(measured["replicas"]["layers"])
    assert f"layer is {count}; expected 0 to {count - 1}, its place among the layers" in says(
        report.replica_norms, measured, count
    )
    assert "k is -1; expected 0" in says(report.confused, measured, -1)
    nothing = measured | {"confusions": []}
    assert "k is 0; expected none" in says(report.confused, nothing)
    assert "what is 'jacobi'; expected 'gradient' or 'jacobian'" in says(
        report.gradient_by_lag, measured, "jacobi"
    )


def test_scores_as_the_error_says(plain_run):
    run, _ = plain_run
    assert report.confusion(run.results["test"]).data
    assert "evaluate(model, test).to_dict()" in says(report.confusion, evaluate)
