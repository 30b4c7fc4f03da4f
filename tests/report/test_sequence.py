"""One sequence, as curves or as a map of colours."""

import pytest
import torch

from throughtime import report
from throughtime.data import Sequences, Target
from throughtime.report.sequence import by_channel, described, examples, traces


def test_a_legend_names_each_channel_once():
    one = {"name": "s", "at": [0, 1], "values": [[1.0, 2.0], [3.0, 4.0]]}
    figure = report.sequences([one, one, one], ["a", "b"], ["s", "t", "u"])
    assert [(t.name, t.showlegend) for t in figure.data] == (
        [("a", True), ("b", True)] + [("a", False), ("b", False)] * 2
    )


@pytest.mark.parametrize("channels", [6, 7])
def test_what_is_asked_of_a_trace_reaches_it(channels):
    one = {"name": "s", "at": [0, 1], "values": [[1.0, 2.0]] * channels}
    names = [f"c{k}" for k in range(channels)]
    made = traces(one, names, True, visible=False, meta={"sequence": "1"})
    assert len(made) == (6 if channels == 6 else 1)
    assert all(t.visible is False and t.meta == {"sequence": "1"} for t in made)


def test_more_than_six_channels_are_a_map_of_colours(plain_run):
    values = [[1.0, 2.0, 5.0], [7.0, 7.0, 7.0]] + [[0.0, 1.0, 0.5]] * 5
    one = {"name": "s", "label": "a", "steps": 3, "at": [0, 1, 2], "values": values}
    (heat,) = report.sequences([one], [f"c{k}" for k in range(7)], ["s"]).data
    assert heat.type == "heatmap"
    assert [list(r) for r in heat.z[:3]] == [[-1, -0.5, 1], [0, 0, 0], [-1, 1, 0]]
    assert [list(r) for r in heat.customdata] == values, "the values themselves are told"


def test_a_class_that_is_not_known_is_not_named():
    values = torch.arange(4.0)[:, None]
    target = Target(torch.tensor([1, -1]), ("a", "b"))
    made = Sequences(values, torch.tensor([0, 2, 4]), ("x",), ("one", "two"), {"kind": target})
    assert described(made, 0)["label"] == "b" and "label" not in described(made, 1)
    assert examples(made, 6) == [0], "one of each class that there is"
    without = Sequences(values, torch.tensor([0, 2, 4]), ("x",), ("one", "two"))
    assert examples(without, 6) == [0, 1] and examples(without, 1) == [0]
    assert "label" not in described(without, 0)


def test_each_channel_has_a_panel_on_its_own_scale():
    one = {"name": "s", "at": [0, 1], "values": [[1.0, 2.0], [3000.0, 4000.0]]}
    other = {"name": "t", "at": [0, 1, 2], "values": [[1.0, 2.0, 3.0], [5.0, 6.0, 7.0]]}
    figure = by_channel([one, other], ["<a>", "b"], ["s", "<t>"])
    assert [(t.name, t.showlegend, t.yaxis, list(t.y)) for t in figure.data] == [
        ("s", True, "y", [1.0, 2.0]), ("&lt;t&gt;", True, "y", [1.0, 2.0, 3.0]),
        ("s", False, "y2", [3000.0, 4000.0]), ("&lt;t&gt;", False, "y2", [5.0, 6.0, 7.0]),
    ]  # fmt: skip
    assert [n.text for n in figure.layout.annotations] == ["&lt;a&gt;", "b"]
    assert figure.layout.yaxis2.matches is None and figure.layout.xaxis.matches == "x2"
    colours = [t.line.color for t in figure.data]
    assert colours[0] == colours[2] != colours[1]
