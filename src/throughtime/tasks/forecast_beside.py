"""The baselines of a forecast, on the same windows."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from throughtime.data import Sequences
from throughtime.data.filling import filled
from throughtime.tasks import forecast_baselines as simple
from throughtime.tasks import forecast_statsmodels as fitted
from throughtime.tasks.ahead import Ahead
from throughtime.tasks.forecast_baselines import Window
from throughtime.tasks.scores import Scores

TITLES: Mapping[str, str] = simple.TITLES | fitted.TITLES
MANY = 32  # texts of a category from which on an autoregression does not see it


def baselines(
    ahead: Ahead,
    train: Sequences,
    test: Sequences,
    scored: Callable[[Tensor], Scores],
    *,
    refit: bool,
    every: bool,
) -> dict[str, Scores]:
    """The scores of each baseline that there is for these windows.

    - `scored`: the scores of quantiles `(S, K, H, Q)`.
    - `refit`, `every`: see `Forecast`.
    """
    known = _known(ahead, train, test)
    windows = [_windows(ahead, name, train, test, known) for name in ahead.targets]
    names = [name for name in TITLES if name not in left_out(ahead, test, every=every)]
    if ahead.season == 1:
        names.remove("seasonal")  # it is the last value
    scores: dict[str, Scores] = {}
    for name in names:
        of = simple if name in simple.TITLES else fitted
        forecasts = [
            of.forecast(name, each, ahead.horizon, ahead.season, ahead.levels, refit=refit)
            for each in windows
        ]
        scores[name] = scored(torch.from_numpy(np.stack(forecasts, 1)).float())
    return scores


def left_out(ahead: Ahead, test: Sequences, *, every: bool) -> dict[str, str]:
    """Which baselines are not there, and why, in a sentence each."""
    K = len(ahead.targets)
    return fitted.left_out(len({*test.names}) * K, len(test) * K, every=every)


def _windows(
    ahead: Ahead, target: str, train: Sequences, test: Sequences, known: list[np.ndarray]
) -> list[Window]:
    column, H = test.channels.index(target), ahead.horizon
    fit = dict(zip(train.names, train.lengths.tolist(), strict=True))
    return [
        Window(name, test[k][:-H, column].double().numpy(), fit.get(name, len(test[k]) - H), of)
        for k, (name, of) in enumerate(zip(test.names, known, strict=True))
    ]


def _known(ahead: Ahead, train: Sequences, test: Sequences) -> list[np.ndarray]:
    """The inputs that are known ahead, of each window: numbers as they are, categories as 0 and 1;
    a missing one is the last known, or else the mean of training."""
    values, columns = filled(test), []
    for name in ahead.known:
        column = values[:, test.channels.index(name)].double()
        if name in test.categories:
            texts = len(test.categories[name])
            if texts <= MANY:
                places = column.nan_to_num(-1.0).long()
                columns += [(places == k).double() for k in range(texts)]
            continue
        mean = train.values[:, train.channels.index(name)].double().nanmean().nan_to_num(0.0)
        columns.append(torch.where(column.isnan(), mean, column))
    whole: Tensor = torch.stack(columns, -1) if columns else values.new_zeros(len(values), 0)
    return [part.double().numpy() for part in whole.split(test.lengths.tolist())]
