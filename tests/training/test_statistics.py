"""Statistics beside the recurrent layers: their numbers, how they begin, and their gradients."""

import json

import pytest
import torch
from tasks.toys import Next
from training.tiny import same_when_resumed, sequences

from throughtime import GRU, Model, Recurrent, evaluate, fit, load
from throughtime.data import Batches, Scaler, Sequences, collate
from throughtime.errors import OptionError
from throughtime.tasks import Regress, Tag, baselines
from throughtime.training.fitted import fit_before
from throughtime.training.objective import Objective
from throughtime.training.statistics import statistics

DATA = sequences(40, classes=3)
OPTIONS = {"statistics": True, "differences": True, "at_once": 2}
LENGTHS = torch.tensor([5, 1, 3])


def model(direction="both", data=DATA, task=None, **options):
    torch.manual_seed(0)
    options = OPTIONS | options
    width = 2 * (2 if options["differences"] else 1) * options["at_once"]
    of = {"classes": data.classes} if task is None else {"task": task}
    layer = Recurrent(GRU, width, 3, direction=direction)
    return Model(layer, channels=data.channels, **of, **options)


def test_the_statistics_are_those_of_each_sequence_by_itself():
    y = torch.randn(5, 3, 2).masked_fill((torch.arange(5)[:, None] >= LENGTHS)[..., None], 1e6)
    rows = statistics(y, LENGTHS)
    for b, length in enumerate(LENGTHS.tolist()):
        own = y[:length, b]
        expected = torch.cat([own.mean(0), own.std(0, correction=0), own[-1]])
        assert torch.allclose(rows[b], expected, atol=1e-6)


def test_the_spread_of_what_never_changes_has_a_gradient():
    y = torch.ones(4, 2, 1, requires_grad=True)
    statistics(y, torch.tensor([4, 2])).sum().backward()
    assert y.grad is not None and y.grad.isfinite().all()


def test_answers_begin_as_those_of_the_linear_baseline():
    own = model()
    fit_before(own, DATA, own.task.training_loss(DATA))
    batch = collate(DATA, torch.arange(len(DATA)))
    said = own.statistics(own.encoder(batch.x), batch.lengths).detach()
    scores = own.task.scores(own.task.predictions(said), DATA)
    linear = baselines.linear(DATA, DATA)
    assert scores.accuracy == linear.accuracy
    assert scores.loss == pytest.approx(linear.loss, rel=1e-3)


def test_numbers_begin_near_those_of_ridge_regression():
    arrays = [DATA[k] for k in range(len(DATA))]
    numbers = [float(3 * a[:, 0].mean() - a[-1, 1]) for a in arrays[:-1]] + [None]
    data = Sequences.from_list(arrays, targets={"y": numbers})
    own = model(task=Regress(("y",)), data=data)
    own.task = own.task.fitted(data)
    fit_before(own, data, own.task.training_loss(data))
    batch = collate(data, torch.arange(len(data)))
    said = own.task.predictions(own.statistics(own.encoder(batch.x), batch.lengths).detach())
    assert own.task.scores(said, data).R2 > 0.99


@pytest.mark.parametrize("bptt", ["full", "checkpointed:2", "truncated:4"])
@pytest.mark.parametrize("scaled", [False, True], ids=["plain", "scaled"])
def test_every_mode_has_the_gradient_of_the_plain_loss(bptt, scaled):
    from throughtime.bptt import mode

    own = model("forward").double()
    batch = collate(DATA, torch.arange(8))
    object.__setattr__(batch, "x", batch.x.double())
    loss = own.task.training_loss(DATA)
    plain = loss.total(own(batch.x, batch.lengths), batch) / 8
    names, parameters = zip(*own.named_parameters(), strict=True)
    expected = dict(zip(names, torch.autograd.grad(plain, parameters), strict=True))
    value, _ = Objective(own, loss, batch).backward(mode(bptt), scale_by_replicas=scaled)
    assert torch.allclose(value, plain)
    for name, parameter in own.named_parameters():
        if not (scaled and name.startswith("recurrent")):  # those are divided
            assert torch.allclose(parameter.grad, expected[name], atol=1e-12), name


def test_a_sequence_is_answered_alike_alone_and_in_a_batch():
    own = model().eval()
    batch = collate(DATA, torch.arange(len(DATA)))
    together = own(batch.x, batch.lengths)
    for k in range(len(DATA)):
        assert torch.allclose(own(DATA[k][:, None]), together[k : k + 1], atol=1e-5)


def test_a_model_is_described_and_read_back_and_earlier_ones_are_without():
    own = model(noise=0.25)
    described = json.loads(json.dumps(own.describe()))
    again = Model.from_description(described)
    assert again.describe() == own.describe()
    assert again.statistics is not None and (again.steps.differences, again.steps.at_once,
                                             again.steps.noise) == (True, 2, 0.25)  # fmt: skip
    again.load_state_dict(own.state_dict())
    early = Model(Recurrent(GRU, 2, 3), classes=("a", "b"), channels=("x", "y")).describe()
    for name in ("statistics", "differences", "at_once", "noise"):
        del early[name]
    plain = Model.from_description(early)
    assert plain.statistics is None and (plain.steps.at_once, plain.steps.noise) == (1, 0.0)


def test_resumed_it_is_the_same_run(tmp_path):
    whole = same_when_resumed(lambda: model(noise=0.2), DATA, tmp_path)
    loaded = load(tmp_path / "cut").model
    assert evaluate(loaded, DATA).loss == evaluate(whole.model, DATA).loss


def test_the_training_part_alone_decides_the_scale():
    run = fit(model(), DATA, epochs=1, validation=0.25)
    seen = run.model.statistics.mean
    everything = torch.stack([
        statistics(Scaler.fit(DATA).apply(DATA)[k][:, None], DATA.lengths[k : k + 1])[0]
        for k in range(len(DATA))
    ])  # fmt: skip
    assert not torch.allclose(seen, everything.mean(0), atol=1e-4)


@pytest.mark.parametrize("options", [{"statistics": True}, {"at_once": 2}])
def test_a_task_at_each_step_cannot_have_one_answer_or_fewer_steps(options):
    layer = Recurrent(GRU, 2 * options.get("at_once", 1), 3)
    with pytest.raises(OptionError, match="expected a task with one answer for each sequence"):
        Model(layer, task=Tag(("a", "b")), channels=("x", "y"), **options)


def test_windows_that_go_on_cannot_have_changes():
    with pytest.raises(OptionError, match="expected a task on whole sequences"):
        Model(Recurrent(GRU, 4, 3), task=Next(window=5), channels=("x", "y"), differences=True)


def test_batches_of_all_sizes_have_the_same_statistics():
    own = model().eval()
    said = {
        size: torch.cat([
            own.statistics(own.encoder(b.x), b.lengths)[b.indices.argsort()]
            for b in Batches(DATA, size, shuffle=False, group_by_length=False).epoch(0)
        ])
        for size in (1, 7, 40)
    }  # fmt: skip
    assert torch.allclose(said[1], said[40], atol=1e-6)
    assert torch.allclose(said[7], said[40], atol=1e-6)
