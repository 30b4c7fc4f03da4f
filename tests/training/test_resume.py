"""A run that was broken off and resumed is the run that was not, bit for bit."""

import functools
import json

import pytest
import torch
from training.tiny import model, same, sequences, with_classes, without_seconds

from throughtime import GRU, LSTM, LeakyRNN, fit
from throughtime.data import split
from throughtime.errors import DataError, OptionError, RunError
from throughtime.training import load
from throughtime.training.files import read_json, write_json
from throughtime.training.run import read

DATA = sequences(14)
BATCH = 5  # 3 batches an epoch, of 5, 5 and 4 sequences


class Stop(Exception):
    pass


def stop_at(*counts):
    """A `progress` that breaks the run off after so many batches, counted over all calls."""
    seen = 0

    def progress(at):
        nonlocal seen
        seen += 1
        if seen in counts:
            raise Stop

    return progress


def trained(folder, kind, **options):
    options = {"epochs": 3, "batch_size": BATCH} | KINDS[kind][1] | options
    return fit(model(DATA, **KINDS[kind][0]), DATA, folder=folder, **options)


KINDS = {
    "plain": ({}, {}),
    "dropout": ({"dropout": 0.3, "layers": 2, "variational_dropout": 0.2}, {}),
    "zoneout": ({"zoneout": {"h": 0.2, "C": 0.1}, "weight_drop": 0.2}, {}),
    "noise": ({"cell": LeakyRNN(noise=0.5), "direction": "both"}, {}),
    "connections": ({"cell": LeakyRNN(excitatory=0.5, density=0.7)}, {"weight_decay": 0.1}),
    "early stopping": (
        {"dropout": 0.2},
        {"validation": 0.3, "patience": 2, "learning_rate": 0.3, "clip": None, "epochs": 6},
    ),
    "plateau": ({"cell": GRU}, {"schedule": "plateau", "validation": 0.3, "epochs": 4}),
    "onecycle": ({}, {"schedule": "onecycle"}),
    "momentum": ({}, {"optimiser": "sgd", "schedule": "onecycle", "learning_rate": 0.05}),
    "checkpointed": ({"dropout": 0.3, "layers": 2, "zoneout": 0.2}, {"bptt": "checkpointed:2"}),
    "truncated": ({"pooling": "mean"}, {"bptt": "truncated:4:2", "scale_by_replicas": True}),
    "class weights": ({}, {"class_weights": True, "optimiser": "rmsprop", "schedule": "step"}),
}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The run of a kind in one go, trained once."""
    return functools.cache(lambda kind: trained(tmp_path_factory.mktemp("whole") / "run", kind))


@pytest.mark.parametrize("kind", KINDS)
def test_many_breaks_change_nothing(tmp_path, uninterrupted, kind):
    whole = uninterrupted(kind)
    folder, broken, resume = tmp_path / "broken", 0, False
    while True:
        # a batch is in a checkpoint after `progress` was told of it, so each piece of a run
        # gets one batch further less than it is told of
        stop = stop_at(3)
        try:
            again = trained(folder, kind, resume=resume, progress=stop, checkpoint_seconds=0)
            break
        except Stop:
            broken, resume = broken + 1, True
            # what the process held is lost: the next call seeds nothing and restores it all
            torch.manual_seed(broken)
    assert broken >= 2
    assert same(whole.model.state_dict(), again.model.state_dict())
    assert without_seconds(whole.history) == without_seconds(again.history)
    for file in ("weights.safetensors", "equations.txt", "config.json"):
        assert (whole.folder / file).read_bytes() == (folder / file).read_bytes()
    assert load(folder).history == again.history


@pytest.mark.parametrize("at", [1, 2, 3, 4, 6, 8, 9])
def test_a_break_after_any_batch(tmp_path, uninterrupted, at):
    whole = uninterrupted("dropout")
    with pytest.raises(Stop):
        trained(tmp_path / "run", "dropout", progress=stop_at(at), checkpoint_seconds=0)
    again = trained(tmp_path / "run", "dropout", resume=True)
    assert same(whole.model.state_dict(), again.model.state_dict())
    assert without_seconds(whole.history) == without_seconds(again.history)


def test_with_rare_checkpoints_more_is_repeated_and_nothing_changes(tmp_path, uninterrupted):
    whole = uninterrupted("zoneout")
    with pytest.raises(Stop):
        trained(tmp_path / "run", "zoneout", progress=stop_at(7), checkpoint_seconds=1e9)
    told = []
    again = trained(tmp_path / "run", "zoneout", resume=True, progress=told.append)
    assert len(told) == 9, "the first checkpoint is from before the first batch"
    assert same(whole.model.state_dict(), again.model.state_dict())


def test_resuming_a_finished_run_leaves_it_as_it_is(tmp_path):
    run = trained(tmp_path / "run", "early stopping")
    before = {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir()}

    def never(at):
        raise AssertionError("no batch is left")

    again = trained(tmp_path / "run", "early stopping", resume=True, progress=never)
    assert same(run.model.state_dict(), again.model.state_dict())
    assert again.history == run.history
    assert {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir()} == before


def test_the_time_goes_on(tmp_path, monkeypatch):
    clock = iter(range(100_000))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    with pytest.raises(Stop):
        trained(tmp_path / "run", "plain", progress=stop_at(7), checkpoint_seconds=0)
    run = trained(tmp_path / "run", "plain", resume=True)
    seconds = [row["seconds"] for row in run.history]
    assert seconds == sorted(seconds) and len({*seconds}) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_one_seed_is_one_result(tmp_path, uninterrupted, kind):
    one, two = uninterrupted(kind), trained(tmp_path / "again", kind)
    assert same(one.model.state_dict(), two.model.state_dict())
    assert without_seconds(one.history) == without_seconds(two.history)
    files = [(run.folder / "weights.safetensors").read_bytes() for run in (one, two)]
    assert files[0] == files[1]
    other = trained(None, kind, seed=1)
    assert not same(one.model.state_dict(), other.model.state_dict())


def test_what_happened_before_in_the_process_does_not_matter(uninterrupted):
    one = uninterrupted("dropout")
    torch.manual_seed(77)
    torch.rand(5)
    first = model(DATA, **KINDS["dropout"][0])
    torch.rand(9)
    two = fit(first, DATA, epochs=3, batch_size=BATCH)
    assert same(one.model.state_dict(), two.model.state_dict())


def test_another_number_of_threads_changes_rounding_only():
    threads = torch.get_num_threads()
    try:
        results = []
        for count in (1, 2):
            torch.set_num_threads(count)
            one = model(DATA, LSTM, 32, direction="both", dropout=0.2)
            results.append(fit(one, DATA, epochs=2, batch_size=13).model.state_dict())
    finally:
        torch.set_num_threads(threads)
    for name, t in results[0].items():
        assert torch.allclose(t, results[1][name], rtol=1e-4, atol=1e-5), name


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"schedule": None}, "schedule"),
        ({"optimiser": "sgd"}, "optimiser"),
        ({"epochs": 9}, "epochs"),
        ({"seed": 5}, "seed"),
        ({"validation": 0.5}, "validation"),
        ({"bptt": "checkpointed"}, "bptt"),
        ({"scale_by_replicas": True}, "scale_by_replicas"),
    ],
)
def test_other_options_are_refused(tmp_path, options, name):
    with pytest.raises(Stop):
        trained(tmp_path / "run", "plain", progress=stop_at(3), checkpoint_seconds=0)
    before = {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir()}
    with pytest.raises(RunError, match=f"{name} is .*; expected that of the run"):
        trained(tmp_path / "run", "plain", resume=True, **options)
    assert {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir()} == before


@pytest.mark.parametrize("name", ["bptt", "scale_by_replicas", "epochs"])
def test_options_that_a_run_did_not_know(tmp_path, name):
    """Those that came later had their default; any other has to be there."""
    whole = trained(tmp_path / "whole", "plain")
    with pytest.raises(Stop):
        trained(tmp_path / "run", "plain", progress=stop_at(3), checkpoint_seconds=0)
    config = tmp_path / "run" / "config.json"
    data = read_json(config)
    del data["options"][name]
    write_json(config, data)
    later = {"bptt": "truncated:2", "scale_by_replicas": True, "epochs": 4}[name]
    with pytest.raises(RunError, match=f"{name} is .*; expected that of the run"):
        trained(tmp_path / "run", "plain", resume=True, **{name: later})
    if name == "epochs":
        with pytest.raises(RunError, match="epochs is 3 .*; expected that of the run"):
            trained(tmp_path / "run", "plain", resume=True)
        return
    again = trained(tmp_path / "run", "plain", resume=True)
    for a, b in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_history_without_checksums_as_earlier_versions_wrote_it(tmp_path):
    whole = trained(tmp_path / "whole", "early stopping")
    with pytest.raises(Stop):
        trained(
            tmp_path / "run", "early stopping", progress=stop_at(8), checkpoint_seconds=0
        )  # fmt: skip
    for folder in (tmp_path / "whole", tmp_path / "run"):
        metrics = folder / "metrics.jsonl"
        rows = [json.loads(line) for line in metrics.read_text().splitlines()]
        assert all(row.pop("sha256") for row in rows)
        metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert load(tmp_path / "whole").history == whole.history
    assert len(read(tmp_path / "run").history) == 3
    again = trained(tmp_path / "run", "early stopping", resume=True)
    assert without_seconds(again.history) == without_seconds(whole.history)
    assert "sha256" in (tmp_path / "run" / "metrics.jsonl").read_text()
    assert load(tmp_path / "run").history == again.history


def test_another_model_is_refused(tmp_path):
    trained(tmp_path / "run", "plain")
    with pytest.raises(RunError, match="does not fit the model .* Resume with those of the run"):
        fit(model(DATA, GRU), DATA, folder=tmp_path / "run", resume=True, epochs=3, batch_size=5)


def test_other_data_are_refused(tmp_path):
    trained(tmp_path / "run", "plain")
    other = with_classes(DATA, "k0", "new")
    with pytest.raises(DataError, match="expected those of the model"):
        fit(model(DATA), other, folder=tmp_path / "run", resume=True, epochs=3, batch_size=5)


def test_nothing_to_resume(tmp_path):
    with pytest.raises(RunError, match="resume has no folder; .* Give folder="):
        trained(None, "plain", resume=True)
    with pytest.raises(RunError, match="config.json: cannot be read"):
        trained(tmp_path / "none", "plain", resume=True)


def test_sequences_to_validate_on_are_given_again(tmp_path):
    """And a part that is given trains as one that `fit` sets aside itself."""
    train, held = split(DATA, 0.3, seed=0)
    options = {"epochs": 4, "batch_size": BATCH, "dropout": 0.2}
    dropout = {"dropout": options.pop("dropout")}
    one = fit(model(DATA, **dropout), DATA, validation=0.3, **options)
    two = fit(model(DATA, **dropout), train, validation=held, **options)
    assert without_seconds(one.history) == without_seconds(two.history)
    assert same(one.model.state_dict(), two.model.state_dict())
    with pytest.raises(Stop):
        fit(model(DATA, **dropout), train, folder=tmp_path / "run", validation=held,
            progress=stop_at(5), checkpoint_seconds=0, **options)  # fmt: skip
    for validation, says in (
        (0.0, "validation is 0.0 in"),
        ("given", "expected the sequences that"),
    ):
        with pytest.raises((OptionError, RunError), match=says):
            fit(model(DATA, **dropout), train, folder=tmp_path / "run", resume=True,
                validation=validation, **options)  # fmt: skip
    again = fit(model(DATA, **dropout), train, folder=tmp_path / "run", resume=True,
                validation=held, **options)  # fmt: skip
    assert same(again.model.state_dict(), two.model.state_dict())
    assert without_seconds(again.history) == without_seconds(two.history)


def test_sequences_to_validate_on_have_the_channels_of_the_model():
    other = sequences(6, channels=3)
    with pytest.raises(
        DataError, match="fit: sequences has channels c0, c1, c2; expected those of"
    ):
        fit(model(DATA), DATA, validation=other, epochs=1)
