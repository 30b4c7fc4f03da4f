"""The gradient of each replica of a weight, for the loss of one sequence."""

import pytest
import torch
import torch.nn.functional as F
from report.conftest import noisy

from throughtime import bptt
from throughtime.report.sections import replicas


def test_the_norms_are_those_of_the_longest_sequence(plain_run):
    run, measured = plain_run
    test = noisy(seed=1)
    kept = measured["replicas"]
    k = int(test.lengths.argsort(descending=True, stable=True)[0])
    assert (kept["sequence"], kept["steps"]) == (test.names[k], int(test.lengths[k]))
    assert kept["at"] == list(range(kept["steps"]))
    x, y = test[k][:, None], test.labels[k : k + 1]
    expected = bptt.replicas(run.model, lambda: F.cross_entropy(run.model(x), y))
    assert len(kept["layers"]) == len(expected) == 4
    for layer, one in zip(kept["layers"], expected, strict=True):
        assert layer["where"] == one.where and layer["norms"].keys() == one.norms.keys()
        for weight, norms in one.norms.items():
            torch.testing.assert_close(
                torch.tensor(layer["norms"][weight]), norms, rtol=1e-3, atol=1e-9
            )


def test_a_reader_chooses_among_layers_and_directions(plain_run):
    figure = replicas.over_time(plain_run[1])
    ((key, _, choices),) = figure.choices
    assert key == "layer" and [value for value, _ in choices] == ["0", "1", "2", "3"]
    assert {t.meta["layer"] for t in figure.figure.data} == {"0", "1", "2", "3"}
    for _, where in choices:
        assert f"<p>{where}</p>" in figure.tables


def test_titles_are_escaped():
    import plotly.graph_objects as go

    figure = go.Figure(go.Scatter(x=[1], y=[2], name="a"))
    text = replicas.titled(["<b>"], [figure])
    assert text.startswith("<p>&lt;b&gt;</p><div") and "<b>" not in text
    with pytest.raises(ValueError):
        replicas.titled(["one", "two"], [figure])
