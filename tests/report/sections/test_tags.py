"""Every step on the page: which sequences, bands, curves, positions, tables, hostile names."""

import pytest
import torch

from throughtime import GRU, Model, Recurrent, report, training
from throughtime.data import Sequences
from throughtime.report.sections import tags
from throughtime.tasks import Tag
from throughtime.training import Options, Run

NAME, CLASSES = "<b>phase</b>", ("<i>a</i>", "b", "</script>")


def made(count=9, steps=12):
    draw = torch.Generator().manual_seed(0)
    arrays, phases, levels = [], [], []
    for _ in range(count):
        x = torch.randn(steps, 2, generator=draw)
        arrays.append(x)
        phases.append([CLASSES[int(v)] if k else None for k, v in enumerate((x[:, 0] > 0).int())])
        levels.append([None if k == 3 else float(v) for k, v in enumerate(x[:, 1])])
    names = [f"<u>{k}</u>" for k in range(count)]
    targets, classes = {NAME: phases, "level": levels}, {NAME: CLASSES}
    return Sequences.from_list(arrays, targets=targets, classes=classes, names=names)


@pytest.fixture(scope="module")
def tested():
    data = made()
    torch.manual_seed(0)
    task = Tag.of(data).fitted(data)
    model = Model(Recurrent(GRU, 2, 3), task=task, channels=data.channels).eval()
    run = Run(model, Options(epochs=1), details={})
    done = training.tested(model, data, data)
    run.record(done.results)
    return run, data, done.predictions, report.measure(run, data, data, done.predictions)


def test_the_worst_the_middle_and_the_best(tested):
    run, data, predictions, measured = tested
    phase, level = measured["tags"]
    assert (phase["target"], level["target"]) == (NAME, "level")
    true, chosen = data.targets[NAME].values, predictions[:, :3].argmax(-1)
    wrong = [float((true[k : k + 12] != chosen[k : k + 12])[1:].float().mean())
             for k in range(0, 108, 12)]  # fmt: skip
    errors = [s["error"] for s in phase["sequences"]]
    assert errors == pytest.approx([max(wrong), sorted(wrong)[4], min(wrong)], rel=1e-4)
    worst = phase["sequences"][0]
    k = data.names.index(worst["name"])
    assert worst["true"] == [None, *true[12 * k + 1 : 12 * k + 12].tolist()]
    assert worst["predicted"] == chosen[12 * k : 12 * k + 12].tolist()
    of_number = level["sequences"][0]
    k = data.names.index(of_number["name"])
    error = (data.targets["level"].values - predictions[:, 3])[12 * k : 12 * k + 12]
    assert of_number["error"] == pytest.approx(float(error.square().nanmean().sqrt()), rel=1e-4)
    assert of_number["true"][3] is None and of_number["true"][2] is not None


def test_errors_by_position(tested):
    _, data, predictions, measured = tested
    phase, level = measured["tags"]
    assert phase["position"][0] is None and level["position"][3] is None  # never known
    true, chosen = data.targets[NAME].values, predictions[:, :3].argmax(-1)
    want = (true != chosen).view(9, 12).double().mean(0)[1:]
    assert phase["position"][1:] == pytest.approx(want.tolist(), rel=1e-4)
    drawn = tags.position(phase).data[0]
    assert list(drawn.y) == phase["position"] and drawn.x[0] == pytest.approx(100 / 24, abs=0.1)


def test_bands_say_true_and_predicted(tested):
    phase = tested[3]["tags"][0]
    drawn = tags.bands(phase)
    maps = [trace for trace in drawn.data if trace.type == "heatmap"]
    for band, s in zip(maps, phase["sequences"], strict=True):
        names = [["not known" if v is None else CLASSES[v] for v in s["true"]],
                 [CLASSES[v] for v in s["predicted"]]]  # fmt: skip
        shown = [[t.replace("&lt;", "<").replace("&gt;", ">") for t in row] for row in band.text]
        assert shown == names[::-1]
        assert [v is None for v in band.z[1]] == [v is None for v in s["true"]]
    assert not any("<i>" in str(part) for part in drawn.to_dict()["data"])


def test_many_classes_share_the_last_colour():
    places = [*range(12), *range(5)]
    shown = {"name": "s", "error": 0.0, "at": list(range(17)), "true": places, "predicted": places}
    target = {"target": "t", "classes": [f"c{k}" for k in range(12)], "sequences": [shown],
              "position": [0.0]}  # fmt: skip
    drawn = tags.bands(target).data
    assert [*drawn[0].z[0][:5]] == [0, 1, 2, 3, 4] and {*drawn[0].z[0][6:12]} == {len(tags.HUES)}
    assert [trace.name for trace in drawn[1:]][-1] == "others"
    assert len(drawn) == 1 + len(tags.HUES)


def test_curves(tested):
    level = tested[3]["tags"][1]
    drawn = tags.curves(level).data
    assert [list(t.y) for t in drawn[:2]] == [
        level["sequences"][0]["true"], level["sequences"][0]["predicted"],
    ]  # fmt: skip
    assert [t.name for t in drawn] == ["true", "predicted"] * 3


def test_the_page(tested):
    run, _, _, measured = tested
    page = report.report(run, measured)
    for text in (NAME, "<i>a</i>", "<u>0</u>"):
        assert text not in page
    assert "True and predicted: &lt;b&gt;phase&lt;/b&gt;" in page and "Every step" in page
    scores = run.results["test"]["targets"][NAME]
    table = tags.each_class(scores)
    assert f"{scores['recall'][1]:.4g}" in table and "&lt;i&gt;a&lt;/i&gt;" in table
    parts = [part for part in tags.write(run, measured) if not isinstance(part, str)]
    assert [p.name for p in parts] == ["tags0", "position0", "tags1", "position1"]
    assert "not known" in parts[0].tables and parts[2].tables is None
    assert [*tags.write(run, None)] == []


def test_spans_stand_below_the_classes():
    each = {"precision": 0.25, "recall": 0.5, "F1": 1 / 3, "types": ["x"], "precision_each": [0.25],
            "recall_each": [0.5], "F1_each": [1 / 3], "true": [7]}  # fmt: skip
    scores = {"classes": ["B-x", "O"], "confusion": [[1, 0], [0, 1]], "precision": [1.0, 1.0],
              "recall": [1.0, 1.0], "F1": [1.0, 1.0], "spans": each}  # fmt: skip
    assert "type of span" in tags.each_class(scores) and ">7<" in tags.each_class(scores)
    assert "type of span" not in tags.each_class({**scores, "spans": None})


def test_long_sequences_are_thinned(monkeypatch, tested):
    monkeypatch.setattr(tags, "STEPS", 5)
    monkeypatch.setattr(tags, "ROWS", 2)
    run, data, predictions, _ = tested
    measured = report.measure(run, data, data, predictions)
    shown = measured["tags"][0]["sequences"][0]
    assert shown["at"][0] == 0 and shown["at"][-1] == 11 and len(shown["true"]) == 5
    part = next(p for p in tags.write(run, measured) if not isinstance(p, str))
    assert "Long sequences are thinned out" in part.says and "the first 2 of" in part.tables
