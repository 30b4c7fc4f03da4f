"""Each figure shows the numbers that it is given, and can be used by itself."""

import plotly.graph_objects as go
import pytest
from report.same import same
from report.test_numbers import tables

from throughtime import report
from throughtime.bptt.watch import directions

PLACES = [f"layer {layer} {time}" for layer in (1, 2) for time in ("forward", "backward")]
BY_LAG = [f"{place}, {when}" for when in ("before", "after") for place in PLACES]
LAG = ("steps back in the direction of time", "share of what it is at 0")
CURVES = {
    "at_input": (
        lambda run, measured: report.at_input(measured),
        ["before training", "after training"],
        ("steps from the end of the sequence", "share of the largest"),
    ),
    "gradient": (lambda run, measured: report.gradient_by_lag(measured), BY_LAG, LAG),
    "jacobian": (lambda run, measured: report.gradient_by_lag(measured, "jacobian"), BY_LAG, LAG),
    "replicas": (
        lambda run, measured: report.replica_norms(measured, 3),
        [f"{gate}_{of}" for gate in ("keep", "write", "candidate", "read") for of in "hx"],
        ("step", "norm"),
    ),
    "initial_state": (
        lambda run, measured: report.initial_state(run.model),
        [f"{place}: {state}" for place in PLACES for state in "hC"],
        ("units, ordered by value", "value at the start"),
    ),
    "lengths": (
        lambda run, measured: report.lengths(measured),
        ["training", "test"],
        ("steps", "sequences"),
    ),
}


@pytest.mark.parametrize("name", CURVES)
def test_a_figure_has_its_curves_its_axes_and_its_numbers(plain_run, name):
    draw, names, axes = CURVES[name]
    figure = draw(*plain_run)
    assert isinstance(figure, go.Figure)
    assert [t.name for t in figure.data if not t.name.endswith(": horizon")] == names
    layout = figure.layout
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == axes
    ((_, (head, *rows)),) = tables(figure)
    assert head == [axes[0], *(t.name for t in figure.data)]
    for k, trace in enumerate(figure.data, 1):
        assert len(trace.x) == len(trace.y) > 0
        written = {row[0]: row[k] for row in rows}
        for x, y in zip(trace.x, trace.y, strict=True):
            number = "–" if y is None else f"{y:.4g}" if isinstance(y, float) else str(y)
            assert written[str(x)] == number


def test_figures_of_time_show_what_was_measured(plain_run):
    run, measured = plain_run
    curves = {t.name: t for t in report.at_input(measured).data}
    jacobians = {t.name: t for t in report.gradient_by_lag(measured, "jacobian").data}
    for when in ("before", "after"):
        same(curves[f"{when} training"].y, measured[when]["at_input"]["relative"])
        for layer in measured[when]["layers"]:
            same(jacobians[f"{layer['where']}, {when}"].y, layer["jacobian"]["relative"])
    for k, layer in enumerate(measured["replicas"]["layers"]):
        replicas = {t.name: t for t in report.replica_norms(measured, k).data}
        assert {*replicas} == {n for n in layer["norms"] if not n.endswith("_bias")}
        for name, trace in replicas.items():
            assert list(trace.x) == measured["replicas"]["at"]
            same(trace.y, layer["norms"][name])
    for trace in report.initial_state(run.model).data:
        where, state = trace.name.split(": ")
        vector = getattr(directions(run.model)[where].initial, f"{state}0")
        assert list(trace.y) == pytest.approx(sorted(vector.tolist()), rel=1e-4)
