"""Every task alike, and three of a user's own: trained, resumed, loaded, used without touching the
package."""

import dataclasses
import math
import sys

import pytest
import torch
from tasks.toys import Duration, Next, Phases, sequences

from throughtime import GRU, Recurrent, evaluate, fit, load, predict, training
from throughtime.bptt import Checkpointed, Full, Truncated
from throughtime.data import Batches, Streams, collate
from throughtime.errors import DataError, OptionError, RunError
from throughtime.tasks import Classify, Regress, Tag, Task
from throughtime.training.objective import Objective

DATA, TEST = sequences(), sequences(16, seed=1)
TURNS = Classify(("left", "right"))
TOYS = [Duration(), Phases(), Next()]
TAGS = Tag({"phase": ("down", "up"), "level": None})
QUANTILES = Regress(("duration",), quantiles=(0.2, 0.5, 0.9))
TASKS = [TURNS, *TOYS, Regress(("duration",)), TAGS, QUANTILES]
NAMES = [*(task.name for task in TASKS[:-1]), "quantiles"]
CARRIED = Next(window=5)


def model(task, direction="forward", **options):
    torch.manual_seed(0)
    layer = Recurrent(GRU, 2, 6, direction=direction)
    return training.Model(layer, task=task, channels=DATA.channels, **options)


def trained(task, folder=None, **options):
    options = {"epochs": 60, "batch_size": 8, "learning_rate": 0.02, "seed": 3} | options
    direction = "both" if task.name in ("phases", "tag") else "forward"
    return fit(model(task, direction), DATA, folder=folder, **options)


@pytest.mark.parametrize("task", [*TOYS, CARRIED], ids=[*(t.name for t in TOYS), "carried"])
def test_it_learns_and_is_loaded_again(task, tmp_path):
    run = trained(task, tmp_path / "run", validation=0.25)
    before = evaluate(model(run.model.task), TEST)
    scores = evaluate(run.model, TEST)
    assert scores.rmse < 0.7 * before.rmse
    assert {"validation_loss", "validation_rmse"} <= {*run.history[-1]}
    results = training.tested(run.model, DATA, TEST)
    run.record(results.results)
    assert results.results["test"]["rmse"] == scores.rmse
    rows = len(TEST.values) if task.each_step else len(TEST)
    assert results.predictions.shape == (rows, task.width)
    again = load(run.folder, task=type(task))
    assert torch.equal(predict(again.model, TEST), results.predictions)
    assert again.model.task == run.model.task and "rmse, test" in again._repr_html_()
    with pytest.raises(RunError, match=f"task is '{task.name}', which is code .* Load with the ta"):
        load(run.folder)


def test_what_is_fitted_on_the_training_part_is_kept():
    run = trained(Duration(), epochs=1)
    values = DATA.targets["duration"].values
    assert run.model.task == Duration(float(values.mean()), float(values.std()))


def test_baselines_stand_beside_the_result():
    results = training.tested(model(Duration()), DATA, TEST).results
    mean = DATA.targets["duration"].values.mean()
    want = (TEST.targets["duration"].values - mean).square().mean().sqrt()
    assert results["mean"]["rmse"] == pytest.approx(float(want), rel=1e-6)


@pytest.mark.parametrize("task", [*TASKS, CARRIED], ids=[*NAMES, "carried"])
def test_resumed_it_is_the_same_run(task, tmp_path):
    class Stop(Exception):
        pass

    def stop(at):
        if (at.epoch, at.batch) == (2, 2):
            raise Stop

    whole = trained(task, epochs=4, bptt="truncated:4" if task.name == "next" else "full")
    options = {"epochs": 4, "bptt": whole.options.bptt}
    with pytest.raises(Stop):
        trained(task, tmp_path / "run", checkpoint_seconds=0, progress=stop, **options)
    again = trained(task, tmp_path / "run", resume=True, **options)
    assert [row["loss"] for row in again.history] == [row["loss"] for row in whole.history]
    weights = whole.model.state_dict()
    assert all(torch.equal(t, weights[n]) for n, t in again.model.state_dict().items())


def gradient(own, mode):
    """The loss of one ragged batch, and the gradient of every parameter."""
    data = own.task.prepare("test", DATA)
    batch = collate(data, torch.arange(5))
    objective = Objective(own, own.task.training_loss(data), batch)
    own.zero_grad()
    loss, _ = objective.backward(mode, scale_by_replicas=False)
    return loss, {n: p.grad.clone() for n, p in own.named_parameters()}


def plain_gradient(own):
    """The same by a plain loop of torch: sequence by sequence, step by step, nothing padded."""
    own.zero_grad()
    data, total, count = own.task.prepare("test", DATA), 0.0, 0
    for k in range(5):
        alone = collate(data, torch.tensor([k]))
        y, state = own.recurrent[0](own.encoder(alone.x))
        if own.task.each_step:
            for t in range(len(y)):
                total = total + own.task.loss(own.output(y[t : t + 1]), alone.piece(t, 1))
                count += int(own.task.answers(alone.piece(t, 1)))
        else:
            ends = torch.cat([direction["h"] for direction in state[0]], -1)
            total, count = total + own.task.loss(own.output(ends), alone), count + 1
    loss = total / count
    loss.backward()
    return loss.detach(), {n: p.grad.clone() for n, p in own.named_parameters()}


@pytest.mark.parametrize("direction", ["forward", "both"])
@pytest.mark.parametrize("mode", [Full(), Checkpointed(3), Truncated(50)], ids=str)
@pytest.mark.parametrize("task", TASKS, ids=NAMES)
def test_the_gradient_is_that_of_a_plain_loop(task, mode, direction):
    if direction == "both" and isinstance(mode, Truncated):
        pytest.skip("truncated goes forward in time only")
    own = model(task, direction).double()
    own.task = DoubleTargets(task)
    loss, found = gradient(own, mode)
    want_loss, want = plain_gradient(own)
    assert loss.item() == pytest.approx(want_loss.item(), rel=1e-9)
    for name, g in want.items():
        torch.testing.assert_close(found[name], g, rtol=1e-7, atol=1e-9, msg=name)
        assert g.abs().max() > 0, name


def test_a_carried_state_goes_on_from_window_to_window():
    """The losses of an epoch in windows are those of the streams as a whole, forward."""
    own = model(CARRIED).double()
    own.task = DoubleTargets(CARRIED)
    data = CARRIED.prepare("test", DATA)
    loss_of, state, total, answers = own.task.training_loss(data), None, 0.0, 0
    for batch in CARRIED.batches(data, 3, 0).epoch(0):
        objective = Objective(own, loss_of, batch)
        value, state = objective.backward(Full(), scale_by_replicas=False, state=state)
        total += float(value) * int(CARRIED.answers(batch))
        answers += int(CARRIED.answers(batch))
    with torch.no_grad():
        (whole,) = Streams(data, 3, len(data.values)).epoch(0)
        y, last = own.recurrent[0](own.encoder(whole.x), resets=whole.resets)
        want = own.task.loss(own.output(y), whole)
    assert total == pytest.approx(float(want), rel=1e-9) and answers == CARRIED.answers(whole)
    torch.testing.assert_close(state[0][0][0]["h"], last[0][0]["h"])


def test_windows_begin_anew_in_each_epoch():
    """Two epochs of windows are two runs over the streams, whatever the state at the end of one."""
    seen = []

    class Seen(Objective):
        def backward(self, mode, *, scale_by_replicas, state=None):
            seen.append(state is None)
            return super().backward(mode, scale_by_replicas=scale_by_replicas, state=state)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys.modules["throughtime.training.fit"], "Objective", Seen)
        trained(CARRIED, epochs=2)
    windows = len(CARRIED.batches(DATA, 8, 0))
    assert seen == [k % windows == 0 for k in range(2 * windows)]


@pytest.mark.parametrize("direction", ["backward", "both"])
def test_a_carried_state_goes_forward_in_time(direction):
    with pytest.raises(OptionError, match="carries the state from window to window"):
        fit(model(CARRIED, direction), DATA, epochs=1)


def test_a_truncated_gradient_is_another_one():
    own = model(Next()).double()
    own.task = DoubleTargets(Next())
    full, cut = gradient(own, Full())[1], gradient(own, Truncated(2))[1]
    name = "recurrent.0.directions.0.0.update_h"
    assert not torch.allclose(full[name], cut[name], rtol=1e-3)
    torch.testing.assert_close(full["output.0.weight"], cut["output.0.weight"])


class DoubleTargets:
    """A task whose batches are float64, so that gradients can be compared tightly."""

    def __init__(self, task):
        self.of = task

    def __getattr__(self, name):
        return getattr(self.of, name)

    def training_loss(self, train):
        one = self.of.training_loss(train)
        return type(one)(lambda out, batch: one.total(out, doubled(batch)), one.weight)

    def loss(self, out, batch):
        return self.of.loss(out, doubled(batch))


def doubled(batch):
    targets = {n: t.double() if t.is_floating_point() else t for n, t in batch.targets.items()}
    return dataclasses.replace(batch, targets=targets)


@pytest.mark.parametrize("task", [Phases(), Next(), TAGS], ids=["phases", "next", "tag"])
def test_padding_counts_for_nothing(task):
    """Predictions and losses of a padded batch are those of each sequence by itself."""
    own = model(task)
    data = task.prepare("test", DATA)
    whole = predict(own, data)
    for k in range(len(data)):
        first, last = data.offsets[k : k + 2].tolist()
        alone = predict(own, data.select([k]))
        torch.testing.assert_close(whole[first:last], alone, rtol=1e-5, atol=1e-6)
    (batch,) = Batches(data, 24, shuffle=False).epoch(0)
    with torch.no_grad():
        total = task.loss(own(batch.x, batch.lengths), batch)
        each = [collate(data, torch.tensor([k])) for k in range(len(data))]
        alone = sum(task.loss(own(b.x, b.lengths), b) for b in each)
    torch.testing.assert_close(total, alone, rtol=1e-5, atol=1e-5)
    assert int(task.answers(batch)) == sum(int(task.answers(b)) for b in each)


@pytest.mark.parametrize("task", [Phases(), TAGS], ids=["phases", "tag"])
def test_a_batch_without_any_known_target_has_a_loss_of_0(task):
    own, data = model(task), task.prepare("test", DATA)
    unknown = {"phase": torch.full((len(data.values),), -1),
               "level": torch.full((len(data.values),), torch.nan)}  # fmt: skip
    targets = {n: dataclasses.replace(t, values=unknown[n]) for n, t in data.targets.items()}
    batch = collate(dataclasses.replace(data, targets=targets), torch.arange(3))
    objective = Objective(own, task.training_loss(data), batch)
    loss, _ = objective.backward(Full(), scale_by_replicas=False)
    assert loss.item() == 0.0
    assert all(p.grad is None or not p.grad.any() for p in own.parameters())


def test_data_of_another_task_are_refused(tmp_path):
    bare = dataclasses.replace(DATA, targets={})
    with pytest.raises(DataError, match="fit: no duration is given"):
        fit(model(Duration()), bare, epochs=1, folder=tmp_path / "run")
    with pytest.raises(DataError, match="evaluate: no duration is given"):
        evaluate(model(Duration()), bare)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("options", [{"class_weights": True}, {"label_smoothing": 0.1}])
def test_an_option_of_another_task_is_refused(options):
    with pytest.raises(OptionError, match="because the task 'next' has no such option. Leave out"):
        trained(Next(), epochs=1, **options)


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_a_task_of_steps_sees_every_step(pooling):
    with pytest.raises(OptionError, match="expected one of 'each step' because its task answers"):
        model(Next(), pooling=pooling)
    assert model(Next(), pooling="each step").readout.each_step
    assert math.isfinite(float(evaluate(model(Next(), dropout=0.5), TEST).loss))


def test_a_task_says_what_it_must_define():
    with pytest.raises(TypeError, match="abstract"):
        Task()


def with_columns(data):
    """The same with a category, and gaps in all channels; some before anything is known."""
    draw = torch.Generator().manual_seed(7)
    places = torch.randint(-1, 3, (len(data.values), 1), generator=draw).float()
    values = torch.cat([data.values, places], 1)
    values[torch.rand(values.shape, generator=draw) < 0.3] = torch.nan
    return dataclasses.replace(
        data, values=values, channels=(*data.channels, "valve"), categories={"valve": tuple("abc")}
    )


GAPPY, GAPPY_TEST = with_columns(DATA), with_columns(TEST)


def trained_on_columns(task, folder=None, engine=None, **options):
    torch.manual_seed(0)
    if isinstance(task, Next):
        task = dataclasses.replace(task, channels=3)
    encoder = training.Encoder.of(GAPPY)
    layer = Recurrent(GRU, encoder.width, 6, engine=engine)
    own = training.Model(layer, task=task, encoder=encoder)
    options = {"epochs": 3, "batch_size": 8, "seed": 3, "learning_rate": 0.02} | options
    return fit(own, GAPPY, folder=folder, **options)


@pytest.mark.parametrize("task", [*TASKS, CARRIED], ids=[*NAMES, "carried"])
def test_categories_and_gaps_are_trained_resumed_and_loaded(task, tmp_path):
    class Stop(Exception):
        pass

    def stop(at):
        if (at.epoch, at.batch) == (1, 2):
            raise Stop

    whole = trained_on_columns(task)
    with pytest.raises(Stop):
        trained_on_columns(task, tmp_path / "run", checkpoint_seconds=0, progress=stop)
    again = trained_on_columns(task, tmp_path / "run", resume=True)
    assert [row["loss"] for row in again.history] == [row["loss"] for row in whole.history]
    weights = whole.model.state_dict()
    assert all(torch.equal(t, weights[n]) for n, t in again.model.state_dict().items())
    loaded = load(tmp_path / "run", task=type(task)).model
    said = predict(loaded, GAPPY_TEST)
    assert torch.equal(said, predict(whole.model, GAPPY_TEST)) and said.isfinite().all()
    other = trained_on_columns(task, engine="reference")
    for row, same in zip(other.history, whole.history, strict=True):
        assert row["loss"] == pytest.approx(same["loss"], rel=1e-4)
    results = training.tested(whole.model, GAPPY, GAPPY_TEST).results
    assert {*task.baseline_titles} <= {*results}
    assert results["test"]["inputs"]["missing"].keys() == {*GAPPY.channels}
