"""Quantiles: outputs, loss, calibration and scores, by slow computations and by what they mean."""

import dataclasses
import math

import pytest
import torch

from throughtime import GRU, Model, Recurrent, evaluate, fit, load, predict, training
from throughtime.data import Sequences
from throughtime.errors import OptionError
from throughtime.tasks import QuantileScores, Regress, quantiles

LEVELS = (0.1, 0.25, 0.5, 0.9)


@pytest.mark.parametrize("levels", [LEVELS, (0.5,), (0.1,), (0.6, 0.7, 0.99)])
def test_outputs_never_cross_and_each_can_be_any_number(levels):
    draw = torch.Generator().manual_seed(0)
    out = 5 * torch.randn(30, 7, 2 * len(levels), generator=draw, dtype=torch.float64)
    out.requires_grad_()
    made = quantiles.ordered(out, levels)
    assert made.shape == (30, 7, 2, len(levels))
    assert (made.diff(dim=-1) > 0).all()
    m = quantiles.middle(levels)
    assert torch.equal(made[..., m], out.unflatten(-1, (2, -1))[..., m])
    made.square().sum().backward()
    assert (out.grad != 0).all(), "every output reaches a quantile"


def test_neighbours_are_a_softplus_apart():
    out = torch.tensor([1.0, 2.0, 3.0, 4.0])
    made = quantiles.ordered(out, LEVELS)[0].tolist()
    soft = [math.log1p(math.exp(v)) for v in (1.0, 2.0, 3.0, 4.0)]
    assert made == pytest.approx([3 - soft[1] - soft[0], 3 - soft[1], 3, 3 + soft[3]])


def test_the_loss_is_least_at_the_quantiles_of_the_numbers():
    """Of a constant prediction: that is what the loss is for."""
    draw = torch.Generator().manual_seed(0)
    actual = torch.randn(1999, 1, generator=draw, dtype=torch.float64).exp()
    best = torch.quantile(actual[:, 0], torch.tensor(LEVELS, dtype=torch.float64))
    at_best = quantiles.pinball(best.expand(1999, 1, 4), actual, LEVELS).mean()
    for k in range(4):
        for shift in (-0.05, 0.05):
            other = best.clone()
            other[k] += shift
            moved = quantiles.pinball(other.expand(1999, 1, 4), actual, LEVELS).mean()
            assert moved > at_best


def test_the_loss_equals_a_slow_computation():
    made = torch.tensor([[[1.0, 2.0], [5.0, 6.0]], [[0.0, 1.0], [3.0, 9.0]]])
    actual = torch.tensor([[1.5, math.nan], [-1.0, 10.0]])
    losses = quantiles.pinball(made, actual, (0.2, 0.8))
    for s in range(2):
        for k in range(2):
            want = 0.0
            for q, value in zip((0.2, 0.8), made[s, k].tolist(), strict=True):
                error = float(actual[s, k]) - value
                want += (q * error if error >= 0 else (q - 1) * error) / 2
            assert float(losses[s, k]) == pytest.approx(0.0 if math.isnan(want) else want)


def test_calibration_is_the_rank_of_conformal_prediction():
    """Of 9 differences, 1 to 9: level 0.9 takes the 9th, 0.1 the 1st, 0.5 the 5th."""
    actual = torch.arange(1.0, 10.0)[torch.randperm(9)][:, None]
    made = torch.zeros(9, 1, 3)
    assert quantiles.calibration(made, actual, (0.1, 0.5, 0.9)).tolist() == [[1.0, 5.0, 9.0]]
    assert quantiles.calibration(made, actual, (0.01, 0.33, 0.99)).tolist() == [[1.0, 3.0, 9.0]]
    some = torch.cat([actual, torch.full((5, 1), math.nan)])
    made = torch.zeros(14, 1, 3)
    assert quantiles.calibration(made, some, (0.1, 0.5, 0.9)).tolist() == [[1.0, 5.0, 9.0]]
    assert not quantiles.calibration(made, torch.full((14, 1), math.nan), (0.1, 0.5, 0.9)).any()


def test_calibrated_quantiles_hold_on_others():
    """Quantiles that are far off hold once they are calibrated, on average over many draws."""
    draw = torch.Generator().manual_seed(0)
    levels, below = (0.1, 0.5, 0.9), torch.zeros(3)
    for _ in range(400):
        own, others = torch.randn(2, 19, 1, generator=draw)
        wrong = torch.tensor([-9.0, 3.0, 0.1]).expand(19, 1, 3)
        right = quantiles.shifted(wrong, quantiles.calibration(wrong, own, levels))
        below += (others[..., None] <= right).float().mean((0, 1)) / 400
    assert below[0] <= 0.11 and below[1] >= 0.49 and below[2] >= 0.89
    assert below.tolist() == pytest.approx(levels, abs=0.03)


def test_scores_equal_a_slow_computation():
    made = torch.tensor([[[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]]])
    actual = torch.tensor([[1.5], [3.0], [math.nan]])
    scores = QuantileScores.of(made, actual, (0.1, 0.5, 0.9), torch.tensor([2.0]))
    losses = [(0.1 * 1.5 + 0.5 * 0.5 + 0.1 * 0.5) / 3, (0.1 * 3 + 0.5 * 2 + 0.9 * 1) / 3]
    assert scores.pinball == pytest.approx((sum(losses) / 2,))
    assert scores.loss == pytest.approx(sum(losses) / 4)
    assert scores.intervals == ((0.1, 0.9),) and scores.coverage == ((0.5,),)
    one = QuantileScores.of(made[..., 1:2], actual, (0.5,), torch.ones(1))
    assert one.intervals == () and one.coverage == ((),)


@pytest.mark.parametrize("levels", [(0.0, 0.5), (0.5, 1.0), (0.5, 0.5), (1.5,), (-0.1,)])
def test_levels_are_between_0_and_1(levels):
    with pytest.raises(OptionError, match="`Regress`: quantiles has .*; expected numbers between"):
        Regress(("y",), quantiles=levels)


def test_levels_are_put_in_order():
    assert Regress(("y",), quantiles=(0.9, 0.1)).quantiles == (0.1, 0.9)
    assert Regress(("y", "z"), quantiles=LEVELS).width == 8


def noisy(count, seed):
    """A number that is known up to noise, whose spread is another for each sequence."""
    draw = torch.Generator().manual_seed(seed)
    level = torch.rand(count, generator=draw)
    spread = 0.1 + torch.rand(count, generator=draw)
    arrays = [
        torch.stack([v.expand(4), s.expand(4)], -1) + 0.01 * torch.randn(4, 2, generator=draw)
        for v, s in zip(level, spread, strict=True)
    ]
    y = 100 + 20 * level + 10 * spread * torch.randn(count, generator=draw)
    return Sequences.from_list(arrays, targets={"y": y.tolist(), "half": (y / 2).tolist()})


def test_a_network_learns_intervals_that_hold(tmp_path):
    train, test = noisy(400, 0), noisy(400, 1)
    task = Regress(("y", "half"), quantiles=(0.1, 0.5, 0.9))
    torch.manual_seed(0)
    model = Model(Recurrent(GRU, 2, 12), task=task, channels=train.channels)
    run = fit(model, train, epochs=25, batch_size=32, learning_rate=0.01, validation=0.25,
              folder=tmp_path / "run")  # fmt: skip
    scores = evaluate(run.model, test)
    for shares in scores.quantiles.coverage:
        assert shares[0] == pytest.approx(0.8, abs=0.08)
    made = predict(run.model, test)
    width = made[:, 0, 2] - made[:, 0, 0]
    wide = torch.tensor([float(test[k][:, 1].mean()) for k in range(400)])
    assert torch.corrcoef(torch.stack([width, wide]))[0, 1] > 0.7, "wider where there is more noise"
    results = training.tested(run.model, train, test).results
    assert results["test"]["quantiles"]["loss"] == results["test"]["loss"]
    assert results["test"]["loss"] < results["mean"]["loss"]
    assert results["mean"]["quantiles"]["coverage"][0][0] == pytest.approx(0.8, abs=0.06)
    assert "in 0.1 to 0.9" in scores.tables()[1].columns
    again = load(tmp_path / "run").model
    assert again.task == run.model.task and len(again.task.shifts) == 2
    assert torch.equal(predict(again, test), made)
    header, rows = again.task.rows(made, test)
    assert header == ["sequence", "y", "y_q10", "y_q90", "half", "half_q10", "half_q90"]
    assert rows[3][1:4] == [float(made[3, 0, k]) for k in (1, 0, 2)]
    twice = again.task.calibrated(made, test)
    again.task = twice
    for shares in evaluate(again, test).quantiles.coverage:
        assert 0.79 <= shares[0] <= 0.82, "calibrated on top of what it was"
    bare = dataclasses.replace(twice, shifts=())
    again.task = bare
    assert not torch.equal(predict(again, test), made), "the calibration is used"


def test_without_a_validation_part_nothing_is_calibrated():
    data = noisy(30, 0)
    task = Regress(("y",), quantiles=(0.1, 0.9), shifts=((5.0, 5.0),))
    model = Model(Recurrent(GRU, 2, 3), task=task, channels=data.channels)
    assert fit(model, data, epochs=1).model.task.shifts == ()
