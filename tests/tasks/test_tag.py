"""A class and a number at every step: losses, weights, scores and rows by slow computations."""

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from tasks.toys import sequences

from throughtime import GRU, Model, Recurrent, evaluate, fit, load, predict, training
from throughtime.bptt import Checkpointed, Full, Truncated
from throughtime.data import Sequences, Target, collate
from throughtime.errors import DataError, OptionError
from throughtime.tasks import Tag
from throughtime.tasks.step_baselines import Windows, logistic, ridge
from throughtime.training.objective import Objective

DATA, TEST = sequences(40), sequences(25, seed=1)
BOTH = {"phase": ("down", "up"), "level": None}
TASK = Tag(BOTH)


def model(task=TASK, direction="both", **options):
    torch.manual_seed(0)
    layer = Recurrent(GRU, 2, 8, direction=direction)
    return Model(layer, task=task, channels=DATA.channels, **options)


def weighed(data, seed=5):
    """The same with a weight of each step, some of them 0."""
    weights = torch.rand(len(data.values), generator=torch.Generator().manual_seed(seed))
    weights[::4] = 0
    return dataclasses.replace(data, targets=data.targets | {"w": Target(weights, each_step=True)})


def test_it_learns_and_beats_what_is_always_the_same(tmp_path):
    run = fit(model(), DATA, folder=tmp_path / "run", epochs=40, batch_size=8,
              learning_rate=0.02, validation=0.2)  # fmt: skip
    results = training.tested(run.model, DATA, TEST).results
    assert results["test"]["mean_score"] > 0.9 > 0.5 > results["constant"]["mean_score"]
    assert {"validation_loss", "validation_mean_score"} <= {*run.history[-1]}
    again = load(tmp_path / "run").model
    assert again.task == run.model.task and len(again.task.std) == 1
    assert torch.equal(predict(again, TEST), predict(run.model, TEST))


def steps_of(data):
    """Each step of each sequence: sequence, step, place among all."""
    for k in range(len(data)):
        first, last = data.offsets[k : k + 2].tolist()
        for place in range(first, last):
            yield k, place - first, place


def test_scores_equal_a_slow_computation():
    own = model().eval()
    own.task = own.task.fitted(DATA)
    with torch.no_grad():
        rows = torch.cat([own(TEST[k][:, None])[:, 0] for k in range(len(TEST))])
    phase, level = (TEST.targets[name].values for name in BOTH)
    scores = evaluate(own, TEST)
    right, nats, wrong, squares, absolute, true = [], [], set(), [], [], []
    for k, _, place in steps_of(TEST):
        if phase[place] >= 0:
            p = rows[place, :2].double().softmax(-1)
            right.append(int(p.argmax()) == int(phase[place]))
            nats.append(-math.log(p[phase[place]]))
            wrong |= set() if right[-1] else {k}
        if not math.isnan(level[place]):
            error = float(rows[place, 2]) * own.task.std[0] + own.task.mean[0] - float(level[place])
            squares.append(error**2)
            absolute.append(abs(error))
            true.append(float(level[place]))
    of_class, of_number = scores.targets["phase"], scores.targets["level"]
    assert of_class.known == len(right) < len(TEST.values)
    assert of_class.accuracy == pytest.approx(sum(right) / len(right))
    assert of_class.loss == pytest.approx(sum(nats) / len(nats), rel=1e-5)
    assert of_class.whole == pytest.approx(1 - len(wrong) / len(TEST))
    assert of_number.RMSE == pytest.approx(math.sqrt(sum(squares) / len(squares)), rel=1e-5)
    assert of_number.MAE == pytest.approx(sum(absolute) / len(absolute), rel=1e-5)
    middle = sum(true) / len(true)
    about = sum((t - middle) ** 2 for t in true)
    assert of_number.R2 == pytest.approx(1 - sum(squares) / about, rel=1e-4)
    assert of_number.known == len(squares)
    in_units = sum(squares) / own.task.std[0] ** 2
    assert scores.loss == pytest.approx((sum(nats) + in_units) / (len(nats) + len(squares)))
    assert scores.to_dict()["mean_score"] == (of_class.accuracy + of_number.R2) / 2
    assert (scores.sequences, scores.steps) == (25, len(TEST.values))


def test_macro_F1_is_that_of_the_classes_that_occur():
    """A class that is neither true nor predicted at any step does not count."""
    task = Tag({"tag": ("a", "b", "c")})
    data = Sequences.from_list(
        [[1.0] * 4], targets={"tag": [["a", "a", "b", None]]}, classes=task.classes
    )
    said = F.one_hot(torch.tensor([0, 1, 1, 2]), 3).float()  # c where nothing is known
    scores = task.scores(said, data).targets["tag"]
    assert scores.F1 == pytest.approx((2 / 3, 2 / 3, 0)) and scores.macro_F1 == pytest.approx(2 / 3)
    assert scores.confusion == ((1, 1, 0), (0, 1, 0), (0, 0, 0)) and scores.whole == 0


def test_spans_of_bio_tags_and_of_runs():
    """None goes on over a step that is not known, nor into the next sequence."""
    tags = [["B-x", "I-x", None, "I-x"], ["I-x", "O"]]
    task = Tag({"tag": ("B-x", "I-x", "O")})
    data = Sequences.from_list([[0.0] * 4, [0.0] * 2], targets={"tag": tags}, classes=task.classes)
    truth = data.targets["tag"].values
    exact = F.one_hot(truth.clamp(min=0), 3).float()
    spans = task.scores(exact, data).targets["tag"].spans
    assert (spans.F1, spans.true) == (1.0, (3,))
    cut = F.one_hot(torch.tensor([0, 2, 1, 1, 1, 2]), 3).float()  # the first span ends too early
    spans = task.scores(cut, data).targets["tag"].spans
    assert spans.recall == pytest.approx(2 / 3) == spans.precision
    runs = {"tag": [["a", "a", "b"]]}
    data = Sequences.from_list([[0.0] * 3], targets=runs)
    said = F.one_hot(torch.tensor([0, 0, 0]), 2).float()
    assert Tag(("a", "b")).scores(said, data).targets["tag"].spans is None
    spans = Tag(("a", "b"), spans=True).scores(said, data).targets["tag"].spans
    assert (spans.precision, spans.recall, spans.types) == (0.0, 0.0, ("a", "b"))
    assert [t.title for t in Tag(("a", "b"), spans=True).scores(said, data).tables()][-1] == (
        "tag: spans of each type"
    )


def slow_training_loss(own, data, of_classes, smoothing):
    """Sum and weight, step by step."""
    total, weight = 0.0, 0.0
    phase, level, steps = (data.targets[name].values for name in ("phase", "level", "w"))
    out = torch.cat([own(data[k][:, None])[:, 0] for k in range(len(data))]).double()
    share = 1 - smoothing
    for _, _, place in steps_of(data):
        w = float(steps[place])
        if phase[place] >= 0:
            y, logs = int(phase[place]), out[place, :2].log_softmax(-1)
            spread = sum(of_classes[c] * -logs[c] for c in range(2)) / 2
            total = total + w * (share * of_classes[y] * -logs[y] + smoothing * spread)
            weight += w * of_classes[y]
        if not math.isnan(level[place]):
            wanted = (float(level[place]) - own.task.mean[0]) / own.task.std[0]
            total = total + w * (out[place, 2] - wanted).square()
            weight += w
    return total, weight


@pytest.mark.parametrize("mode", [Full(), Checkpointed(3), Truncated(50)], ids=str)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("class_weights", [False, True])
def test_weights_of_steps_and_classes_in_every_mode(mode, smoothing, class_weights):
    data = weighed(DATA).select(range(9))
    own = model(Tag(BOTH, weights="w"), direction="forward").eval()
    own.task = own.task.fitted(data)
    phase = data.targets["phase"].values
    counts = [int((phase == c).sum()) for c in range(2)]
    of_classes = [sum(counts) / (2 * n) for n in counts] if class_weights else [1.0, 1.0]
    loss_of = own.task.training_loss(data, class_weights=class_weights, label_smoothing=smoothing)
    objective = Objective(own, loss_of, collate(data, torch.arange(9)))
    loss, _ = objective.backward(mode, scale_by_replicas=False)
    found = {n: p.grad.clone() for n, p in own.named_parameters()}
    own.zero_grad()
    total, weight = slow_training_loss(own, data, of_classes, smoothing)
    (total / weight).backward()
    assert loss.item() == pytest.approx(float(total.detach()) / weight, rel=1e-5)
    for name, p in own.named_parameters():
        torch.testing.assert_close(found[name], p.grad, rtol=2e-3, atol=1e-6, msg=name)


def test_weights_change_training_and_no_score():
    data = weighed(DATA)
    plain, heavy = model(TASK), model(Tag(BOTH, weights="w"))
    assert evaluate(plain, data).to_dict() == evaluate(heavy, DATA).to_dict()
    runs = [fit(m, data, epochs=2, batch_size=8) for m in (plain, heavy)]
    assert runs[0].history[-1]["loss"] != runs[1].history[-1]["loss"]
    assert runs[0].model.task.mean == runs[1].model.task.mean


def test_a_step_of_weight_0_is_as_one_that_is_not_known():
    data, task = weighed(DATA), Tag({"phase": ("down", "up")}, weights="w")
    out = data.targets["w"].values == 0
    ones = Target((~out).float(), each_step=True)
    phase = data.targets["phase"]
    less = dataclasses.replace(phase, values=phase.values.masked_fill(out, -1))
    of_0 = dataclasses.replace(data, targets={"phase": phase, "w": ones})
    unknown = dataclasses.replace(data, targets={"phase": less})
    gradients = []
    for part, own in ((of_0, task), (unknown, Tag({"phase": ("down", "up")}))):
        net = model(own)
        batch = collate(own.prepare("test", part), torch.arange(12))
        Objective(net, own.training_loss(part), batch).backward(Full(), scale_by_replicas=False)
        gradients.append([p.grad for p in net.parameters()])
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (None, "have no number 'w' of each step; expected one"),
        ([-1.0], "the weight 'w' of step 0 of sequence '0' is -1; expected a number, 0 or more"),
        ([math.nan], "the weight 'w' of step 0 of sequence '0' is nan"),
        ([0.0], "the weight 'w' is 0 at every step"),
    ],
)
def test_weights_that_cannot_be(weights, says, tmp_path):
    data = DATA
    if weights is not None:
        target = Target(torch.tensor(weights * len(DATA.values)), each_step=True)
        data = dataclasses.replace(DATA, targets=DATA.targets | {"w": target})
    with pytest.raises(DataError, match=says):
        fit(model(Tag(BOTH, weights="w")), data, epochs=1, folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_ragged_sequences_one_by_one():
    """Scores of a padded batch are those of the predictions of each sequence by itself."""
    own = model()
    own.task = own.task.fitted(DATA)
    alone = torch.cat([predict(own, TEST.select([k])) for k in range(len(TEST))])
    torch.testing.assert_close(predict(own, TEST), alone, rtol=1e-5, atol=1e-6)
    want = own.task.scores(alone, TEST).to_dict()["targets"]
    assert (
        evaluate(own, TEST).to_dict()["targets"]["phase"]["confusion"]
        == (want["phase"]["confusion"])
    )


@pytest.mark.parametrize("bptt", ["full", "checkpointed:3", "truncated:4"])
def test_resumed_it_is_the_same_run(bptt, tmp_path):
    """Bit for bit, with tags that are not known, weights of steps and of classes."""

    class Stop(Exception):
        pass

    def stop(at):
        if (at.epoch, at.batch) == (1, 2):
            raise Stop

    def run(folder=None, **options):
        own = model(Tag(BOTH, weights="w"), "forward", dropout=0.3)
        options |= {"epochs": 3, "batch_size": 8, "class_weights": True, "validation": 0.2}
        return fit(own, weighed(DATA), folder=folder, bptt=bptt, scale_by_replicas=True, **options)

    whole = run()
    with pytest.raises(Stop):
        run(tmp_path / "run", checkpoint_seconds=0, progress=stop)
    again = run(tmp_path / "run", resume=True)
    strip = [[{**row, "seconds": 0} for row in r.history] for r in (whole, again)]
    assert strip[0] == strip[1]
    weights = whole.model.state_dict()
    assert all(torch.equal(t, weights[n]) for n, t in again.model.state_dict().items())


def test_windows_end_where_their_sequence_does():
    """Scaled in the training part, whose values are -1 and 1; 0 beyond the ends."""
    data = Sequences.from_list([[1.0, 2.0, 3.0], [10.0, 20.0]])
    windows = Windows(data, Sequences.from_list([[-1.0, 1.0]])).at(torch.arange(5))
    assert windows.tolist() == [
        [0, 0, 1, 2, 3], [0, 1, 2, 3, 0], [1, 2, 3, 0, 0], [0, 0, 10, 20, 0], [0, 10, 20, 0, 0],
    ]  # fmt: skip


def test_linear_baselines_know_the_steps_around():
    """The tag is that of the step before the last: told from steps -2 to 2 and not from one."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(40, 12, 1, generator=draw)
    before = x.roll(2, 1).flatten(1)
    before[:, :2] = torch.nan
    tags = [["up" if v > 0 else None if v.isnan() else "down" for v in row] for row in before]
    data = Sequences.from_list(x, targets={"tag": tags, "number": before})
    scores = Tag.of(data).baselines(data, data)["linear"].targets
    assert scores["tag"].accuracy > 0.97 and scores["number"].R2 > 0.99
    assert scores["tag"].known == 400


def test_linear_baselines_are_fitted_to_a_bounded_number_of_steps(monkeypatch):
    from throughtime.tasks import step_baselines

    monkeypatch.setattr(step_baselines, "MOST", 50)
    seen, at = [], Windows.at
    monkeypatch.setattr(Windows, "at", lambda self, steps: seen.append(steps) or at(self, steps))
    windows = Windows(DATA, DATA)
    phase, level = (DATA.targets[name].values for name in BOTH)
    said = logistic(windows, phase, 2)(windows), ridge(windows, level)(windows)
    assert [len(out) for out in said] == [len(DATA.values)] * 2
    assert max(map(len, seen)) == 50 and (phase[seen[0]] >= 0).all()
    assert seen[0][0] < 3 and seen[0][-1] > len(phase) - 3


def test_constant_baselines():
    scores = TASK.baselines(DATA, TEST)["constant"].targets
    phase, level = (TEST.targets[name].values for name in BOTH)
    counts = [int((DATA.targets["phase"].values == c).sum()) for c in range(2)]
    commonest = counts.index(max(counts))
    known = phase[phase >= 0]
    assert scores["phase"].accuracy == pytest.approx(float((known == commonest).double().mean()))
    error = level - DATA.targets["level"].values.nanmean()
    assert scores["level"].RMSE == pytest.approx(float(error.square().nanmean().sqrt()), rel=1e-5)


def test_rows_stand_in_the_order_of_the_table():
    data = TEST.select([0, 1])
    n = len(data.values)
    data = dataclasses.replace(
        data, times=[f"t{k}" for k in range(n)], rows=torch.arange(n).flip(0)
    )
    out = model().task.predictions(torch.randn(n, 3))
    header, rows = TASK.rows(out, data)
    assert header == ["sequence", "time", "phase", "p_phase_down", "p_phase_up", "level"]
    assert [row[1] for row in rows] == [f"t{k}" for k in reversed(range(n))]
    assert rows[0][0] == "1" and rows[-1][0] == "0"
    assert rows[0][2] == ("down", "up")[int(out[-1, :2].argmax())]
    assert rows[0][3:] == out[-1].tolist()  # numbers, not texts
    alone = Tag({"phase": ("down", "up")})
    header, rows = alone.rows(out[:, :2], dataclasses.replace(data, times=None, rows=None))
    assert header == ["sequence", "step", "predicted", "p_down", "p_up"]
    assert [row[1] for row in rows] == [*range(int(data.lengths[0])), *range(int(data.lengths[1]))]


@pytest.mark.parametrize(
    ("targets", "metric", "options", "titles"),
    [
        (BOTH, "mean_score", 2, ["commonest class, mean of training",
                                 "logistic and ridge regression on steps -2 to 2"]),
        ({"a": ("x", "y")}, "accuracy", 2, ["commonest class",
                                            "logistic regression on steps -2 to 2"]),
        ({"a": (), "b": None}, "R2", 0, ["mean of training", "ridge regression on steps -2 to 2"]),
    ],
)  # fmt: skip
def test_what_decides(targets, metric, options, titles):
    task = Tag(targets)
    assert task.metric == (metric, True, None) and len(task.options) == options
    assert list(task.baseline_titles.values()) == titles
    assert Tag.from_description(task.describe()) == task


def test_class_weights_of_numbers_are_refused():
    with pytest.raises(OptionError, match="'tag' has no such option. Leave out class_weights"):
        fit(model(Tag({"level": None})), DATA, epochs=1, class_weights=True)


@pytest.mark.parametrize(
    ("targets", "says"),
    [
        ({}, "have the targets none and no class 'phase' of each step"),
        ({"phase": DATA.targets["level"]}, "have the targets 'phase' and no class 'phase'"),
        ({"phase": DATA.targets["turn"]}, "have the targets 'phase' and no class 'phase'"),
        ({"phase": dataclasses.replace(DATA.targets["phase"], classes=("up", "down"))},
         "has the classes 'up', 'down'; expected those of the model, 'down', 'up'"),
        ({"phase": dataclasses.replace(DATA.targets["phase"],
                                       values=torch.full((len(DATA.values),), -1))},
         "'phase' is not known at any step; expected it at some"),
    ],
    ids=["none", "a number", "of sequences", "other classes", "not known"],
)  # fmt: skip
def test_sequences_of_another_kind_are_refused(targets, says, tmp_path):
    data = dataclasses.replace(DATA, targets=targets)
    with pytest.raises(DataError, match=f"fit: .*{says}"):
        fit(model(Tag({"phase": ("down", "up")})), data, epochs=1, folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("types_unchecked")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (({},), "targets is empty"),
        ((("a",),), "the target 'tag' has .*; expected at least 2 names"),
        (({"a": "xy"},), "the target 'a' has 'xy'; expected at least 2 names"),
        (({"a": None}, "a"), "weights is 'a', which is a target"),
        (({"a": None}, None, True), "spans is given; expected a class among the targets"),
    ],
)
def test_what_the_task_refuses(arguments, says):
    with pytest.raises(OptionError, match=says):
        Tag(*arguments)


def test_classes_alone_are_those_of_tag():
    assert Tag(("a", "b")) == Tag({"tag": ("a", "b")}) and Tag(["a", "b"]).width == 2
