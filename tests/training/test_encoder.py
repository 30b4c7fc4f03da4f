"""What recurrent layers are given: against a plain loop, trained, resumed, kept."""

import dataclasses

import pytest
import torch
from tasks.toys import Next
from torch import nn

from throughtime import GRU, LSTM, Recurrent, evaluate, fit, load, predict, training
from throughtime.bptt import Checkpointed, Full, Truncated
from throughtime.data import Batches, Sequences, Streams, Target, collate, split
from throughtime.data.filling import filled
from throughtime.errors import DataError, OptionError
from throughtime.tasks import Classify, Regress
from throughtime.training import Encoder, Model
from throughtime.training.encoder import NOT_SEEN
from throughtime.training.gaps import counted, said
from throughtime.training.objective import Objective

NAN = torch.nan
CHANNELS = ("flow", "valve", "heat", "open", "site")
TEXTS = {"valve": ("a", "b", "c", "d"), "site": tuple(f"s{k}" for k in range(40))}


def sequences(count=30, seed=0):
    """Ragged ones with every kind of channel; numbers, categories and gaps from the first step on.

    The class follows from the valve, the number from the flow."""
    draw = torch.Generator().manual_seed(seed)
    arrays, kinds, sums = [], [], []
    for length in torch.randint(1, 9, (count,), generator=draw).tolist():
        x = torch.randn(length, 5, generator=draw)
        x[:, 1] = torch.randint(0, 4, (length,), generator=draw)
        x[:, 4] = torch.randint(-1, 40, (1,), generator=draw)
        x[:, 3] = (x[:, 3] > 0).float()
        kinds.append(int(x[0, 1] > 1))
        sums.append(float(x[:, 0].sum()))
        gaps = torch.rand(length, 5, generator=draw) < 0.2
        gaps[:, 2:4] = False
        arrays.append(x.masked_fill(gaps, NAN))
    arrays[3][:, 0] = NAN  # a sequence without any
    made = Sequences.from_list(arrays, channels=CHANNELS, categories=TEXTS)
    targets = {
        "kind": Target(torch.tensor(kinds), ("low", "high")),
        "sum": Target(torch.tensor(sums)),
    }
    return dataclasses.replace(made, targets=targets)


DATA, TEST = sequences(), sequences(12, seed=1)
KIND, SUM = Classify(("low", "high")), Regress(("sum",))


def model(task=KIND, direction="forward", data=DATA, **options):
    torch.manual_seed(0)
    encoder = Encoder.of(data)
    layer = Recurrent(options.pop("cell", GRU), encoder.width, 6, direction=direction)
    return Model(layer, task=task, encoder=encoder, **options)


def trained(folder=None, task=KIND, **options):
    options = {"epochs": 3, "batch_size": 8, "seed": 3, "bptt": "full"} | options
    return fit(model(task, data=DATA), DATA, folder=folder, **options)


def slow(encoder, x):
    """`(T, I)` of one sequence `x (T, C)` in a plain loop, with a plain nn.Embedding."""
    last = [NAN] * len(CHANNELS)
    tables = dict(zip(encoder.texts, encoder.categories, strict=True))
    rows = []
    for step in x.tolist():
        last = [old if new != new else new for old, new in zip(last, step, strict=True)]
        row = []
        for c, name in enumerate(CHANNELS):
            if name not in TEXTS:
                value = encoder.mean[c] if last[c] != last[c] else last[c]
                row.append((value - encoder.mean[c]) / encoder.std[c])
        for c, name in enumerate(CHANNELS):
            if name in encoder.missing:
                row.append(torch.tensor(float(step[c] != step[c])))
        for c, name in enumerate(CHANNELS):
            if name in TEXTS:
                k = len(TEXTS[name])
                at = -1 if last[c] != last[c] else int(last[c])
                seen = at >= 0 and bool(tables[name].seen[at])
                slot = torch.tensor(at if seen else k)
                row += [*nn.functional.embedding(slot, tables[name].embedding.weight)]
        rows.append(torch.stack(row))
    return torch.stack(rows)


def test_the_columns():
    encoder = Encoder.of(DATA)
    assert encoder.missing == ("flow", "valve", "site")
    assert encoder.width == 3 + 3 + 3 + 16, "numbers, gaps, 4 // 2 + 1 and at most 16"
    assert [tuple(c.embedding.weight.shape) for c in encoder.categories] == [(5, 3), (41, 16)]
    plain = Encoder(("a", "b"))
    assert plain.width == 2 and [*plain.state_dict()] == ["mean", "std"]
    x = torch.randn(4, 3, 2)
    plain.mean.fill_(2.0), plain.std.fill_(3.0)
    assert torch.equal(plain(x), (x - plain.mean) / plain.std)
    assert "2 channels -> 2" in str(plain)


@pytest.mark.parametrize("cut", [True, False])
def test_it_is_a_plain_loop_sequence_by_sequence(cut):
    encoder = Encoder.of(DATA).eval()
    encoder.fit(DATA.select(range(0, 30, 3)) if cut else DATA)
    seen = [c.seen.sum().item() for c in encoder.categories]
    assert (seen[1] < 15) == cut, "texts of other parts are not seen"
    batch = collate(DATA, torch.arange(len(DATA)))
    out = encoder(batch.x)
    assert out.isfinite().all()
    for k, length in enumerate(batch.lengths.tolist()):
        torch.testing.assert_close(out[:length, k], slow(encoder, DATA[k]))


def gradient(own, mode, data):
    batch = collate(data, torch.arange(len(data)))
    own.zero_grad()
    Objective(own, own.task.training_loss(data), batch).backward(mode, scale_by_replicas=False)
    return {n: p.grad.clone() for n, p in own.named_parameters()}


@pytest.mark.parametrize("direction", ["forward", "both"])
@pytest.mark.parametrize("mode", [Full(), Checkpointed(3), Truncated(50)], ids=str)
def test_the_gradient_is_that_of_a_plain_loop(mode, direction):
    if direction == "both" and isinstance(mode, Truncated):
        pytest.skip("truncated goes forward in time only")
    own = model(direction=direction).double().eval()
    own.encoder.fit(DATA)
    data = KIND.prepare("test", DATA)
    got = gradient(own, mode, data)
    own.zero_grad()
    total = 0.0
    for k in range(len(data)):
        _, state = own.recurrent[0](slow(own.encoder, data[k])[:, None])
        ends = torch.cat([direction["h"] for direction in state[0]], -1)
        total = total + nn.functional.cross_entropy(own.output(ends), data.labels[k : k + 1])
    (total / len(data)).backward()
    for name, p in own.named_parameters():
        torch.testing.assert_close(got[name], p.grad, rtol=1e-6, atol=1e-9, msg=name)
        assert p.grad.abs().max() > 0, name


@pytest.mark.parametrize("task", [KIND, SUM], ids=["classify", "regress"])
@pytest.mark.parametrize("direction", ["forward", "both"])
def test_padding_counts_for_nothing(task, direction):
    own = model(task, direction).eval()
    own.encoder.fit(DATA)
    together = predict(own, TEST)
    assert together.isfinite().all()
    for k in range(len(TEST)):
        alone = predict(own, TEST.select([k]))
        torch.testing.assert_close(together[k : k + 1], alone, rtol=1e-5, atol=1e-6)
    # whatever stands in the padding: nothing depends on it, and no gradient goes there
    own.double()
    ends = collate(task.prepare("test", DATA), torch.arange(5))
    data = dataclasses.replace(ends, x=ends.x.clone())
    for k, n in enumerate(ends.lengths.tolist()):
        data.x[n:, k] = torch.tensor([7.0, 3, 7, 1, 3])
    found = []
    for batch in (ends, data):
        own.zero_grad()
        Objective(own, own.task.training_loss(DATA), batch).backward(
            Full(), scale_by_replicas=False
        )
        found.append([p.grad.clone() for p in own.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_windows_whose_state_is_carried_are_filled_as_the_whole():
    encoder = Encoder.of(DATA).eval()
    encoder.fit(DATA)
    (whole,) = Streams(DATA, 3, 1000).epoch(0)
    want = encoder(whole.x, whole.before, whole.resets)
    parts = [encoder(b.x, b.before, b.resets) for b in Streams(DATA, 3, 4).epoch(0)]
    assert torch.equal(torch.cat(parts), want)
    # the second stream begins within a sequence: it is filled from before
    ends = torch.cat([slow(encoder, DATA[k]) for k in range(len(DATA))])
    n = len(DATA.values) // 3
    torch.testing.assert_close(want, ends[: 3 * n].view(3, n, -1).transpose(0, 1))


def test_a_share_of_the_texts_is_not_seen_in_training():
    encoder = Encoder(("c",), {"c": ("a", "b")})
    places = torch.randint(0, 2, (300, 100, 1)).float()
    torch.manual_seed(5)
    encoder.train()
    first = encoder(places)
    torch.manual_seed(5)
    assert torch.equal(encoder(places), first), "drawn from torch's generator"
    slot = encoder.categories[0].embedding.weight[-1]
    share = float((first == slot).all(-1).float().mean())
    assert share == pytest.approx(NOT_SEEN, abs=0.004)
    encoder.eval()
    assert not (encoder(places) == slot).all(-1).any()
    assert (encoder(torch.full((2, 2, 1), -1.0)) == slot).all()


@pytest.mark.parametrize("bptt", ["full", "truncated:3", "checkpointed:2"])
def test_resumed_it_is_the_same_run(tmp_path, bptt):
    class Stop(Exception):
        pass

    def stop(at):
        if (at.epoch, at.batch) == (1, 2):
            raise Stop

    whole = trained(bptt=bptt, validation=0.25)
    options = {"bptt": bptt, "validation": 0.25, "folder": tmp_path / "run"}
    with pytest.raises(Stop):
        trained(checkpoint_seconds=0, progress=stop, **options)
    again = trained(resume=True, **options)
    assert [row["loss"] for row in again.history] == [row["loss"] for row in whole.history]
    weights = whole.model.state_dict()
    assert all(torch.equal(t, weights[n]) for n, t in again.model.state_dict().items())
    loaded = load(tmp_path / "run").model
    assert loaded.encoder.texts == TEXTS and loaded.encoder.missing == again.model.encoder.missing
    assert torch.equal(predict(loaded, TEST), predict(whole.model, TEST))


@pytest.mark.parametrize("cell", [GRU, LSTM])
def test_it_learns_from_a_category(cell):
    own = model(cell=cell)
    train, test = sequences(200), sequences(100, seed=9)
    fit(own, train, epochs=25, batch_size=16, learning_rate=0.02)
    assert evaluate(own, test).accuracy > 0.8 > 0.65 > evaluate(model(), test).accuracy
    baselines = training.tested(own, train, test).results
    assert baselines["linear"]["accuracy"] > baselines["majority"]["accuracy"]


def test_texts_that_only_the_validation_part_has_are_not_seen():
    run = trained(validation=0.4)
    train, held = split(DATA, 0.4, 3)
    site = run.model.encoder.categories[1]
    assert site.seen.sum() == train.values[:, 4].unique().ge(0).sum() < 20
    own = set(train.values[:, 4].tolist())
    rare = [
        k for k, v in enumerate(held.values[:, 4].tolist()) if v == v and v >= 0 and v not in own
    ]
    assert run.model.encoder.not_seen("site", held.values[:, 4])[rare].all() and rare


def test_what_was_filled_and_not_seen_is_counted():
    run = trained(epochs=1)
    inputs = training.tested(run.model, DATA, TEST).results["test"]["inputs"]
    assert inputs == counted(run.model, TEST)
    gaps = TEST.values.isnan().sum(0).tolist()
    assert inputs["steps"] == len(TEST.values)
    assert inputs["missing"] == {"flow": gaps[0], "valve": gaps[1], "site": gaps[4]}
    trained_on = set(DATA.values[:, 4].tolist()) - {-1.0}
    strange = [v for v in TEST.values[:, 4].tolist() if v == v and v not in trained_on]
    assert inputs["not_seen"] == {"site": len(strange)} and strange
    lines = said(run.model, inputs)
    assert lines[0] == (
        f"{gaps[0]} of {len(TEST.values)} values of 'flow' missing: filled with the last one of "
        "the sequence, else the mean of training."
    )
    assert lines[-1] == f"'site': {len(strange)} of {len(TEST.values)} values not seen in training."
    assert "else as not seen." in lines[1] and said(run.model, {}) == []


def test_a_channel_that_was_whole_in_training_is_filled_and_that_is_said():
    run = trained(epochs=1)
    values = TEST.values.clone()
    values[::2, 2] = NAN
    test = dataclasses.replace(TEST, values=values)
    assert predict(run.model, test).isfinite().all()
    assert any(
        line.endswith("; the model is not told, because none was missing in training.")
        for line in said(run.model, counted(run.model, test))
    )


def test_a_model_of_numbers_fills_too():
    numbers = Sequences.from_list([[[1.0], [NAN]], [[NAN], [3.0]]], ["x", "y"])
    own = Model(Recurrent(GRU, 1, 3), classes=("x", "y"), channels=("c0",))
    run = fit(own, numbers, epochs=2)
    assert predict(run.model, numbers).isfinite().all()


def test_a_channel_without_a_value_in_the_training_part_is_refused():
    empty = dataclasses.replace(
        DATA, values=DATA.values.clone().index_fill_(1, torch.tensor(2), NAN)
    )
    with pytest.raises(
        DataError, match="channel 'heat' has no value in the training part; expected"
    ):
        fit(model(data=empty), empty, epochs=1)


def test_sequences_with_other_texts_are_refused():
    other = dataclasses.replace(TEST, categories=TEXTS | {"valve": ("a", "b", "c", "e")})
    with pytest.raises(
        DataError, match="predict: sequences has other texts in the category 'valve'"
    ):
        predict(model(), other)
    bare = dataclasses.replace(TEST, categories={})
    with pytest.raises(
        DataError, match="has the categories none; expected those of the model, 'val"
    ):
        predict(model(), bare)
    numbers = Model(Recurrent(GRU, 5, 3), task=KIND, channels=CHANNELS)
    with pytest.raises(DataError, match="build the model with `encoder=Encoder.of"):
        fit(numbers, DATA, epochs=1)


def test_a_model_has_channels_or_an_encoder():
    for options, says in [
        ({}, "neither channels nor encoder are given"),
        (
            {"channels": CHANNELS, "encoder": Encoder.of(DATA)},
            "both channels and encoder are given",
        ),
    ]:
        with pytest.raises(OptionError, match=says):
            Model(Recurrent(GRU, 5, 3), task=KIND, **options)
    with pytest.raises(
        OptionError, match="input_size=5; expected 25, .* to `encoder.width`: a cat"
    ):
        Model(Recurrent(GRU, 5, 3), task=KIND, encoder=Encoder.of(DATA))


@pytest.mark.parametrize("argument", ["categories", "missing"])
def test_an_encoder_knows_its_channels(argument):
    with pytest.raises(OptionError, match=f"{argument} has 'z'; expected one of the channels 'a'"):
        Encoder(("a",), **{argument: {"z": ("x",)} if argument == "categories" else ("z",)})


def test_batches_do_not_change_what_is_given():
    kept = DATA.values.clone()
    own = model()
    for batch in Batches(DATA, 4).epoch(0):
        own(batch.x, batch.lengths)
    assert torch.equal(DATA.values.nan_to_num(-9), kept.nan_to_num(-9))


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_what_is_masked_is_not_known(pooling):
    """A value that a gap hides takes no place of one that is missing after it."""
    mask = torch.rand(len(DATA.values), generator=torch.Generator().manual_seed(4)) < 0.7
    mask[DATA.offsets[1:] - 1] = True
    masked = dataclasses.replace(DATA, mask=mask)
    own = model(pooling=pooling).eval()
    own.encoder.fit(masked)
    torch.testing.assert_close(predict(own, masked), predict(own, masked.real_steps()))
    assert Encoder.of(masked).missing == Encoder.of(masked.real_steps()).missing
    assert counted(own, masked) == counted(own, masked.real_steps())
    torch.testing.assert_close(filled(masked)[mask], filled(masked.real_steps()), equal_nan=True)


def test_what_is_masked_is_not_known_at_each_step():
    mask = torch.rand(len(DATA.values), generator=torch.Generator().manual_seed(4)) < 0.7
    mask[DATA.offsets[1:] - 1] = True
    masked = dataclasses.replace(DATA, mask=mask)
    own = model(Next(channels=5)).eval()
    own.encoder.fit(masked)
    torch.testing.assert_close(predict(own, masked)[mask], predict(own, masked.real_steps()))
