"""Gradients through time, in each layer and direction."""

import math

import pytest
import torch
from report.conftest import copied
from report.made_up import curve, moments

from throughtime import report
from throughtime.diagnose import diagnose
from throughtime.report.sections import gradients


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"horizon": 8}, "the gradient falls below 1% after 8 steps"),
        ({"horizon": 1}, "below 1% after 1 step;"),
        ({}, "50% of the gradient is left after 99 steps, the whole length"),
        ({"verdict": "exploding", "rate": math.log(1.1)}, "grows by a factor of 1.1 a step"),
    ],
)
def test_gradients(options, says):
    said = gradients.in_each_layer(moments(**options))
    assert said[0] == "Back from the last step of the 2 longest test sequences, 100 steps."
    assert says in said[1] and "; before, " in said[1]
    assert "before" not in " ".join(gradients.in_each_layer(moments(before=None, **options)))


def test_a_layer_that_no_gradient_reaches():
    nothing = moments()
    for when in ("before", "after"):
        nothing[when]["layers"][0]["gradient"] |= {"verdict": None, "relative": [None, None]}
    assert "the gradient is 0 at the last step" in gradients.in_each_layer(nothing)[1]


def test_of_many_layers_the_shortest_and_the_longest():
    many = moments()
    for when in ("before", "after"):
        many[when]["layers"] = [
            {"where": f"layer {k} forward", "gradient": curve(h), "gates": {}}
            for k, h in enumerate((20, 5, None, 30))
        ]
    said = " ".join(gradients.in_each_layer(many))
    assert "Layer 1 forward: after training the gradient falls below 1% after 5 steps" in said
    assert "Layer 2 forward" in said and "Layer 0" not in said and "Layer 3" not in said


def test_a_layer_that_no_gradient_reaches_is_left_out():
    both = moments()
    for when in ("before", "after"):
        both[when]["layers"].append({"where": "layer 2 forward", "gradient": None, "gates": {}})
    assert gradients.in_each_layer(both) == gradients.in_each_layer(moments())


def test_gradients_are_those_of_diagnose(failed_run):
    run, measured = failed_run
    test = copied(seed=1000)
    x = torch.stack([test[k] for k in range(16)], 1)
    y = test.labels[:16]
    (layer,) = diagnose(run.model, x, loss=lambda s: torch.nn.functional.cross_entropy(s, y), n=1,
                        sequences=16)  # fmt: skip
    curve = measured["after"]["layers"][0]["gradient"]
    assert curve["horizon"] == layer.flow.gradient.horizon()
    torch.testing.assert_close(
        torch.tensor(curve["relative"]), layer.flow.gradient.relative, rtol=1e-3, atol=1e-9
    )
    assert abs(measured["after"]["reach"] - curve["horizon"]) <= 3, "one layer, one direction"


def test_the_gradient_and_its_horizon(failed_run):
    _, measured = failed_run
    figure = report.gradient_by_lag(measured)
    curves = {t.name: t for t in figure.data}
    after = measured["after"]["layers"][0]["gradient"]
    shown = curves["layer 1 forward, after"]
    assert list(shown.x) == after["lag"]
    assert [a for a, b in zip(after["relative"], shown.y, strict=True) if b is not None] == [
        b for b in shown.y if b is not None
    ]
    mark = curves["layer 1 forward, after: horizon"]
    assert (mark.x[0], mark.y[0], mark.text[0]) == (after["horizon"], 0.01, str(after["horizon"]))
    assert figure.layout.yaxis.type == "log"


def test_before_and_after_are_told_apart_without_colour(plain_run):
    for trace in report.gradient_by_lag(plain_run[1]).data:
        if "horizon" not in trace.name:
            assert (trace.line.dash == "dot") == ("before" in trace.name)
