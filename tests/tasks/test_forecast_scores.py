"""Scores of forecasts by hand, and by plain loops over random ones."""

import json
import math

import pytest
import torch

from throughtime.tasks.forecast_scores import ForecastScores

NAN = math.nan


def scores(quantiles, actual, scale, names=None, levels=(0.1, 0.5, 0.9)):
    q, y = torch.tensor(quantiles), torch.tensor(actual)
    scale = torch.tensor(scale)
    units = scale.where(scale > 0, 1.0)
    names = names or [str(k) for k in range(len(q))]
    targets = [f"t{k}" for k in range(q.shape[1])]
    return ForecastScores.of(q, y, scale, units, names, targets, levels)


def test_one_window_by_hand():
    of = scores([[[[1.0, 2.0, 4.0], [0.0, 1.0, 2.0]]]], [[[3.0, 5.0]]], [[2.0]])
    assert (of.sequences, of.series, of.steps, of.left_out) == (1, 1, 2, 0)
    assert of.MASE == (1 / 2 + 4 / 2) / 2 and of.MAE == 2.5
    assert of.RMSE == pytest.approx(math.sqrt((1 + 16) / 2))
    assert of.sMAPE == pytest.approx((200 * 1 / 5 + 200 * 4 / 6) / 2)
    pinball = [(0.1 * 2, 0.5 * 1, 0.1 * 1), (0.1 * 5, 0.5 * 4, 0.9 * 3)]
    assert of.wQL == pytest.approx(2 * sum(map(sum, pinball)) / 3 / 8)
    assert of.loss == pytest.approx(sum(map(sum, pinball)) / 6 / 2)
    assert of.coverage == (0.5,) and of.below == (0.0, 0.0, 0.5)
    assert of.by_step["MASE"] == (0.5, 2.0) and of.by_step["coverage"] == (1.0, 0.0)


def test_a_constant_series_is_left_out_and_counted():
    q = [[[[1.0, 1.0, 1.0]]], [[[5.0, 6.0, 7.0]]]]
    of = scores(q, [[[1.0]], [[8.0]]], [[0.0], [4.0]])
    assert of.left_out == 1 and of.MASE == 0.5 and of.by_series["MASE"] == (None, 0.5)
    assert "1 constant left out of MASE" in of.summary()
    alone = scores(q[:1], [[[2.0]]], [[0.0]])
    assert alone.left_out == 1 and alone.MASE == alone.MAE == 1.0
    unknown = scores(q, [[[1.0]], [[8.0]]], [[NAN], [4.0]])
    assert unknown.left_out == 1 and unknown.MASE == 0.5


def test_series_count_alike_however_many_windows_they_have():
    q = [[[[0.0, 0.0, 0.0]]]] * 4
    of = scores(q, [[[1.0]], [[1.0]], [[1.0]], [[9.0]]], [[1.0]] * 4, ["a", "a", "a", "b"])
    assert of.MASE == 5.0 and of.MAE == 3.0 and of.series == 2
    assert of.by_series == {
        "series": ("a", "b"), "MASE": (1.0, 9.0),
        "wQL": of.by_series["wQL"],
    }  # fmt: skip


def test_what_is_not_known_counts_for_nothing():
    draw = torch.Generator().manual_seed(0)
    q = torch.randn(5, 2, 4, 3, generator=draw).sort(-1).values
    y = torch.randn(5, 2, 4, generator=draw)
    y[0, 0, :] = NAN
    y[:, 1, 3] = NAN
    names, scale = ["a", "a", "b", "b", "c"], torch.rand(5, 2, generator=draw) + 0.5
    of = ForecastScores.of(q, y, scale, scale, names, ["x", "y"], (0.1, 0.5, 0.9))
    each, squares, steps = {}, [], [[] for _ in range(4)]
    for s in range(5):
        for k in range(2):
            for h in range(4):
                if not math.isnan(y[s, k, h]):
                    error = float(abs(y[s, k, h] - q[s, k, h, 1]))
                    each.setdefault((names[s], k), []).append(error / float(scale[s, k]))
                    squares.append(error**2)
                    steps[h].append(error**2)
    assert of.steps == len(squares)
    assert of.RMSE == pytest.approx(math.sqrt(sum(squares) / len(squares)), rel=1e-5)
    means = [sum(v) / len(v) for v in each.values()]
    assert of.MASE == pytest.approx(sum(means) / len(means), rel=1e-5)
    for h, values in enumerate(steps):
        assert of.by_step["RMSE"][h] == pytest.approx(
            math.sqrt(sum(values) / len(values)), rel=1e-5
        )
    assert of.by_series["series"][:3] == ("a, x", "a, y", "b, x")
    json.dumps(of.to_dict(), allow_nan=False)


def test_nothing_known_is_still_plain_data():
    of = scores([[[[1.0, 2.0, 3.0]]]], [[[NAN]]], [[1.0]])
    assert of.steps == 0
    json.dumps(of.to_dict(), allow_nan=False)
    assert [table.title for table in of.tables()] == ["each step ahead"]


def test_zeros_have_no_relative_error():
    of = scores([[[[0.0, 0.0, 0.0]]]], [[[0.0]]], [[1.0]])
    assert (of.sMAPE, of.wQL, of.MASE) == (0.0, 0.0, 0.0) and of.coverage == (1.0,)
