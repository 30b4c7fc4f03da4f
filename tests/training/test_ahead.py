"""What a forecasting model is given and begins with: by slow computations, and without a leak."""

import dataclasses
import math

import pytest
import torch
from tasks.series import HORIZON, SEASON, series

from throughtime import GRU, Model, Recurrent, encoder_for, fit, load, predict
from throughtime.bptt import Checkpointed, Full, Truncated
from throughtime.data import Sequences, collate
from throughtime.data.windows import before, windows
from throughtime.errors import OptionError
from throughtime.tasks import Forecast, quantiles
from throughtime.tasks.ahead import Ahead
from throughtime.training import ahead_start
from throughtime.training.ahead_encoder import TRANSFORMS, AheadEncoder
from throughtime.training.ahead_output import AheadOutput
from throughtime.training.objective import Objective

DATA = series()
TRAIN, TEST = before(DATA, HORIZON, count=2), windows(DATA, HORIZON, count=2)
TASK = Forecast(("sales",), HORIZON, ("price",), SEASON)


def model(task=TASK, data=TRAIN, **options):
    torch.manual_seed(0)
    encoder = encoder_for(task, data)
    return Model(Recurrent(GRU, encoder.width, 8), task=task, encoder=encoder, **options)


def trained(task=TASK, data=TRAIN, **options):
    return fit(model(task, data), data, epochs=2, learning_rate=1e-3, **options).model


TRAINED = trained()


def changed(sequences, where, channel=0):
    values = sequences.values.clone()
    values[where, channel] += 1000 * torch.rand(int(where.sum()))
    return dataclasses.replace(sequences, values=values)


def all_at(side, step):
    """What the output network is shown at one step of all rows, and these."""
    rows = torch.arange(side.level.shape[1])
    return side.at(torch.full_like(rows, step), rows), rows


def after_the_origin(sequences, horizon=HORIZON):
    steps = torch.cat([torch.arange(n) for n in sequences.lengths.tolist()])
    ends = torch.repeat_interleave(sequences.lengths, sequences.lengths)
    return steps >= ends - horizon


def test_a_value_after_the_origin_changes_no_forecast():
    other = changed(TEST, after_the_origin(TEST))
    assert torch.equal(predict(TRAINED, other), predict(TRAINED, TEST))
    unknown = changed(TEST, after_the_origin(TEST))
    unknown.values[after_the_origin(TEST), 0] = math.nan
    assert torch.equal(predict(TRAINED, unknown), predict(TRAINED, TEST))


def test_a_known_input_after_the_origin_does():
    other = changed(TEST, after_the_origin(TEST), channel=1)
    assert not torch.equal(predict(TRAINED, other), predict(TRAINED, TEST))


def test_at_each_step_of_training_nothing_is_seen_of_later_ones():
    m = TRAINED
    batch = next(iter(TASK.batches(TRAIN, 8, 0).epoch(0)))
    t = 20
    for channel, ahead in ((0, 0), (1, HORIZON)):
        later = batch.x.clone()
        later[t + 1 + ahead :, :, channel] += 7.0
        (y, side), (z, other) = m.encoded(batch.x), m.encoded(later)
        assert torch.equal(y[: t + 1], z[: t + 1])
        for step, same in ((t, True), (t + 1, False)):
            (told, rows), (beside, _) = all_at(side, step), all_at(other, step)
            assert all(map(torch.equal, told, beside)) == same and len(rows) == 8


def test_the_test_part_changes_nothing_in_training():
    place = DATA.lengths[0] - HORIZON
    end = torch.arange(len(DATA.values)) >= place
    end &= torch.arange(len(DATA.values)) < DATA.offsets[1]
    other = trained(data=before(changed(DATA, end), HORIZON, count=2))
    for name, weights in other.state_dict().items():
        assert torch.equal(weights, TRAINED.state_dict()[name]), name


def test_a_window_is_forecast_as_the_same_step_of_training():
    """Scored at a step of a piece, or as the last step of a series of its own: the same answer."""
    m = TRAINED
    series = DATA.select([0])
    n = int(series.lengths[0])
    padded = torch.cat([series[0], torch.full((HORIZON, 2), math.nan)])[:, None]
    layer = m.recurrent[0]
    with torch.no_grad():
        y, side = m.encoded(padded)
        out, _ = layer(y)
        steps = torch.arange(n)
        told = side.at(steps, torch.zeros_like(steps))
        all_steps = m.task.predictions(m.answer(out[:, 0], told))
    for t in (5, 17, n - HORIZON - 1):
        cut = series.cut(torch.tensor([0]), torch.tensor([t + 1 + HORIZON]))
        assert torch.allclose(predict(m, cut)[0], all_steps[t], rtol=1e-4)


def test_more_history_than_the_context_changes_nothing():
    short = dataclasses.replace(TASK, context=20)
    m = trained(short)
    cut = TEST.cut((TEST.lengths - 20 - HORIZON).clamp(min=0), TEST.lengths)
    assert torch.equal(predict(m, TEST), predict(m, cut))


@pytest.mark.parametrize("factor", (1e-3, 1e4))
def test_a_series_on_another_level_is_forecast_alike(factor):
    m = trained(dataclasses.replace(TASK, known=()))
    m.encoder.transform.zero_()
    other = dataclasses.replace(
        TEST, values=torch.stack([TEST.values[:, 0] * factor, TEST.values[:, 1]], -1)
    )
    assert torch.allclose(predict(m, other), predict(m, TEST) * factor, rtol=2e-3)


def whole(encoder, x):
    """What the output network is shown at all steps of one series."""
    side = encoder.beside(x)
    steps = torch.arange(len(side.level))
    return side.at(steps, torch.zeros_like(steps))


def test_levels_units_and_lags_by_hand():
    ahead = Ahead(("y",), 2, season=2, lags=3)
    encoder = AheadEncoder(("y",), ahead=ahead)
    y = torch.tensor([3.0, 5.0, 4.0, 8.0, 6.0])
    x = torch.cat([y, torch.full((2,), math.nan)])[:, None, None]
    told = whole(encoder, x)
    assert told.level[:, 0].tolist() == pytest.approx([3, 4, 4.5, 6, 7])
    spread = [y[: t + 1].std(correction=0).item() for t in range(5)]
    assert told.unit[1:, 0].tolist() == pytest.approx(spread[1:])
    assert (told.lags[4, 0] * spread[4] + 7).tolist() == pytest.approx([6, 8, 4])
    assert told.lags[0, 0, 1:].tolist() == [0, 0]  # there is nothing before the first step


def test_what_is_missing_is_that_of_the_season_before():
    ahead = Ahead(("y",), 2, season=3, lags=3)
    encoder = AheadEncoder(("y",), ahead=ahead)
    y = torch.tensor([math.nan, 5.0, 7.0, 9.0, math.nan, math.nan, 11.0, math.nan, math.nan])
    x = torch.cat([y, torch.full((2,), math.nan)])[:, None, None]
    told = whole(encoder, x)
    lags = told.lags[-1, 0] * told.unit[-1] + told.level[-1]
    assert lags.tolist() == pytest.approx([7, 5, 11])
    assert told.lags.isfinite().all()


def test_known_inputs_of_the_steps_ahead_and_of_the_season_before():
    ahead = Ahead(("y",), 3, known=("k",), season=4, lags=4)
    encoder = AheadEncoder(("y", "k"), ahead=ahead)
    t = torch.arange(13.0)
    x = torch.stack([t.masked_fill(t > 9, math.nan), t], -1)[:, None]
    told = whole(encoder, x)
    assert told.leads[9, :, 0].tolist() == [10, 11, 12]
    assert told.then[9, :, 0].tolist() == [6, 7, 8]
    assert told.then[1, :, 0].tolist() == [0, 0, 0]  # before the start there is nothing


@pytest.mark.parametrize("kind", range(len(TRANSFORMS)))
def test_a_transform_is_taken_back(kind):
    encoder = AheadEncoder(("y",), ahead=Ahead(("y",), 1))
    encoder.transform.fill_(kind)
    y = torch.rand(50, 1) * 100 + 0.1
    assert torch.allclose(encoder.back(encoder.transformed(y)[..., None])[..., 0], y, rtol=1e-4)


def test_a_series_that_varies_by_factors_is_learned_as_a_logarithm():
    def of(transform):
        draw = torch.Generator().manual_seed(0)
        arrays = []
        for _ in range(8):
            y = [torch.tensor(0.0)]
            for _ in range(150):
                y.append(0.9 * y[-1] + 0.5 * torch.randn((), generator=draw))
            arrays.append(transform(torch.stack(y)))
        data = Sequences.from_list(arrays, channels=["y"])
        m = model(Forecast(("y",), 2), data)
        m.encoder.fit(data)
        ahead_start.begin(m.encoder, m.output, data, m.task.scales(data))
        return TRANSFORMS[int(m.encoder.transform[0])]

    assert of(lambda y: (2 * y).exp()) == "log"
    assert of(lambda y: y) == "none"  # of numbers below zero there is no other


def test_the_start_is_the_best_linear_map():
    """An autoregression without noise is found, with the known input at the step ahead; nearly,
    as what the input does is weighed with how much the series varied lately."""
    draw = torch.Generator().manual_seed(0)
    arrays = []
    for _ in range(8):
        k = torch.randn(100, generator=draw)
        y = [torch.tensor(0.0), torch.tensor(1.0)]
        for t in range(2, 100):
            y.append(0.5 * y[-1] - 0.4 * y[-2] + 2.0 * k[t])
        arrays.append(torch.stack([torch.stack(y), k], -1))
    data = Sequences.from_list(arrays, channels=["y", "k"])
    task = Forecast(("y",), 1, ("k",))
    m = model(task, data)
    m.encoder.fit(data)
    ahead_start.begin(m.encoder, m.output, data, task.scales(data))
    m.eval()
    held = task.prepare("test", windows(data, 1, count=5))
    error = predict(m, held)[:, 0, 0, 4] - held.targets["y"].values[:, 0]
    assert error.abs().mean() < 0.2 * data.values[:, 0].std()


def test_it_begins_with_the_quantiles_of_the_errors_of_the_start():
    m = model()
    m.encoder.fit(TRAIN)
    ahead_start.begin(m.encoder, m.output, TRAIN, TASK.scales(TRAIN))
    raw = m.output.spread.flatten(0, 1).flatten()
    q = quantiles.ordered(raw, TASK.quantiles)
    assert (q.diff(dim=-1) > 0).all() and (q[:, 0] < 0).all() and (q[:, -1] > 0).all()


@pytest.mark.parametrize("mode", (Truncated(7), Checkpointed(3)), ids=str)
def test_every_mode_has_the_gradient_of_the_whole(mode):
    """Truncated without a cut inside the piece is the whole; checkpointed is it always."""
    m = TRAINED
    m.train()
    batch = next(iter(TASK.batches(TRAIN, 4, 0).epoch(0)))
    loss = TASK.training_loss(TRAIN)

    def gradients(mode):
        m.zero_grad()
        value, _ = Objective(m, loss, batch).backward(mode, scale_by_replicas=False)
        return value, [None if p.grad is None else p.grad.clone() for p in m.parameters()]

    value, whole = gradients(Full())
    other, pieces = gradients(Truncated(10_000) if isinstance(mode, Truncated) else mode)
    assert torch.allclose(value, other)
    for a, b in zip(whole, pieces, strict=True):
        assert (a is None) == (b is None)
        assert a is None or torch.allclose(a, b, rtol=1e-3, atol=1e-6)
    gradients(mode)  # cut anywhere, it runs
    m.eval()


def test_it_is_described_and_made_again():
    described = TRAINED.describe()
    again = Model.from_description(described)
    again.load_state_dict(TRAINED.state_dict())
    again.eval()
    assert again.task == TRAINED.task and isinstance(again.output, AheadOutput)
    assert torch.equal(predict(again, TEST), predict(TRAINED, TEST))


def test_categories_that_are_known_ahead():
    draw = torch.Generator().manual_seed(0)
    arrays = []
    for _ in range(6):
        day = (torch.arange(90) + int(torch.randint(7, (1,), generator=draw))) % 7
        y = 10 + 5.0 * (day == 3) + 0.1 * torch.randn(90, generator=draw)
        arrays.append(torch.stack([y, day.float()], -1))
    data = Sequences.from_list(
        arrays, channels=["y", "day"], categories={"day": ("a", "b", "c", "d", "e", "f", "g")}
    )
    task = Forecast(("y",), 5, ("day",))  # no season: the category alone tells
    m = trained(task, before(data, 5, count=1))
    held = task.prepare("test", windows(data, 5, count=1))
    error = predict(m, held)[:, 0, :, 4] - held.targets["y"].values
    assert error.abs().mean() < 0.5


def test_a_batch_of_windows_is_forecast_as_each_alone():
    batch = predict(TRAINED, TEST)
    for k in range(len(TEST)):
        alone = predict(TRAINED, TEST.select([k]))
        assert torch.allclose(alone[0], batch[k], rtol=1e-4)
    assert collate(TEST, torch.tensor([0])).x.shape[0] == int(TEST.lengths[0])


class Stop(Exception):
    pass


def stop_at(epoch, again):
    """Stops a training in that epoch, of the first training or the one on all data."""
    seen = []

    def progress(at):
        seen.append(at.epoch)
        restarted = any(b < a for a, b in zip(seen, seen[1:], strict=False))
        if restarted == again and (at.epoch, at.batch) == (epoch, 3):
            raise Stop

    return progress


@pytest.mark.parametrize("again", (False, True), ids=("first", "again"))
def test_resumed_it_is_the_same_run(again, tmp_path):
    fitted, held = before(TRAIN, HORIZON, count=1), windows(TRAIN, HORIZON, count=1)
    options = dict(
        validation=held, then=TRAIN, epochs=4, learning_rate=1e-2, batch_size=4,
        checkpoint_seconds=0,
    )  # fmt: skip
    whole = fit(model(), fitted, folder=tmp_path / "whole", **options)
    with pytest.raises(Stop):
        fit(
            model(),
            fitted,
            folder=tmp_path / "cut",
            progress=stop_at(0 if again else 1, again),
            **options,
        )
    if again:
        with pytest.raises(OptionError, match="then is missing"):
            fit(model(), fitted, folder=tmp_path / "cut", resume=True, **options | {"then": None})
    resumed = fit(model(), fitted, folder=tmp_path / "cut", resume=True, **options)
    assert whole.history[-1]["again"] == resumed.history[-1]["again"]
    for name, weights in whole.model.state_dict().items():
        assert torch.equal(weights, resumed.model.state_dict()[name]), name
    assert whole.model.task == resumed.model.task and whole.model.task.widths
    loaded = load(tmp_path / "cut").model
    assert torch.equal(predict(loaded, TEST), predict(whole.model, TEST))


def test_in_the_end_it_is_trained_on_all_data_for_as_many_epochs_as_were_best():
    fitted, held = before(TRAIN, HORIZON, count=1), windows(TRAIN, HORIZON, count=1)
    options = dict(learning_rate=1e-2, batch_size=4)
    run = fit(model(), fitted, validation=held, then=TRAIN, epochs=3, **options)
    best = min(run.history, key=lambda row: row["validation_loss"])["epoch"]
    assert run.history[-1]["again"] == best
    m = model()
    first = fit(m, fitted, epochs=1, **options)  # draws what the first weights were
    m.load_state_dict(first.initial)
    other = fit(m, TRAIN, epochs=best, **options)
    for name, weights in other.model.state_dict().items():
        assert torch.equal(weights, run.model.state_dict()[name]), name
