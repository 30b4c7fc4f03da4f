"""A backtest in which the model is trained anew before each window, on all that was known then."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor

from throughtime.data import Sequences
from throughtime.data.categories import restrict_categories
from throughtime.data.series import Series, with_calendar
from throughtime.data.windows import before, windows
from throughtime.tasks import Forecast
from throughtime.training.evaluate import predict
from throughtime.training.fit import fit
from throughtime.training.model import Model
from throughtime.training.run import Run


def walk_forward(run: Run, series: Series, whole: Sequences, test: Sequences) -> Tensor:
    """What is forecast of the windows of a test, each by a model trained before it.

    **Arguments:**

    - `run`: finished, trained before the first window of each series: its model forecasts these.
      Another of the same kind, with the same options, is trained for the windows after them.
    - `series`: how the table is divided; `whole`: all of it, `test`: its windows, as
      `Series.parts` has them.

    **Returns:** quantiles `(S, K, H, Q)`, in the order of `test`.
    """
    place = {key: k for k, key in enumerate(zip(test.names, test.lengths.tolist(), strict=True))}
    predictions = predict(run.model, test)
    options: dict[str, Any] = asdict(run.options)
    for train, fitted, held, at_origin in _origins(series, whole):
        torch.manual_seed(run.options.seed)
        model = Model.from_description(run.model.describe())
        assert isinstance(model.task, Forecast)
        model.task = replace(model.task, widths=(), persistence=())
        model.to(next(run.model.parameters()).device)
        then = None if run.options.minutes is not None else train
        options["validation"] = held
        fit(model, fitted, then=then, **options)
        keys = zip(at_origin.names, at_origin.lengths.tolist(), strict=True)
        predictions[[place[key] for key in keys]] = predict(model, at_origin)
    return predictions


def _origins(
    series: Series, whole: Sequences
) -> Iterator[tuple[Sequences, Sequences, Sequences, Sequences]]:
    """For each window after the first: what there is to train on before it, what of that to fit on
    and to validate on, and the windows themselves."""
    count, H, least = series.count(whole), series.horizon, series.least
    if whole.categories:  # only those of the first training, as its model knows no others
        _, whole = restrict_categories(before(whole, H, count=count, least=least), whole)
    for left in range(count - 1, 0, -1):
        later = replace(series, windows=left, share=None)
        train, _ = later.parts(whole, restrict=False)
        fitted, held = later.aside(train)
        stops = whole.lengths - (left - 1) * H
        enough = (stops >= H + least).nonzero()[:, 0]
        ending = whole.select(enough)
        ending = ending.cut(torch.zeros_like(enough), stops[enough])
        yield train, fitted, held, with_calendar(windows(ending, H, count=1, least=least))
