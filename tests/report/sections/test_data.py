"""The data: counted, drawn, and what is said of it."""

import copy
from types import SimpleNamespace

from report.conftest import noisy, trained

from throughtime import report
from throughtime.report.sections import data

UNTESTED = SimpleNamespace(results={}, model=None)


def test_constant_channels():
    assert data.constant_channels([]) == []
    assert data.constant_channels(["<b>"]) == [
        "Channel <b>: the same value in every training step, so the network learns nothing from it."
    ]
    (line,) = data.constant_channels([f"c{k}" for k in range(9)])
    assert line.startswith("Channels c0, c1, c2, c3, c4, c5 and 3 more: the same value in every")


def test_a_channel_that_never_changes_in_training_is_named(tmp_path):
    train, test = (noisy(12, channels=("c0", "<still>"), seed=k) for k in (0, 1))
    train.values[:, 1] = 0.1
    run, measured = trained(tmp_path / "run", train, test, epochs=1)
    assert measured["data"]["constant"] == ["<still>"]
    assert "Channel &lt;still&gt;: the same value in every training step" in report.report(
        run, measured
    )
    del measured["data"]["constant"]  # as an earlier version kept it
    assert "the same value" not in report.report(run, measured)


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


def test_lengths_are_binned_where_there_are_many():
    part = {"lengths": [list(range(10, 510)), [1] * 500], "classes": [250, 250]}
    figure = report.lengths({"data": {"train": part, "test": part}})
    assert len(figure.data[0].x) <= 42 and sum(figure.data[0].y) == 500
    assert figure.data[0].x[0] == 10


def test_names_alike_after_cutting_stay_two():
    part = {"lengths": [[3], [2]], "classes": [1, 1]}
    names = ["x" * 60 + "a" + "x" * 60, "x" * 60 + "b" + "x" * 60]
    figure = report.classes({"data": {"train": part, "test": part, "classes": names}})
    assert list(figure.data[0].x) == [0, 1]


def test_sequences_without_classes():
    part = {"lengths": [[3, 5], [2, 1]], "classes": []}
    one = {"name": "s", "steps": 3, "at": [0, 1, 2], "values": [[1.0, 2.0, 3.0]]}
    made = {"channels": ["x"], "classes": [], "train": part, "test": part, "drawn": [one, one]}
    assert data.size(made) == "3 training and 3 test sequences of 3 to 5 steps, 1 channel."
    assert data.what_is_drawn(made) == ["The first 2 test sequences."]
    parts = [p for p in data.write(UNTESTED, {"data": made}) if isinstance(p, report.Figure)]
    assert [p.name for p in parts] == ["lengths", "sequences"]
    assert "sequence s, 3 steps" in [n.text for n in parts[1].figure.layout.annotations]


def test_how_common_the_classes_are_in_training(plain_run):
    measured = copy.deepcopy(plain_run[1])
    measured["data"]["train"]["classes"] = [1, 2, 57]
    (figure,) = [p for p in data.write(UNTESTED, measured) if getattr(p, "name", "") == "classes"]
    assert figure.says == "The classes have 1 to 57 training sequences."


def test_balance():
    assert data.balance([3, 3]) == "Every class has 3 training sequences."
    assert data.balance([3, 1, 7]) == "The classes have 1 to 7 training sequences."
