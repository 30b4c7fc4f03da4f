"""What a forecasting model begins as: a linear autoregression with the known inputs.

It is fitted in closed form on the training part: a ridge regression whose penalty draws it to one
of four simple forecasts. Which of these, how strongly, and whether of the values, their root or
their logarithm, is decided by the last fifth of each training series, on which it is tried.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from throughtime.data import Batches, Sequences
from throughtime.tasks.ahead import Ahead
from throughtime.training.ahead_encoder import TRANSFORMS, AheadEncoder, Side
from throughtime.training.ahead_output import AheadOutput

SERIES = 400  # drawn to fit on, at most
ORIGINS = 12_000  # of all of these, at most
TRIED = 4  # steps ahead on which the choice is made, at most
LAST = 0.2  # of a training series: on which it is made
PENALTIES = (1e-4, 1e-3, 1e-2, 0.1, 0.5, 2.0, 10.0, 100.0)  # a step that is fitted on
LARGEST = 20.0  # units from the level at which targets are cut off for the fit


class Origins(NamedTuple):
    """Steps of training series at which a forecast is made, `n` of them, and what came then.

    - `told`: what the output network is shown; `actual`: the targets ahead, `(n, K, H)`, nan where
      they are not known.
    - `late`: `(n,)`: whether the step is in the last part of its series; `early`: whether all
      targets lie before that part.
    - `scale`: `(n, K)`, what errors are measured in.
    """

    told: Side
    actual: Tensor
    late: Tensor
    early: Tensor
    scale: Tensor


@torch.no_grad()
def begin(encoder: AheadEncoder, output: AheadOutput, train: Sequences, scales: Tensor) -> None:
    """Choose the transform, fit the linear map and begin the output network with it.

    `scales`: `(S, K)`, what errors of each series are measured in.
    """
    few = _drawn(train, SERIES)
    train, scales = train.select(few), scales[few]
    encoder.least.copy_(_least(train, encoder))
    best: tuple[float, int, Tensor, float] | None = None
    for kind in range(len(TRANSFORMS)):
        encoder.transform.fill_(kind)
        if kind and not _allowed(TRANSFORMS[kind], train, encoder):
            continue
        origins = _origins(encoder, train, scales)
        for anchor in anchors(encoder.ahead):
            errors = _tried(encoder, output, origins, anchor)
            for penalty, error in zip(PENALTIES, errors, strict=True):
                if best is None or error < 0.995 * best[0]:
                    best = error, kind, anchor, penalty
    assert best is not None
    _, kind, anchor, penalty = best
    encoder.transform.fill_(kind)
    origins = _origins(encoder, train, scales)
    wanted = _wanted(encoder, origins.told, origins.actual)
    for h in range(encoder.ahead.horizon):
        for k in range(len(encoder.targets)):
            x, y = _rows(output, origins.told, wanted, k, h, anchor)
            (weight,) = _ridge(x, y, (penalty,))
            output.linear[k, h] = weight
            output.linear[k, h, : encoder.ahead.lags] += anchor[h]
    errors = wanted - output.from_linear(origins.told)
    levels = torch.tensor(encoder.ahead.levels)
    of_each = errors.double().nanquantile(levels.double(), 0).movedim(0, -1)
    output.begin(of_each.nan_to_num(0.0).float())


def anchors(ahead: Ahead) -> list[Tensor]:
    """The simple forecasts as linear maps of the lags, each `(H, L)`: the level of the last season,
    the last value; with a season the value of the same place in it, and that with the change of
    the level since.
    """
    H, L, m = ahead.horizon, ahead.lags, ahead.season
    level, last = torch.zeros(H, L), torch.zeros(H, L)
    last[:, 0] = 1.0
    if m < 2 or m > L:
        return [level, last]
    seasonal = torch.zeros(H, L)
    seasonal[torch.arange(H), torch.tensor(ahead.same_phase())] = 1.0
    if 2 * m > L:
        return [level, last, seasonal]
    moved = seasonal.clone()
    for h, back in enumerate(ahead.same_phase()):
        # the level of the season in which that place was, which in units is the mean of its lags
        moved[h, back : back + m] -= 1.0 / m
    return [level, last, seasonal, moved]


def _drawn(train: Sequences, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randperm(len(train), generator=generator)[:count].sort().values


def _least(train: Sequences, encoder: AheadEncoder) -> Tensor:
    """Of each target half of its smallest value above 0, below which no logarithm is taken."""
    values = train.values[:, encoder.targets]
    above = values.where(values > 0, torch.inf).amin(0)
    return (above / 2).where(above.isfinite(), 0.0)


def _allowed(kind: str, train: Sequences, encoder: AheadEncoder) -> bool:
    least = train.values[:, encoder.targets].nan_to_num(torch.inf).amin()
    return bool(least > 0) if kind == "log" else bool(least >= 0)


def _origins(encoder: AheadEncoder, train: Sequences, scales: Tensor) -> Origins:
    """Some of the steps of all training series, drawn where there are too many."""
    ahead, parts = encoder.ahead, []
    H, training = ahead.horizon, encoder.training
    encoder.eval()
    share = min(1.0, ORIGINS / max(1, len(train.values)))
    generator = torch.Generator().manual_seed(0)
    for batch in Batches(train, 16, shuffle=False).epoch(0):
        x = torch.cat([batch.x, batch.x.new_full((H, *batch.x.shape[1:]), torch.nan)])
        T = len(batch.x)
        past = torch.arange(len(x))[:, None] >= batch.lengths
        x = x.masked_fill(past[..., None], torch.nan)
        side = encoder.beside(x)
        actual = x[1:][..., encoder.targets].unfold(0, H, 1)  # (T, B, K, H)
        steps = torch.arange(T)[:, None]
        cut = batch.lengths - (LAST * batch.lengths).round().clamp(min=1).long()
        warm = ahead.warm(batch.lengths)
        chosen = (steps < batch.lengths) & (steps >= warm) & ~actual.isnan().flatten(2).all(-1)
        chosen &= torch.rand(chosen.shape, generator=generator) < share
        late, early = steps >= cut - 1, steps + H < cut
        of = [v.expand_as(chosen)[chosen] for v in (late, early)]
        scale = scales[batch.indices].expand(T, -1, -1)[chosen]
        parts.append((*side.at(*chosen.nonzero(as_tuple=True)), actual[chosen], *of, scale))
    encoder.train(training)
    *side, actual, late, early, scale = (torch.cat(p) for p in zip(*parts, strict=True))
    return Origins(Side(*side), actual, late, early, scale)


def _wanted(encoder: AheadEncoder, told: Side, actual: Tensor) -> Tensor:
    """Targets `(n, K, H)` in units from the level."""
    moved = encoder.transformed(actual.transpose(-1, -2)).transpose(-1, -2)
    return (moved - told.level[..., None]) / told.unit[..., None]


def _rows(
    output: AheadOutput, told: Side, wanted: Tensor, k: int, h: int, anchor: Tensor
) -> tuple[Tensor, Tensor]:
    """What a linear map of target `k`, `h` steps ahead, is fitted on: inputs `(n, L + F)`, and what
    the anchor leaves, `(n,)`, where it is known."""
    known = ~wanted[:, k, h].isnan()
    lags = told.lags[known, k].clamp(-LARGEST, LARGEST)
    few = Side(*(part[known] for part in told))
    few = few._replace(leads=few.leads[:, h : h + 1], then=few.then[:, h : h + 1])
    x = torch.cat([lags, output.linear_inputs(few)[:, 0]], -1)
    y = wanted[known, k, h].clamp(-LARGEST, LARGEST) - lags @ anchor[h]
    return x.double(), y.double()


def _ridge(x: Tensor, y: Tensor, penalties: tuple[float, ...]) -> list[Tensor]:
    """The weights of a linear map of `x (n, F)` to `y (n,)` for each penalty a row."""
    values, vectors = torch.linalg.eigh(x.T @ x)
    projected = vectors.T @ (x.T @ y)
    n = max(len(x), 1)
    return [(vectors @ (projected / (values.clamp(min=0) + p * n))).float() for p in penalties]


def _tried(
    encoder: AheadEncoder, output: AheadOutput, origins: Origins, anchor: Tensor
) -> list[float]:
    """For each penalty the mean error on the last part of the series, fitted on what is before."""
    H = encoder.ahead.horizon
    heads = torch.linspace(0, H - 1, min(TRIED, H)).round().long().unique().tolist()
    wanted = _wanted(encoder, origins.told, origins.actual)
    pick = lambda of, which: Side(*(part[which] for part in of))  # noqa: E731
    total, count = torch.zeros(len(PENALTIES), dtype=torch.float64), 0
    early, late = pick(origins.told, origins.early), pick(origins.told, origins.late)
    for k in range(len(encoder.targets)):
        for h in heads:
            x, y = _rows(output, early, wanted[origins.early], k, h, anchor)
            z, _ = _rows(output, late, wanted[origins.late], k, h, anchor)
            known = ~wanted[origins.late, k, h].isnan()
            if not len(x) or not known.any():
                continue
            base = late.lags[known, k].clamp(-LARGEST, LARGEST) @ anchor[h]
            level, unit = late.level[known, k], late.unit[known, k]
            actual = origins.actual[origins.late][known, k, h]
            scale = origins.scale[origins.late][known, k]
            for p, weight in enumerate(_ridge(x, y, PENALTIES)):
                says = level + unit * (base + (z @ weight.double()).float())
                own = encoder.back(says[:, None, None].expand(-1, len(encoder.targets), 1))[:, k, 0]
                total[p] += ((own - actual).abs() / scale).double().sum()
            count += int(known.sum())
    return (total / max(count, 1)).tolist() if count else [0.0] * len(PENALTIES)
