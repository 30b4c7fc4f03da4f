"""One call draws a whole diagnosis, with the numbers that were measured."""

import pytest
import torch

from throughtime import GRU, LSTM, RNN, Recurrent, report
from throughtime.diagnose import diagnose
from throughtime.report.numbers import numbers


def diagnosed(cell, steps=30, loss=None, **options):
    torch.manual_seed(0)
    layer = Recurrent(cell, 3, 5, **options)
    return diagnose(layer, torch.randn(steps, 3, 3), loss=loss, n=4)


def panels(figure):
    return [note.text for note in figure.layout.annotations]


def test_every_curve_is_there_with_its_numbers():
    layers = diagnosed(LSTM, layers=2, direction="both", loss=lambda out: out[0].square().sum())
    figure = report.diagnosis(layers)
    assert panels(figure) == ["Gradients by lag", "All paths and the direct one", "Gates"]
    curves = {trace.name: trace for trace in figure.data}
    assert len(curves) == len(figure.data) == 4 * (2 + 4 + 3)
    for layer in layers:
        for name, by_lag in {
            "Jacobian": layer.flow.jacobian,
            "gradient of the loss": layer.flow.gradient,
            "C, all paths": layer.flow.of_states["C"],
            "C, direct path": layer.direct["C"],
        }.items():
            curve = curves[f"{layer.where}: {name}"]
            shown = [v for v in curve.y if v is not None]
            assert shown == pytest.approx(by_lag.relative[: len(shown)].tolist(), rel=1e-4)
            assert list(curve.x) == list(range(30))
        gate = curves[f"{layer.where}: keep"]
        assert list(gate.y) == pytest.approx(layer.gates[0].mean.tolist(), rel=1e-4)
    assert figure.layout.yaxis.type == figure.layout.yaxis2.type == "log"
    assert {trace.legend for trace in figure.data} == {"legend", "legend2", "legend3"}
    assert numbers(figure).count("<table") == 3


def test_what_a_network_does_not_have_is_left_out():
    of_rnn = report.diagnosis(diagnosed(RNN("tanh")))
    assert panels(of_rnn) == ["Gradients by lag", "All paths and the direct one"]
    assert "gradient of the loss" not in str([trace.name for trace in of_rnn.data])
    assert "Gates" in panels(report.diagnosis(diagnosed(GRU)[0])), "one layer alone"
    single = report.diagnosis(diagnosed(GRU, steps=1))
    assert all(len(trace.x) == 1 for trace in single.data)


def test_the_share_of_rectified_paths_that_are_cut():
    layers = diagnosed(RNN("relu"))
    figure = report.diagnosis(layers)
    assert panels(figure)[-1] == "Paths through rectifiers"
    cut, cuts = figure.data[-1], layers[0].cuts
    assert cut.y[-1] == pytest.approx(float((cuts >= 0).double().mean()), rel=1e-4)
    assert cut.y[0] == pytest.approx(float((cuts == 0).double().mean()), rel=1e-4)


def test_long_ones_are_thinned_out():
    figure = report.diagnosis(diagnosed(GRU, steps=900))
    assert max(len(trace.x) for trace in figure.data) == 400
    assert figure.data[0].x[-1] == 899
