"""Training learns; every option changes something; what cannot be trained is refused."""

import dataclasses
import math
import sys

import pytest
import torch
from torch import nn
from training.tiny import model, same, sequences, with_classes, without_seconds

from throughtime import LSTM, RNN, Model, Recurrent, fit
from throughtime.bptt import Checkpointed, Full, Truncated
from throughtime.data import Batches, Scaler, Sequences, split
from throughtime.errors import DataError, OptionError, RunError
from throughtime.training import Options, evaluate, load, optimise
from throughtime.training.files import read_json, write_json

DATA = sequences()
BASE = {"epochs": 3, "batch_size": 4, "dropout": 0.2}


def trained(data=DATA, **options):
    """A run on a new model; `dropout` and `cell` are of the model."""
    options = BASE | options
    own = {k: options.pop(k) for k in ("dropout", "cell") if k in options}
    return fit(model(data, **own), data, **options)


def test_it_learns_what_can_be_learned():
    run = trained(
        sequences(60, classes=3), epochs=15, batch_size=10, dropout=0.0, learning_rate=0.1
    )
    assert run.history[-1]["loss"] < 0.1 * math.log(3)
    unseen = evaluate(run.model, sequences(90, classes=3, seed=1))
    assert unseen.accuracy > 0.95
    assert [row["epoch"] for row in run.history] == list(range(1, 16))
    assert not run.model.training


def test_the_loss_of_an_epoch_is_the_mean_over_its_sequences():
    run = trained(epochs=1, learning_rate=1e-12, dropout=0.0, batch_size=7)
    assert run.history[0]["loss"] == pytest.approx(evaluate(run.model, DATA).loss, rel=1e-5)


def test_the_model_is_scaled_on_the_training_part_alone():
    run = trained(validation=0.25, seed=3)
    train, _ = split(DATA, 0.25, 3)
    assert torch.equal(run.model.encoder.mean, Scaler.fit(train).mean)
    assert torch.equal(run.model.encoder.std, Scaler.fit(train).std)
    assert not torch.equal(run.model.encoder.mean, Scaler.fit(DATA).mean)


CHANGES = {
    "bptt": "truncated:1",
    "scale_by_replicas": True,
    "epochs": 4,
    "batch_size": 5,
    "optimiser": "sgd",
    "learning_rate": 1e-2,
    "weight_decay": 0.1,
    "schedule": None,
    "clip": 0.01,
    "class_weights": True,
    "label_smoothing": 0.1,
    "validation": 0.25,
    "patience": 1,
    "seed": 1,
    "minutes": 1e-6,
    "keep_scaling": True,
}


def unbalanced():
    return DATA.select([*range(24), *([0] * 12)])


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Options)])
def test_every_option_changes_the_result(name):
    options = {"epochs": 2, "batch_size": 12}
    if name == "patience":  # a learning rate that makes it worse
        options = {"epochs": 8, "validation": 0.25, "learning_rate": 3.0, "clip": None}
    before = trained(unbalanced(), **options)
    after = trained(unbalanced(), **(options | {name: CHANGES[name]}))
    assert getattr(after.options, name) == CHANGES[name] != getattr(before.options, name)
    if name == "patience":
        assert len(after.history) < len(before.history)
    else:
        assert not same(before.model.state_dict(), after.model.state_dict())


def test_class_weights_are_inverse_shares():
    data = Sequences.from_list([[[float(k)]] for k in range(8)], list("aaaaaabb"))
    run = fit(model(data), data, epochs=1, batch_size=8, class_weights=True, learning_rate=1e-12)
    probabilities = run.model(data.values[None], None).detach().softmax(-1)
    losses = -probabilities[range(8), data.labels].log()
    weights = torch.where(data.labels == 0, 8 / 6 / 2, 8 / 2 / 2)
    assert run.history[0]["loss"] == pytest.approx(float((weights * losses).mean()), rel=1e-5)


def test_a_class_without_training_sequences_has_no_weight():
    data = Sequences.from_list([[[float(k)]] for k in range(4)], list("aabb"), classes="abc")
    run = fit(model(data), data, epochs=1, class_weights=True)
    assert math.isfinite(run.history[0]["loss"])


def test_weights_decay_and_nothing_else_does():
    data = sequences()
    cell = LSTM(peephole=True)
    one = model(data, cell, direction="both")
    groups = optimise.optimiser(one, "adamw", 1e-3, 0.25).param_groups
    names = {id(p): name for name, p in one.named_parameters()}
    decay = {names[id(p)] for group in groups for p in group["params"] if group["weight_decay"]}
    plain = {names[id(p)] for group in groups for p in group["params"] if not group["weight_decay"]}
    assert decay | plain == {*names.values()} and not decay & plain
    assert {group["weight_decay"] for group in groups} == {0.25, 0.0}
    assert "recurrent.0.directions.0.0.keep_h" in decay and "output.0.weight" in decay
    vectors = ("bias", "initial.h0", "initial.C0", "peephole")
    assert plain == {name for name in plain if any(v in name for v in vectors)}
    for wanted in (*vectors[:3], "directions.0.1.initial.h0", "output.0.bias"):
        assert any(wanted in name for name in plain)


def test_frozen_parameters_stay():
    one = model(DATA)
    one.output.requires_grad_(False)
    before = {name: t.clone() for name, t in one.state_dict().items()}
    fit(one, DATA, epochs=1, weight_decay=0.5)
    for name, t in one.state_dict().items():
        if name.startswith("output"):
            assert torch.equal(t, before[name])
    assert not same(before, one.state_dict())


@pytest.mark.parametrize("schedule", [None, *optimise.SCHEDULES])
@pytest.mark.parametrize("name", optimise.OPTIMISERS)
def test_each_optimiser_and_schedule_runs_and_resumes(tmp_path, name, schedule):
    options = {"optimiser": name, "schedule": schedule, "epochs": 2, "batch_size": 4}
    options["data"] = DATA.select(range(8))
    whole = trained(**options)
    rates = [row["learning_rate"] for row in whole.history]
    if schedule is None:
        assert rates == [3e-3, 3e-3]

    def stop(at):
        if (at.epoch, at.batch) == (1, 2):  # one batch of the epoch is in the checkpoint
            raise InterruptedError

    with pytest.raises(InterruptedError):
        trained(**options, folder=tmp_path / "broken", progress=stop, checkpoint_seconds=0)
    again = trained(**options, folder=tmp_path / "broken", resume=True)
    assert same(whole.model.state_dict(), again.model.state_dict())
    assert without_seconds(whole.history) == without_seconds(again.history)


SHAPES = {
    # of the learning rate after 4 epochs of 4 batches
    "cosine": lambda e: 0.5 * (1 + math.cos(math.pi * e / 4)),
    "exponential": lambda e: 0.01 ** (e / 4),
    "step": lambda e: 0.1**e,
    "plateau": lambda e: 1.0,
}


@pytest.mark.parametrize("schedule", SHAPES)
def test_the_shape_of_a_schedule(schedule):
    run = trained(epochs=4, batch_size=6, schedule=schedule, learning_rate=0.01)
    # a schedule that advances with the epochs is noted as it was in the epoch
    before = 1 if schedule in ("exponential", "step") else 0
    expected = [0.01 * SHAPES[schedule](e - before) for e in range(1, 5)]
    assert [row["learning_rate"] for row in run.history] == pytest.approx(expected, abs=1e-9)


def test_onecycle_rises_and_falls():
    run = trained(epochs=6, batch_size=4, schedule="onecycle", learning_rate=0.01)
    rates = [row["learning_rate"] for row in run.history]
    top = rates.index(max(rates))
    assert 0 < top < 5 and rates[-1] < 1e-3 * rates[top] <= 1e-3 * 0.01


@pytest.mark.parametrize("validation", [0.0, 0.25])
def test_plateau_is_told_the_validation_loss(validation, monkeypatch):
    """Where there is one; the rate falls after six epochs in a row without a lower loss."""
    told = iter([3.0, 2.0, 2.5, 2.4, 2.3, 2.2, 2.1, 2.0, 1.0, *[1.0] * 9])
    scores = evaluate(model(DATA), DATA)
    monkeypatch.setattr(
        sys.modules["throughtime.training.fit"],
        "evaluate",
        lambda *of: dataclasses.replace(scores, loss=next(told)),
    )
    run = trained(epochs=18, batch_size=12, schedule="plateau", validation=validation,
                  learning_rate=0.01, patience=None, dropout=0.0)  # fmt: skip
    losses = [row["loss"] for row in run.history]
    assert losses == sorted(losses, reverse=True), "on the training sequences it only falls"
    rates = [row["learning_rate"] for row in run.history]
    falls = [1.0] * 8 + [0.5] * 7 + [0.25] * 3
    assert rates == [0.01 * f for f in (falls if validation else [1.0] * 18)]


def test_early_stopping_keeps_the_best_weights(tmp_path):
    run = trained(
        epochs=40, validation=0.25, patience=3, learning_rate=0.5, clip=None, schedule=None,
        folder=tmp_path / "run",
    )  # fmt: skip
    losses = [row["validation_loss"] for row in run.history]
    best = losses.index(min(losses))
    assert len(losses) == best + 1 + 3 < 40
    _, held = split(DATA, 0.25, 0)
    scores = evaluate(run.model, held)
    assert scores.loss == losses[best] != losses[-1]
    assert scores.accuracy == run.history[best]["validation_accuracy"]
    assert same(load(tmp_path / "run").model.state_dict(), run.model.state_dict())


def test_without_patience_all_epochs_run_and_the_best_weights_are_kept():
    options = {"validation": 0.25, "learning_rate": 0.5, "clip": None, "epochs": 8}
    run = trained(**options, patience=None)
    losses = [row["validation_loss"] for row in run.history]
    assert len(losses) == 8
    assert evaluate(run.model, split(DATA, 0.25, 0)[1]).loss == min(losses)


def test_gradients_are_clipped():
    # With plain gradient descent a step is learning rate times gradient, and the first one
    # is without the help of momentum.
    def step(clip):
        one = model(DATA)
        before = torch.cat([p.detach().flatten().clone() for p in one.parameters()])
        run = fit(one, DATA, epochs=1, batch_size=24, optimiser="sgd", learning_rate=1.0,
                  schedule=None, clip=clip)  # fmt: skip
        after = torch.cat([p.detach().flatten() for p in one.parameters()])
        return float((after - before).norm()), run.history[0]["gradient_norm"]

    free, norm = step(None)
    assert free == pytest.approx(norm, rel=1e-4)
    clipped, same_norm = step(norm / 10)
    assert clipped == pytest.approx(norm / 10, rel=1e-4)
    assert same_norm == norm, "the history has the norm before it was clipped"
    assert step(10 * norm)[0] == pytest.approx(norm, rel=1e-4)


def test_the_gradient_norm_of_an_epoch_is_its_largest(monkeypatch):
    norms = iter([2.0, 9.0, 3.0, 1.0, 4.0, 2.0, 0.5, 0.25, 0.125])
    module = sys.modules["throughtime.training.fit"]
    monkeypatch.setattr(module, "_clip", lambda model, largest: next(norms))
    run = trained(epochs=3, batch_size=8)
    assert [row["gradient_norm"] for row in run.history] == [9.0, 4.0, 0.5]


def test_a_loss_that_is_no_number_ends_the_run(tmp_path):
    class Bad(nn.Module):
        def __init__(self):
            super().__init__()
            self.map = nn.Linear(4, 2)

        def forward(self, z):
            return self.map(z) / 0

    one = model(DATA, output=Bad())
    before = [p.detach().clone() for p in one.parameters()]
    with pytest.raises(RunError, match=r"loss is .*in epoch 1; expected .* a lower learning_rate"):
        fit(one, DATA, epochs=1, folder=tmp_path / "run")
    same = [torch.equal(p, q) for p, q in zip(one.parameters(), before, strict=True)]
    assert all(same), "no step was made"


def test_an_infinite_learning_rate_is_not_needed_to_diverge():
    data = sequences()
    one = model(data, RNN(activation="relu"))
    with pytest.raises(RunError, match="Set a lower learning_rate than 100"):
        fit(
            one, data, epochs=20, learning_rate=100.0, optimiser="sgd", clip=None, schedule=None
        )  # fmt: skip


@pytest.mark.parametrize("rate", [1e5, 100.1, 1e18])
def test_a_learning_rate_with_which_nothing_is_learned_is_refused(tmp_path, rate):
    with pytest.raises(OptionError, match="learning_rate is .*; expected .* at most 100, because"):
        trained(learning_rate=rate, folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    trained(learning_rate=100.0, epochs=1)


def test_a_run_that_was_begun_with_any_learning_rate_still_loads(tmp_path):
    run = trained(epochs=1, folder=tmp_path / "run")
    config = read_json(run.folder / "config.json")
    config["options"]["learning_rate"] = 1e5
    write_json(run.folder / "config.json", config)
    assert load(run.folder).options.learning_rate == 1e5
    resumed = trained(epochs=1, folder=tmp_path / "run", resume=True, learning_rate=1e5)
    assert same(resumed.model.state_dict(), run.model.state_dict())


def test_data_without_labels_is_refused():
    data = Sequences.from_list([[[1.0, 2.0]]] * 3)
    with pytest.raises(DataError, match="no labels; expected a class for each"):
        fit(model(DATA), data, epochs=1)


@pytest.mark.parametrize("what", ["classes", "channels", "order of classes"])
def test_data_of_another_model_is_refused(tmp_path, what):
    others = {
        "classes": with_classes(DATA, "k0", "other"),
        "order of classes": with_classes(DATA, "k1", "k0"),
        "channels": dataclasses.replace(DATA, channels=("c0", "other")),
    }
    own = "c0, c1" if what == "channels" else "k0, k1"
    with pytest.raises(DataError, match=f"fit: .* expected those of the model, {own}"):
        fit(model(DATA), others[what], epochs=1, folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_it_is_silent(capfd):
    trained(epochs=2, validation=0.25)
    assert capfd.readouterr() == ("", "")


def test_a_folder_with_a_run_is_left_as_it_is(tmp_path):
    trained(epochs=1, folder=tmp_path / "run")
    before = {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir()}
    with pytest.raises(RunError, match="has a run in it; expected a new folder"):
        trained(epochs=1, folder=tmp_path / "run", seed=4)
    assert {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir()} == before


def test_a_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be made .* Choose another"):
        trained(epochs=1, folder=tmp_path / "file" / "run")


def test_progress_is_told_after_every_batch():
    told = []
    run = trained(epochs=2, batch_size=5, progress=told.append)
    assert [(at.epoch, at.batch) for at in told] == [(e, b) for e in (0, 1) for b in range(1, 6)]
    assert {(at.epochs, at.batches) for at in told} == {(2, 5)}
    sizes = [len(indices) for indices in Batches(DATA, 5).order(1)]
    mean = sum(at.loss * n for at, n in zip(told[5:], sizes, strict=True)) / 24
    assert run.history[1]["loss"] == pytest.approx(mean, rel=1e-6)


def test_a_run_folder_holds_the_run(tmp_path):
    run = trained(epochs=2, folder=tmp_path / "run", details={"why": ["a", {"1": 2}]})
    assert {p.name for p in run.folder.iterdir()} == {
        "checkpoint.safetensors", "config.json", "equations.txt", "initial.safetensors",
        "metrics.jsonl", "weights.safetensors",
    }  # fmt: skip
    again = load(tmp_path / "run")
    assert again.options == run.options
    assert again.history == run.history
    assert again.details == {"why": ["a", {"1": 2}]}
    assert same(again.model.state_dict(), run.model.state_dict())
    assert not again.model.training
    assert "keep = " in (run.folder / "equations.txt").read_text()
    assert {"throughtime", "torch", "python"} <= {*again.versions}
    run.record({"mine": [0.5]})
    assert load(tmp_path / "run").results == {"mine": [0.5]}


def test_details_may_have_numbers_as_keys(tmp_path):
    trained(epochs=1, folder=tmp_path / "run", details={"sizes": {9: "a", 10: "b"}})
    assert load(tmp_path / "run").details == {"sizes": {"9": "a", "10": "b"}}


def test_details_that_are_no_data_are_refused(tmp_path):
    with pytest.raises(RunError, match="config.json: cannot hold .* expected plain data"):
        trained(epochs=1, folder=tmp_path / "run", details={"model": object()})
    assert not (tmp_path / "run" / "config.json").exists()


def test_a_users_own_output_module_is_trained_and_loaded(tmp_path):
    data = sequences()
    torch.manual_seed(0)
    layer = Recurrent(RNN, 2, 4)
    one = Model(layer, nn.Linear(4, 2), classes=data.classes, channels=data.channels)
    fit(one, data, epochs=2, folder=tmp_path / "run")
    again = load(tmp_path / "run", output=nn.Linear(4, 2))
    assert same(again.model.state_dict(), one.state_dict())
    with pytest.raises(RunError, match="is Linear, which is code"):
        load(tmp_path / "run")
    with pytest.raises(RunError, match="does not fit the model .* Give the same `output=`"):
        load(tmp_path / "run", output=nn.Linear(4, 3))


def test_an_unfinished_run_says_how_to_finish_it(tmp_path):
    def stop(at):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        trained(folder=tmp_path / "run", progress=stop)
    with pytest.raises(RunError, match="has no weights yet; .* `throughtime train --resume"):
        load(tmp_path / "run")
    assert read_json(tmp_path / "run" / "config.json")["options"]["epochs"] == 3


BAD = [
    {"epochs": 0}, {"epochs": 1.5}, {"epochs": True}, {"batch_size": -1}, {"patience": 0},
    {"seed": -1}, {"seed": 2**63}, {"learning_rate": 0}, {"learning_rate": -1.0},
    {"learning_rate": math.nan}, {"learning_rate": math.inf}, {"learning_rate": "fast"},
    {"clip": 0}, {"clip": math.nan}, {"weight_decay": -0.1}, {"weight_decay": math.nan},
    {"validation": 1.0}, {"validation": -0.1}, {"label_smoothing": 1.0},
    {"label_smoothing": math.nan}, {"optimiser": "Adam"}, {"schedule": "linear"},
    {"bptt": "half"}, {"bptt": 3}, {"bptt": "truncated:x"},
]  # fmt: skip


@pytest.mark.usefixtures("types_unchecked")
@pytest.mark.parametrize("options", [*BAD, {"checkpoint_seconds": math.nan}], ids=str)
def test_options_out_of_range_are_refused(options, tmp_path):
    [[name, value]] = options.items()
    with pytest.raises(OptionError, match=f"{name} is .*; expected "):
        fit(model(DATA), DATA, folder=tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_modes_of_back_propagation(pooling):
    """Exact modes give the run of Full, to rounding; the others another."""
    data = sequences()

    def weights(**options):
        run = fit(model(data, pooling=pooling), data, epochs=2, batch_size=5, **options)
        return torch.cat([p.detach().flatten() for p in run.model.parameters()])

    full = weights()
    assert torch.equal(weights(bptt=Full()), full)
    for mode in (Checkpointed(), "checkpointed:3", Truncated(10), "truncated:12:3"):
        assert torch.allclose(weights(bptt=mode), full, atol=1e-6)
    assert not torch.allclose(weights(bptt=Truncated(1)), full, atol=1e-3)
    assert not torch.allclose(weights(scale_by_replicas=True), full, atol=1e-3)
    assert Options(bptt=Truncated(4, every=2)).bptt == "truncated:4:2"


def test_a_mode_that_the_model_cannot_have(tmp_path):
    data = sequences()
    both = model(data, direction="both")
    with pytest.raises(OptionError, match="`Truncated`: a layer has direction='both'"):
        fit(both, data, bptt=Truncated(3), folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_misspelled_name_is_told_its_neighbour():
    with pytest.raises(OptionError, match="optimiser is 'addamw'; .* Did you mean 'adamw'"):
        Options(optimiser="addamw")
    with pytest.raises(OptionError, match="schedule is 'cosin'; .* Did you mean 'cosine'"):
        Options(schedule="cosin")
