"""Figures show the numbers they are given, and can be used by themselves."""

import re

import plotly.graph_objects as go
import pytest

from throughtime import report
from throughtime.bptt.watch import directions
from throughtime.report.numbers import numbers
from throughtime.report.of_data import traces
from throughtime.report.style import log_axis, one_of


def test_all_of_them_are_figures_for_a_notebook(plain_run):
    run, found = plain_run
    drawn, channels = found["data"]["drawn"], found["data"]["channels"]
    made = [
        report.lengths(found), report.classes(found), report.learning_curves(run),
        report.sequences(drawn, channels, [s["name"] for s in drawn]), report.at_input(found),
        report.confusion(run.results["test"]), report.gradient_by_lag(found),
        report.gradient_by_lag(found, "jacobian"), report.replica_norms(found),
        report.saturation(found), report.initial_state(run.model),
        *(report.confused(found, k) for k in range(len(found["confusions"]))),
    ]  # fmt: skip
    for figure in made:
        assert isinstance(figure, go.Figure) and figure.data
        text = numbers(figure)
        assert "<table" in text and len(re.findall(r"<td>-?[\d.]+", text)) >= 2, "numbers, too"


def same(shown, values):
    """What is drawn, where anything is: values too small for a logarithmic axis are left out."""
    assert len(shown) == len(values) and any(v is not None for v in shown)
    left_out = [v for v, s in zip(values, shown, strict=True) if s is None and v is not None]
    assert all(v <= 1e-8 * max(v for v in values if v is not None) for v in left_out)
    assert [s for s in shown if s is not None] == [
        v for v, s in zip(values, shown, strict=True) if s is not None
    ]


def test_figures_of_the_data_show_it(plain_run):
    data = plain_run[1]["data"]
    for figure, key in ((report.lengths, "lengths"), (report.classes, "classes")):
        bars = figure({"data": data}).data
        assert [bar.name for bar in bars] == ["training", "test"]
        for bar, part in zip(bars, ("train", "test"), strict=True):
            x, y = data[part][key] if key == "lengths" else (range(3), data[part][key])
            assert (list(bar.x), list(bar.y)) == (list(x), list(y))
            assert sum(bar.y) == 60
    drawn = data["drawn"]
    traces = report.sequences(drawn, data["channels"], ["a", "b", "c"]).data
    for k, trace in enumerate(traces):
        sequence, channel = drawn[k // 2], k % 2
        assert trace.name == data["channels"][channel]
        assert list(trace.x) == sequence["at"] and list(trace.y) == sequence["values"][channel]
    assert len(traces) == 3 * 2


def test_figures_of_time_show_what_was_measured(plain_run):
    run, found = plain_run
    curves = {t.name: t for t in report.at_input(found).data}
    jacobians = {t.name: t for t in report.gradient_by_lag(found, "jacobian").data}
    for when in ("before", "after"):
        same(curves[f"{when} training"].y, found[when]["at_input"]["relative"])
        for layer in found[when]["layers"]:
            same(jacobians[f"{layer['where']}, {when}"].y, layer["jacobian"]["relative"])
    for k, layer in enumerate(found["replicas"]["layers"]):
        replicas = {t.name: t for t in report.replica_norms(found, k).data}
        assert {*replicas} == {n for n in layer["norms"] if not n.endswith("_bias")}
        for name, trace in replicas.items():
            assert list(trace.x) == found["replicas"]["at"]
            same(trace.y, layer["norms"][name])
    for trace in report.initial_state(run.model).data:
        where, state = trace.name.split(": ")
        vector = getattr(directions(run.model)[where].initial, f"{state}0")
        assert list(trace.y) == pytest.approx(sorted(vector.tolist()), rel=1e-4)


def test_a_confusion_is_shown_between_the_surest_of_its_classes(plain_run):
    found = plain_run[1]
    for k, pair in enumerate(found["confusions"]):
        figure, there = report.confused(found, k), ("of_true", "it", "of_taken")
        kept = [pair[key] for key in there if pair[key] is not None]
        titles = [note.text for note in figure.layout.annotations]
        assert len(titles) == len(kept) and f"taken for {pair['taken']}" in " ".join(titles)
        for row, sequence in enumerate(kept):
            assert titles[row].endswith(f": {sequence['name']}")
            assert list(figure.data[2 * row].y) == sequence["values"][0]


def test_the_gradient_and_its_horizon(failed_run):
    _, found = failed_run
    figure = report.gradient_by_lag(found)
    curves = {t.name: t for t in figure.data}
    after = found["after"]["layers"][0]["gradient"]
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


def test_confusion_counts_and_differences(plain_run):
    scores = plain_run[0].results["test"]
    figure = report.confusion(scores)
    heat, text = figure.data
    assert [list(row) for row in heat.customdata] == [list(row) for row in scores["confusion"]]
    assert sum(map(int, text.text)) == scores["sequences"]
    other = scores | {"confusion": [[5, 0, 0], [0, 5, 0], [0, 0, 5]]}
    beside = report.confusion(other, scores)
    expected = [[a - b for a, b in zip(*rows, strict=True)]
                for rows in zip(other["confusion"], scores["confusion"], strict=True)]  # fmt: skip
    assert [list(row) for row in beside.data[0].customdata] == expected


def test_learning_curves_have_every_epoch(plain_run):
    run, _ = plain_run
    (loss, norm) = report.learning_curves(run).data
    assert list(loss.x) == [1, 2, 3, 4]
    assert list(loss.y) == pytest.approx([row["loss"] for row in run.history], rel=1e-4)
    assert list(norm.y) == pytest.approx([r["gradient_norm"] for r in run.history], rel=1e-4)


def test_learning_curves_name_their_axes(plain_run):
    layout = report.learning_curves(plain_run[0]).layout
    assert (layout.yaxis.title.text, layout.yaxis2.title.text) == ("loss", "gradient norm")
    assert (layout.xaxis.title.text, layout.xaxis2.title.text) == (None, "epoch")


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


def test_gates_over_time_show_one_choice_at_first(plain_run):
    _, found = plain_run
    figure = report.over_time(found)
    seen = [t for t in figure.data if t.visible is not False]
    assert {t.meta["sequence"] for t in seen} == {"0"}
    assert [t.meta["what"] for t in seen if "what" in t.meta] == ["0 keep"]
    what = {(t.meta["sequence"], t.meta["what"]) for t in figure.data if "what" in t.meta}
    layers = found["gates"][0]["layers"]
    assert len(what) == len(found["gates"]) * sum(len(layer["values"]) for layer in layers)


def test_shares_of_a_gate_are_a_whole(plain_run):
    bars = report.saturation(plain_run[1]).data
    for parts in zip(*(bar.x for bar in bars), strict=True):
        assert sum(parts) == pytest.approx(1, abs=1e-4)


def test_lengths_are_binned_where_there_are_many():
    part = {"lengths": [list(range(10, 510)), [1] * 500], "classes": [250, 250]}
    figure = report.lengths({"data": {"train": part, "test": part}})
    assert len(figure.data[0].x) <= 42 and sum(figure.data[0].y) == 500
    assert figure.data[0].x[0] == 10


def test_the_initial_state_is_in_order(plain_run):
    for trace in report.initial_state(plain_run[0].model).data:
        assert list(trace.y) == sorted(trace.y)


def test_more_than_six_channels_are_a_map_of_colours(plain_run):
    values = [[1.0, 2.0, 5.0], [7.0, 7.0, 7.0]] + [[0.0, 1.0, 0.5]] * 5
    one = {"name": "s", "label": "a", "steps": 3, "at": [0, 1, 2], "values": values}
    (heat,) = report.sequences([one], [f"c{k}" for k in range(7)], ["s"]).data
    assert heat.type == "heatmap"
    assert [list(r) for r in heat.z[:3]] == [[-1, -0.5, 1], [0, 0, 0], [-1, 1, 0]]
    assert [list(r) for r in heat.customdata] == values, "the values themselves are told"


def test_names_alike_after_cutting_stay_two():
    part = {"lengths": [[3], [2]], "classes": [1, 1]}
    names = ["x" * 60 + "a" + "x" * 60, "x" * 60 + "b" + "x" * 60]
    figure = report.classes({"data": {"train": part, "test": part, "classes": names}})
    assert list(figure.data[0].x) == [0, 1]


@pytest.mark.parametrize(
    ("values", "kind", "dtick"),
    [([1.0, 5.0], "linear", None), ([1.0, 20.0], "log", None), ([1.0, 1e3], "log", 1),
     ([1.0, 1e10], "log", 2), ([], "linear", None)],
)  # fmt: skip
def test_logarithmic_axes(values, kind, dtick):
    axis = log_axis(values)
    assert (axis["type"], axis.get("dtick")) == (kind, dtick)


def test_one_of():
    both = [go.Figure(go.Scatter(y=[k])) for k in range(2)]
    made = one_of(both, "layer")
    assert [(t.meta["layer"], t.visible) for t in made.data] == [("0", True), ("1", False)]
