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


VALVES = Sequences.from_list(
    [[[0.0, 1.0], [torch.nan, torch.nan], [-1.0, 3.0]], [[1.0, 5.0], [1.0, 6.0]]],
    channels=("valve", "<i>flow"), categories={"valve": ("<b>open", "shut")},
)  # fmt: skip


def test_a_category_is_kept_with_its_texts_and_a_gap_as_none():
    drawn = described(VALVES, 0)
    assert drawn["values"] == [[0, None, -1], [1, None, 3]]
    assert drawn["texts"] == {"0": ["<b>open", None, "not seen"]}
    assert "texts" not in described(Sequences.from_list([[1.0]]), 0)


def test_each_channel_has_a_panel_on_its_own_scale():
    figure = by_channel([described(VALVES, k) for k in (0, 1)], list(VALVES.channels), ["s", "t"])
    valve, other, flow, last = figure.data
    assert (valve.line.shape, flow.line.shape) == ("hv", "linear")
    assert list(valve.text) == ["&lt;b&gt;open", "missing", "not seen"]
    assert (valve.mode, other.mode) == ("lines+markers", "lines"), "a value between gaps is seen"
    assert [t.showlegend for t in figure.data] == [True, True, False, False]
    assert (valve.yaxis, flow.yaxis) == ("y", "y2") and list(last.y) == [5, 6]
    axis = figure.layout.yaxis
    assert dict(zip(axis.tickvals, axis.ticktext, strict=True)) == {
        0: "&lt;b&gt;open", -1: "not seen", 1: "shut"
    }  # fmt: skip
    assert [a.text for a in figure.layout.annotations] == ["valve", "&lt;i&gt;flow"]


def test_many_texts_are_told_when_pointed_at_and_not_on_the_axis():
    texts = tuple(map(str, range(20)))
    data = Sequences.from_list([torch.arange(20.0)], categories={"c0": texts})
    figure = by_channel([described(data, 0)], ["c0"], ["s"])
    assert figure.layout.yaxis.showticklabels is False and list(figure.data[0].text) == list(texts)


def test_gaps_in_a_map_of_colours():
    values = [[1.0, None, 5.0], [None, None, None]] + [[0.0, 1.0, 0.5]] * 5
    one = {"name": "s", "steps": 3, "at": [0, 1, 2], "values": values,
           "texts": {"2": ["a", None, "b"]}}  # fmt: skip
    (heat,) = report.sequences([one], [f"c{k}" for k in range(7)], ["s"]).data
    assert [list(r) for r in heat.z[:3]] == [[-1, None, 1], [None] * 3, [-1, 1, 0]]
    assert list(heat.customdata[2]) == ["a", "missing", "b"]
