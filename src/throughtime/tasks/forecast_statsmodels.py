"""Theta and exponential smoothing, the statistical forecasts to beat, by statsmodels.

They are there with the extra `forecast`. Missing values are interpolated linearly for them.

??? cite "References"
    Assimakopoulos, Nikolopoulos, The theta model, 2000. Hyndman, Koehler, Ord, Snyder, Forecasting
    with exponential smoothing, 2008 (ETS). Seabold, Perktold, statsmodels, 2010.
"""

import importlib.util
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64

from throughtime.tasks.forecast_baselines import LONGEST, Window
from throughtime.tasks.forecast_baselines import forecast as simple_forecast

TITLES = {"theta": "Theta", "ets": "ETS"}
MOST = {"theta": 300, "ets": 100}  # windows and series that they are fitted to, at most
LONG = 24  # steps of a season, from which on it is taken off before smoothing


def available() -> bool:
    """Whether statsmodels is installed."""
    return importlib.util.find_spec("statsmodels") is not None


def left_out(series: int, windows: int, *, every: bool) -> dict[str, str]:
    """Which of `TITLES` are not to be had for so many series and windows, and why.

    `every`: whether they are wanted however long it takes.
    """
    if not available():
        why = "statsmodels is not installed: `pip install 'throughtime[forecast]'`"
    else:
        many = {"theta": (windows, "windows"), "ets": (series, "series")}
        return {
            name: f"{TITLES[name]} is left out: it would be fitted to each of {count:,} {what}, "
            f"more than {MOST[name]}; --all-baselines has it all the same."
            for name, (count, what) in many.items()
            if count > MOST[name] and not every
        }
    return {name: f"{title} is left out: {why}." for name, title in TITLES.items()}


def forecast(
    name: str,
    windows: Sequence[Window],
    horizon: int,
    season: int,
    levels: tuple[float, ...],
    *,
    refit: bool = False,
) -> Float64[np.ndarray, "S H Q"]:
    """The quantiles of `theta` or `ets` for each window.

    Theta is fitted at each origin. ETS is fitted once to each series, on its training part, and
    then only smooths what came since; with `refit` it is fitted at each origin too. A series that
    is too short for it, or on which the fit fails, has the seasonal naive forecast.
    """
    import statsmodels.api  # type: ignore  # noqa: F401  it sets filters of warnings

    kept: dict[str, Any] = {}
    out = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what does not converge: the backtest tells how good
        for window in windows:
            y = _interpolated(window.y)[-LONGEST:]
            try:
                if name == "theta":
                    of = _theta(y, horizon, season, levels)
                else:
                    if refit or window.series not in kept:
                        until = len(window.y) if refit else min(window.fit, len(window.y))
                        fitted = _interpolated(window.y[:until])[-LONGEST:]
                        kept[window.series] = _chosen(fitted, season)
                    of = _ets(y, horizon, levels, kept[window.series])
            except (ValueError, ArithmeticError, np.linalg.LinAlgError, IndexError):
                of = None
            if of is None or not np.isfinite(of).all():
                of = simple_forecast("seasonal", [window], horizon, season, levels)[0]
            out.append(np.sort(of, -1))
    return np.stack(out)


def _theta(
    y: Float64[np.ndarray, " n"], horizon: int, season: int, levels: tuple[float, ...]
) -> Float64[np.ndarray, "H Q"]:
    """Of the series less its season, where a test says that it has one, as in the M4 competition;
    the season is put back in the end."""
    from statsmodels.tsa.forecasting.theta import ThetaModel  # type: ignore
    from statsmodels.tsa.seasonal import seasonal_decompose  # type: ignore

    if np.ptp(y) == 0:
        return np.full((horizon, len(levels)), y[-1])
    factor, shift = np.ones(horizon), np.zeros(horizon)
    if season > 1 and len(y) >= 3 * season and _is_seasonal(y, season):
        by_factor = bool((y > 0).all())
        kind = "multiplicative" if by_factor else "additive"
        means = np.asarray(seasonal_decompose(y, period=season, model=kind).seasonal[:season])
        own = means[np.arange(len(y)) % season]
        ahead = means[(len(y) + np.arange(horizon)) % season]
        y, factor, shift = (y / own, ahead, shift) if by_factor else (y - own, factor, ahead)
    fitted: Any = ThetaModel(y, deseasonalize=False).fit()
    middle = np.asarray(fitted.forecast(horizon, theta=2))
    # its intervals are symmetric and normal: one of them has the spread of all
    bounds = np.asarray(fitted.prediction_intervals(horizon, theta=2, alpha=0.2))
    half = (bounds[:, 1] - bounds[:, 0]) / 2
    return _normal(middle, half, levels) * factor[:, None] + shift[:, None]


def _is_seasonal(y: Float64[np.ndarray, " n"], season: int) -> bool:
    """Whether the correlation at the lag of the season is beyond chance, at a level of 90%."""
    from statsmodels.tsa.stattools import acf  # type: ignore

    r = np.asarray(acf(y, nlags=season, fft=True))
    limit = 1.645 * np.sqrt((1 + 2 * (r[1:-1] ** 2).sum()) / len(y))
    return bool(abs(r[-1]) > limit)


def _chosen(y: Float64[np.ndarray, " n"], season: int) -> dict[str, Any] | None:
    """The kind of smoothing with the best criterion (AICc) on a series, and its parameters; None
    for one too short for any."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel  # type: ignore

    own, _ = _without_season(y, season)
    within = season if 1 < season <= LONG and len(y) >= 2 * season + 1 else 1
    best, kept = float("inf"), None
    kinds = [{"trend": None}, {"trend": "add", "damped_trend": True}]
    errors = ["add", "mul"] if (own > 0).all() else ["add"]
    for kind in kinds:
        for error in errors:
            given: dict[str, Any] = {**kind, "error": error}
            if within > 1:
                given |= {"seasonal": error, "seasonal_periods": within}
            if len(own) < 4 + 2 * within:
                continue
            try:
                fitted: Any = ETSModel(own, **given).fit(disp=False, maxiter=200)
            except (ValueError, ArithmeticError, np.linalg.LinAlgError):
                continue
            if np.isfinite(fitted.aicc) and fitted.aicc < best:
                best, kept = fitted.aicc, {"given": given, "params": fitted.params}
    return None if kept is None else kept | {"season": season}


def _ets(
    y: Float64[np.ndarray, " n"],
    horizon: int,
    levels: tuple[float, ...],
    kept: dict[str, Any] | None,
) -> Float64[np.ndarray, "H Q"] | None:
    import pandas as pd  # type: ignore  # which statsmodels brings along
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel  # type: ignore

    if kept is None:
        return None
    own, profile = _without_season(y, kept["season"])
    smoothed: Any = ETSModel(pd.Series(own), **kept["given"]).smooth(kept["params"])
    ahead: Any = smoothed.get_prediction(start=len(own), end=len(own) + horizon - 1)
    middle = np.asarray(ahead.predicted_mean)
    bounds = np.asarray(ahead.pred_int(alpha=0.2))
    of = _normal(middle, (bounds[:, 1] - bounds[:, 0]) / 2, levels)
    if profile is not None:
        of = of + profile[(len(y) + np.arange(horizon)) % kept["season"]][:, None]
    return of


def _without_season(
    y: Float64[np.ndarray, " n"], season: int
) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " season"] | None]:
    """A series less the mean of each place of a long season, and these; as it is for a short
    season, which smoothing follows by itself."""
    if season <= LONG or len(y) < 2 * season:
        return y, None
    from statsmodels.tsa.seasonal import seasonal_decompose  # type: ignore

    means = seasonal_decompose(y, period=season, model="additive").seasonal[:season]
    places = np.arange(len(y)) % season
    return y - np.asarray(means)[places], np.asarray(means)


def _normal(
    middle: Float64[np.ndarray, " H"], half: Float64[np.ndarray, " H"], levels: tuple[float, ...]
) -> Float64[np.ndarray, "H Q"]:
    """Quantiles of normal numbers, of which `half` is how far the levels 0.1 and 0.9 lie from the
    middle."""
    from scipy.stats import norm  # type: ignore

    return middle[:, None] + half[:, None] * (norm.ppf(levels) / norm.ppf(0.9))[None]


def _interpolated(y: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " m"]:
    known = np.flatnonzero(~np.isnan(y))
    if not len(known):
        return np.zeros(1)
    y = y[known[0] :]
    known = known - known[0]
    return y if len(known) == len(y) else np.interp(np.arange(len(y)), known, y[known])
