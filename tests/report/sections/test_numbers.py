"""What is predicted over what is true: the points, the line, the sentences, hostile names."""

import dataclasses

import pytest
import torch

from throughtime import GRU, Model, Recurrent, report, training
from throughtime.data import Sequences
from throughtime.report.sections import numbers
from throughtime.tasks import Regress
from throughtime.training import Options, Run

NAME = "<b>yield</b>"


def run_and_data(levels=()):
    arrays = [torch.full((4, 1), float(k)) for k in range(12)]
    data = Sequences.from_list(
        arrays,
        targets={NAME: [None if k == 3 else 2.0 * k for k in range(12)]},
        names=[f"<i>{k}</i>" for k in range(12)],
    )
    torch.manual_seed(0)
    task = Regress((NAME,), quantiles=levels).fitted(data)
    model = Model(Recurrent(GRU, 1, 3), task=task, channels=data.channels).eval()
    run = Run(model, Options(epochs=1), details={})
    done = training.tested(model, data, data)
    run.record(done.results)
    return run, data, done.predictions


def test_each_known_sequence_is_a_point():
    run, data, predictions = run_and_data()
    measured = report.measure(run, data, data, predictions)
    (pairs,) = measured["numbers"]
    assert pairs["target"] == NAME and len(pairs["true"]) == 11
    assert pairs["true"] == [2.0 * k for k in range(12) if k != 3]
    known = [k for k in range(12) if k != 3]
    assert torch.allclose(torch.tensor(pairs["predicted"]), predictions[known, 0], rtol=1e-4)
    line, points = numbers.predicted(pairs).data
    assert [*points.x] == pairs["true"] and [*points.y] == pairs["predicted"]
    ends = [*pairs["true"], *pairs["predicted"]]
    assert [*line.x] == [*line.y] == [min(ends), max(ends)]
    assert points.text[0] == "&lt;i&gt;0&lt;/i&gt;"


def test_the_page_says_the_largest_error():
    run, data, predictions = run_and_data()
    measured = report.measure(run, data, data, predictions)
    page = report.report(run, measured)
    assert NAME not in page and "Predicted over true: &lt;b&gt;yield&lt;/b&gt;" in page
    (pairs,) = measured["numbers"]
    errors = [p - t for p, t in zip(pairs["predicted"], pairs["true"], strict=True)]
    worst = max(range(11), key=lambda k: abs(errors[k]))
    part, residuals = numbers.write(run, measured)
    assert [*residuals.figure.data[0].y] == pytest.approx(errors, rel=1e-3)
    assert [*residuals.figure.data[0].x] == pairs["predicted"]
    assert part.figure.data[1].error_y.array is None and "Bars" not in part.says
    assert f"The largest error, {errors[worst]:.3g}, is that of sequence " in part.says
    assert pairs["names"][worst] in part.says
    assert "mean of training" in page and "ridge (linear regression)" in page


def test_without_what_was_measured_there_is_nothing():
    run, data, _ = run_and_data()
    assert list(numbers.write(run, None)) == []
    bare = dataclasses.replace(data, targets={})
    assert bare.targets == {} and report.report(run)


def test_long_lists_are_thinned(monkeypatch):
    monkeypatch.setattr(numbers, "POINTS", 5)
    run, data, predictions = run_and_data()
    (pairs,) = report.measure(run, data, data, predictions)["numbers"]
    assert len(pairs["true"]) == len(pairs["names"]) == 5 and pairs["true"][-1] == 22.0


def test_intervals_are_drawn_and_told():
    run, data, predictions = run_and_data((0.1, 0.4, 0.9))
    measured = report.measure(run, data, data, predictions)
    (pairs,) = measured["numbers"]
    known = [k for k in range(12) if k != 3]
    for key, place in (("low", 0), ("predicted", 1), ("high", 2)):
        assert pairs[key] == pytest.approx(predictions[known, 0, place].tolist(), rel=1e-3)
    heading, table, part, _ = numbers.write(run, measured)
    bars = part.figure.data[1].error_y
    above = [h - p for h, p in zip(pairs["high"], pairs["predicted"], strict=True)]
    below = [p - low for low, p in zip(pairs["low"], pairs["predicted"], strict=True)]
    assert [*bars.array] == pytest.approx(above) and [*bars.arrayminus] == pytest.approx(below)
    assert "Bars reach from its lowest quantile" in part.says and "Quantiles" in heading
    of = run.results["test"]["quantiles"]
    assert "in 0.1 to 0.9" in table and f"{of['coverage'][0][0]:.1%}" in table
    assert "that of the mean of training" in table and "<b>" not in table
    ridge = run.results["ridge"]["quantiles"]["pinball"][0]
    assert f"{ridge:.4g}" in table
    assert "Quantiles" in report.report(run, measured)
