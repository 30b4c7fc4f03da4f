"""What anybody would forecast first: the last value, that of the season before, a line, and a
linear autoregression with the known inputs.

Each is a map from what is known at an origin to the next H steps. Its quantiles are as far from it
as those of its own errors at the same number of steps ahead, over the steps before the origin.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

TITLES = {
    "last": "last value", "seasonal": "seasonal naive", "drift": "drift",
    "linear": "linear autoregression",
}  # fmt: skip
LONGEST = 3000  # of the steps before an origin, from which errors are taken and maps are fitted
FEW = 10  # errors of one number of steps ahead, below which those of all are taken together
ORDERS = (1, 2, 3, 4, 6, 9, 12, 18, 24)  # of an autoregression that are tried, beside the season's
PENALTY = 1e-3  # a row of the regression, on inputs scaled to a spread of 1

Errors = Float64[np.ndarray, "e H"]
Steps = Float64[np.ndarray, " H"]


@dataclass(frozen=True, eq=False)
class Window:
    """A series up to an origin, and what is known ahead.

    - `series`: its name; windows of one name are of one series.
    - `y`: the values up to the origin, nan where one is missing.
    - `fit`: so many of the first are the training part, on which what is fitted once is fitted.
    - `known`: inputs that are known ahead, `(n + H, I)`, with nothing missing.
    """

    series: str
    y: Float64[np.ndarray, " n"]
    fit: int
    known: Float64[np.ndarray, "m I"]


def forecast(
    name: str,
    windows: Sequence[Window],
    horizon: int,
    season: int,
    levels: tuple[float, ...],
    *,
    refit: bool = False,
) -> Float64[np.ndarray, "S H Q"]:
    """The quantiles of one of `TITLES` for each window.

    `refit`: whether an autoregression is fitted anew at each origin, not once for each series.
    """
    if name == "linear":
        return _linear(windows, horizon, season, levels, refit=refit)
    of = {"last": _last, "seasonal": _seasonal, "drift": _drift}[name]
    out = []
    for window in windows:
        y = filled(window.y, season)[-LONGEST:]
        says, errors = of(y, horizon, season)
        out.append(around(says, errors, levels))
    return np.stack(out)


def filled(y: Float64[np.ndarray, " n"], season: int) -> Float64[np.ndarray, " m"]:
    """The last known value at the same place of the season in place of each missing one, or else
    the last known one; before the first known one there is nothing."""
    if not np.isnan(y).any():
        return y
    y = y.copy()
    for at in range(len(y)):
        if np.isnan(y[at]):
            back = season if season > 1 and at >= season else 1
            y[at] = y[at - back] if at >= back else np.nan
            if np.isnan(y[at]) and at:
                y[at] = y[at - 1]
    return y[np.flatnonzero(~np.isnan(y))[0] :] if not np.isnan(y).all() else np.zeros(1)


def around(says: Steps, errors: Errors, levels: tuple[float, ...]) -> Float64[np.ndarray, "H Q"]:
    """Quantiles about a forecast, from errors at each number of steps ahead; nan counts for
    nothing. Where there are few, errors of all steps are taken together; where there is none, all
    quantiles are the forecast.
    """
    counts = (~np.isnan(errors)).sum(0)
    every = errors[~np.isnan(errors)]
    out = np.repeat(says[:, None], len(levels), 1)
    for h in range(len(says)):
        own = errors[~np.isnan(errors[:, h]), h] if counts[h] >= FEW else every
        if len(own):
            spread = np.quantile(own, levels)
            out[h] += spread - spread[np.abs(np.array(levels) - 0.5).argmin()]
    return out


def _ahead(y: Float64[np.ndarray, " n"], horizon: int) -> Errors:
    """What came after each step: row t has y[t + 1] to y[t + H], nan past the end."""
    padded = np.concatenate([y[1:], np.full(horizon, np.nan)])
    return np.lib.stride_tricks.sliding_window_view(padded, horizon)[: len(y)]


def _last(y: Float64[np.ndarray, " n"], horizon: int, season: int) -> tuple[Steps, Errors]:
    return np.repeat(y[-1], horizon), (_ahead(y, horizon) - y[:, None])[:-1]


def _seasonal(y: Float64[np.ndarray, " n"], horizon: int, season: int) -> tuple[Steps, Errors]:
    back = [(-h) % season for h in range(1, horizon + 1)]
    at = np.arange(len(y))[:, None] - np.array(back)
    says = np.where(at >= 0, y[at.clip(min=0)], np.nan)
    own = np.where(np.isnan(says[-1]), y[-1], says[-1])
    return own, (_ahead(y, horizon) - says)[:-1]


def _drift(y: Float64[np.ndarray, " n"], horizon: int, season: int) -> tuple[Steps, Errors]:
    slope = (y - y[0]) / np.maximum(np.arange(len(y)), 1)
    says = y[:, None] + slope[:, None] * np.arange(1, horizon + 1)
    return says[-1], (_ahead(y, horizon) - says)[1:-1]


@dataclass(frozen=True, eq=False)
class _Regression:
    """A linear map for each number of steps ahead, of `order` lags and of what is known there."""

    order: int
    weights: Float64[np.ndarray, "H W"]
    errors: Errors

    def says(self, window: Window, y: Float64[np.ndarray, " n"]) -> Steps:
        lags = y[-self.order :][::-1]
        ahead = window.known[len(window.y) :]
        return np.array([np.r_[1.0, lags, ahead[h]] @ w for h, w in enumerate(self.weights)])


def _linear(
    windows: Sequence[Window], horizon: int, season: int, levels: tuple[float, ...], *, refit: bool
) -> Float64[np.ndarray, "S H Q"]:
    """Least squares for each number of steps ahead; the order by Akaike's criterion, one step
    ahead. A series too short for it has the seasonal naive forecast."""
    fitted: dict[str, _Regression | None] = {}
    out = []
    for window in windows:
        y = filled(window.y, season)
        if refit or window.series not in fitted:
            until = len(window.y) if refit else min(window.fit, len(window.y))
            own = filled(window.y[:until], season)
            known = window.known[until - len(own) : until]
            fitted[window.series] = _regression(own, known, horizon, season)
        regression = fitted[window.series]
        if regression is None or len(y) < regression.order:
            says, errors = _seasonal(y, horizon, season)
        else:
            says, errors = regression.says(window, y), regression.errors
        out.append(around(says, errors, levels))
    return np.stack(out)


def _regression(
    y: Float64[np.ndarray, " n"], known: Float64[np.ndarray, "n I"], horizon: int, season: int
) -> _Regression | None:
    y, known = y[-LONGEST:], known[-LONGEST:]
    most = (len(y) - horizon - known.shape[1]) // 3
    usual = [*ORDERS, *((season, season + 1, 2 * season) if season > 1 else ())]
    orders = sorted({order for order in usual if order <= most})
    if not orders:
        return None
    first = orders[-1]  # all are compared on the same rows
    criterion: Callable[[int], float] = lambda p: _criterion(y, known, p, first)  # noqa: E731
    order = min(orders, key=criterion)
    weights, errors = [], np.full((len(y), horizon), np.nan)
    for h in range(1, horizon + 1):
        x, target = _rows(y, known, order, order, h)
        weights.append(_solved(x, target))
        errors[: len(x), h - 1] = target - x @ weights[-1]
    return _Regression(order, np.stack(weights), errors)


def _rows(
    y: Float64[np.ndarray, " n"], known: Float64[np.ndarray, "n I"], order: int, first: int, h: int
) -> tuple[Float64[np.ndarray, "r W"], Float64[np.ndarray, " r"]]:
    """Inputs at the origins from `first` on, and what came `h` steps later."""
    lags = np.lib.stride_tricks.sliding_window_view(y, order)[first - order :, ::-1]
    count = len(y) - h - first + 1
    ahead = known[first + h - 1 :]
    x = np.concatenate([np.ones((count, 1)), lags[:count], ahead[:count]], 1)
    return x, y[first + h - 1 :]


def _solved(
    x: Float64[np.ndarray, "r W"], target: Float64[np.ndarray, " r"]
) -> Float64[np.ndarray, " W"]:
    """Ridge regression with a small penalty; the first column, ones, has none."""
    scale = x.std(0)
    scale[scale == 0] = 1.0
    mean = x.mean(0)
    mean[0], scale[0] = 0.0, 1.0
    z = (x - mean) / scale
    gram = z.T @ z
    gram[np.diag_indices(len(gram))] += PENALTY * len(x) * (np.arange(len(gram)) > 0)
    weights = np.linalg.lstsq(gram, z.T @ target, rcond=None)[0] / scale
    weights[0] -= mean @ weights
    return weights


def _criterion(
    y: Float64[np.ndarray, " n"], known: Float64[np.ndarray, "n I"], order: int, first: int
) -> float:
    """Akaike's information criterion of an order, one step ahead."""
    x, target = _rows(y, known, order, first, 1)
    error = target - x @ _solved(x, target)
    variance = max(float(error.var()), 1e-300)
    return len(target) * float(np.log(variance)) + 2 * (order + 1)
