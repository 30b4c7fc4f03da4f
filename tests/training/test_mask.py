"""Masked steps are neither trained nor scored, and predicted by the states that are held there."""

import dataclasses

import pytest
import torch
from tasks.toys import Duration, Next, Phases, sequences
from training.tiny import same

from throughtime import GRU, Recurrent, evaluate, fit, predict, training
from throughtime.bptt import Full, Truncated
from throughtime.data import Batch, Batches, Target, collate
from throughtime.errors import DataError
from throughtime.report import measure
from throughtime.tasks import Classify
from throughtime.training.objective import Objective

PLAIN = sequences(16)
TASKS = [Classify(("left", "right")), Duration(), Phases(), Next(), Next(window=5)]
NAMES = [*(task.name for task in TASKS[:-1]), "carried"]


def with_gaps(data, seed=0):
    """The same sequences with 0 to 3 masked steps of nonsense before each of their steps."""
    draw = torch.Generator().manual_seed(seed)
    before = torch.randint(0, 4, (len(data.values),), generator=draw)
    places = (before + 1).cumsum(0) - 1
    total = int(places[-1]) + 3  # the last sequence ends with masked steps

    def spread(values, nonsense):
        wide = values.new_full((total, *values.shape[1:]), nonsense)
        wide[places] = values
        return wide

    targets = {
        name: Target(spread(t.values, 1 if t.classes else 7.0), t.classes, True)
        if t.each_step else t
        for name, t in data.targets.items()
    }  # fmt: skip
    offsets = torch.cat([torch.zeros(1).long(), places[data.offsets[1:] - 1] + 1])
    offsets[-1] = total
    mask = spread(torch.ones(len(data.values)).bool(), False)
    return dataclasses.replace(
        data, values=spread(data.values, torch.nan), offsets=offsets, targets=targets, mask=mask
    )


MASKED = with_gaps(PLAIN)


def model(task, **options):
    torch.manual_seed(0)
    direction = "forward" if task.carries_state else "both"
    layer = Recurrent(GRU, 2, 6, layers=2, direction=direction)
    return training.Model(layer, task=task, channels=PLAIN.channels, **options)


@pytest.mark.parametrize("task", TASKS, ids=NAMES)
def test_training_and_scores_are_those_of_the_real_steps(task):
    options = {"epochs": 3, "batch_size": 5, "validation": 0.25}
    runs = [fit(model(task), data, **options) for data in (PLAIN, MASKED)]
    assert same(*(run.model.state_dict() for run in runs))
    own = runs[0].model
    assert evaluate(own, MASKED) == evaluate(own, PLAIN)
    tested = [training.tested(own, data, data) for data in (PLAIN, MASKED)]
    assert tested[0].results == tested[1].results
    rows = len(MASKED.values) if task.each_step else len(MASKED)
    assert len(tested[1].predictions) == rows


@pytest.mark.parametrize("pooling", [None, "mean", "max"])
def test_an_answer_for_each_sequence_is_that_of_its_real_steps(pooling):
    own = model(TASKS[0], pooling=pooling).eval()
    assert torch.equal(predict(own, MASKED), predict(own, PLAIN))
    batch, real = (collate(data, torch.arange(16)) for data in (MASKED, PLAIN))
    x = batch.x.masked_fill(~batch.mask[..., None], torch.nan)
    torch.testing.assert_close(own(x, batch.lengths, batch.mask), own(real.x, real.lengths))


def test_an_answer_at_each_step_is_there_at_masked_ones_too():
    own = model(Phases()).eval()
    every = predict(own, MASKED)
    torch.testing.assert_close(every[MASKED.mask], predict(own, PLAIN))
    batch = collate(MASKED, torch.tensor([3]))
    first, last = MASKED.offsets[3:5].tolist()
    with torch.no_grad():
        y, _ = own.recurrent[0](own.encoder(batch.x), mask=batch.mask)
        want = own.task.predictions(own.output(y))[:, 0]
    assert not batch.mask.all()
    torch.testing.assert_close(every[first:last], want)


@pytest.mark.parametrize("mode", [Full(), Truncated(3)], ids=str)
@pytest.mark.parametrize("task", TASKS[:4], ids=NAMES[:4])
def test_the_loss_of_a_batch_with_a_mask(task, mode):
    """Also where its targets at masked steps are known, and its values anything."""
    if isinstance(mode, Truncated):
        own = training.Model(Recurrent(GRU, 2, 6), task=task, channels=PLAIN.channels)
    else:
        own = model(task)
    losses, gradients = [], []
    for data in (PLAIN, MASKED):
        data = task.prepare("test", data)
        batch = collate(data, torch.arange(6))
        if data is not PLAIN and batch.mask is not None:
            prepared = collate(task.prepare("test", data.real_steps()), torch.arange(6))
            dirty = batch.x.masked_fill(~batch.mask[..., None], torch.nan)
            targets = {n: _dirty(t, prepared.targets[n], batch) if n in batch.each_step else t
                       for n, t in batch.targets.items()}  # fmt: skip
            batch = dataclasses.replace(batch, x=dirty, targets=targets)
        own.zero_grad()
        loss, _ = Objective(own, task.training_loss(data), batch).backward(
            mode, scale_by_replicas=False
        )
        losses.append(loss)
        gradients.append([p.grad.clone() for p in own.parameters()])
    torch.testing.assert_close(*losses)
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b)


def _dirty(values, real, batch):
    """The targets of the real steps at these, and known ones at all others."""
    dirty = torch.full_like(values, 1)
    for b in range(dirty.shape[1]):
        steps = batch.mask[:, b].nonzero()[:, 0]
        dirty[steps, b] = real[: len(steps), b]
    return dirty


def test_windows_with_a_mask_are_refused():
    (batch,) = Batches(PLAIN, 16).epoch(0)
    steps = torch.ones(batch.x.shape[:2]).bool()
    window = Batch(batch.x, batch.lengths, batch.indices, {}, frozenset(), steps, steps)
    with pytest.raises(DataError, match="a batch has both resets and a mask; expected one of"):
        Objective(model(TASKS[0]), TASKS[0].training_loss(PLAIN), window)


def test_a_report_is_on_the_real_steps():
    run = fit(model(TASKS[0]), MASKED, epochs=1)
    assert measure(run, MASKED, MASKED) == measure(run, PLAIN, PLAIN)
    predictions = predict(run.model, MASKED)
    assert measure(run, MASKED, MASKED, predictions) == measure(run, PLAIN, PLAIN)
