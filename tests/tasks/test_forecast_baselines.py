"""What a forecast has to beat: by hand, by what it must find again, and without a leak."""

import dataclasses

import numpy as np
import pytest

from throughtime.tasks import forecast_baselines as simple
from throughtime.tasks import forecast_statsmodels as fitted
from throughtime.tasks.ahead import DECILES
from throughtime.tasks.forecast_baselines import Window, around, filled

MIDDLE = 4
NAN = np.nan


def window(y, known=None, horizon=4, fit=None, series="s"):
    y = np.asarray(y, dtype=float)
    known = np.zeros((len(y) + horizon, 0)) if known is None else np.asarray(known, dtype=float)
    return Window(series, y, len(y) if fit is None else fit, known)


def wave(n=120, seed=0, noise=0.1):
    draw = np.random.default_rng(seed)
    t = np.arange(n)
    return 10 + 0.05 * t + 3 * np.sin(2 * np.pi * t / 12) + noise * draw.standard_normal(n)


def points(name, windows, season, horizon=4, **options):
    of = simple if name in simple.TITLES else fitted
    return of.forecast(name, windows, horizon, season, DECILES, **options)[..., MIDDLE]


def test_naive_forecasts_by_hand():
    y = window([1.0, 5.0, 2.0, 7.0])
    assert points("last", [y], 1).tolist() == [[7, 7, 7, 7]]
    assert points("seasonal", [y], 2).tolist() == [[2, 7, 2, 7]]
    assert points("drift", [y], 1).tolist() == [[9, 11, 13, 15]]


def test_missing_values_are_those_of_the_season_before():
    assert filled(np.array([1.0, 2.0, NAN, 4.0, NAN]), 2).tolist() == [1, 2, 1, 4, 1]
    assert filled(np.array([NAN, 2.0, NAN, 4.0]), 1).tolist() == [2, 2, 4]
    assert filled(np.array([NAN, NAN]), 1).tolist() == [0]


@pytest.mark.parametrize("name", [*simple.TITLES, *fitted.TITLES])
@pytest.mark.parametrize("n", (1, 2, 5, 13, 60))
@pytest.mark.parametrize("gone", (False, True))
def test_series_of_any_length_have_finite_quantiles_in_order(name, n, gone):
    y = wave(n)
    if gone and n > 2:
        y[1::3] = NAN
    known = np.random.default_rng(0).standard_normal((n + 4, 2))
    of = simple if name in simple.TITLES else fitted
    q = of.forecast(name, [window(y, known)], 4, 12, DECILES)
    assert q.shape == (1, 4, 9) and np.isfinite(q).all() and (np.diff(q, axis=-1) >= 0).all()


@pytest.mark.parametrize("name", [*simple.TITLES, *fitted.TITLES])
def test_constant_series(name):
    assert points(name, [window(np.full(40, 3.0))], 4)[0] == pytest.approx(np.full(4, 3.0))


def test_an_autoregression_with_known_inputs_is_found_again():
    draw = np.random.default_rng(0)
    known = draw.standard_normal((404, 1))
    y = np.zeros(400)
    for t in range(2, 400):
        y[t] = 0.6 * y[t - 1] - 0.3 * y[t - 2] + 2 * known[t, 0] + 0.01 * draw.standard_normal()
    says = points("linear", [window(y[:399], known[:403])], 1)[0, 0]
    assert says == pytest.approx(y[399], abs=0.1)
    blind = points("linear", [window(y[:399])], 1)[0, 0]
    assert abs(blind - y[399]) > 0.3


@pytest.mark.parametrize("name", ["linear", "theta", "ets"])
def test_a_season_with_a_trend_is_followed(name):
    y = wave(124)
    errors = {who: np.abs(points(who, [window(y[:120])], 12)[0] - y[120:]).mean()
              for who in (name, "last")}  # fmt: skip
    assert errors[name] < 1 < errors["last"]


def test_fitted_once_or_anew():
    y = wave(100)
    y[60:] *= 3  # what was fitted before does not know of it
    windows = [window(y[:k], fit=60) for k in (70, 90)]
    for name in ("linear", "ets"):
        once, anew = (points(name, windows, 12, refit=refit) for refit in (False, True))
        assert not np.allclose(once, anew)
    other = [
        dataclasses.replace(w, y=np.where(np.arange(len(w.y)) < 60, w.y, 0.0)) for w in windows
    ]
    assert not np.allclose(points("linear", windows, 12), points("linear", other, 12))


def test_what_comes_after_the_training_part_does_not_change_what_was_fitted():
    y = wave(100)
    short, long = window(y[:60], fit=60), window(y[:80], fit=60)
    alone = simple.forecast("linear", [short], 4, 12, DECILES)
    both = simple.forecast("linear", [short, long], 4, 12, DECILES)
    assert np.array_equal(alone[0], both[0])


def test_quantiles_hold_on_average():
    draw = np.random.default_rng(0)
    walks = draw.standard_normal((300, 84)).cumsum(1)
    windows = [window(walk[:80], series=str(k)) for k, walk in enumerate(walks)]
    q = simple.forecast("last", windows, 4, 1, DECILES)
    inside = (q[..., 0] <= walks[:, 80:]) & (walks[:, 80:] <= q[..., -1])
    assert inside.mean() == pytest.approx(0.8, abs=0.06)


def test_errors_of_few_steps_are_taken_together():
    says, errors = np.zeros(2), np.array([[1.0, NAN], [-1.0, 2.0], [0.0, -2.0]])
    q = around(says, errors, (0.1, 0.5, 0.9))
    assert q[0].tolist() == q[1].tolist() and q[0, 1] == 0
    assert around(says, np.full((3, 2), NAN), (0.1, 0.5, 0.9)).tolist() == [[0, 0, 0]] * 2


def test_what_is_left_out_is_said():
    assert fitted.left_out(3, 9, every=False) == {}
    many = fitted.left_out(500, 1500, every=False)
    assert "each of 1,500 windows, more than" in many["theta"]
    assert "each of 500 series" in many["ets"] and "--all-baselines" in many["ets"]
    assert fitted.left_out(500, 1500, every=True) == {}


def test_without_the_extra(monkeypatch):
    monkeypatch.setattr(fitted, "available", lambda: False)
    assert "pip install 'throughtime[forecast]'" in fitted.left_out(1, 1, every=True)["theta"]
