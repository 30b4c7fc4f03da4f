"""What a forecasting model begins as: a linear autoregression with the known inputs.

It is fitted in closed form on the training part: ridge regressions whose penalties draw them to
simple forecasts, mixed by how they did on the last fifth of each training series, which they were
tried on. That also decides whether they are of the values, their root or their logarithm.
"""

import math
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
APART = 0.05  # by how much more than the best a map errs that has 1/e of its share
LEAST = 0.002  # share of a map, below which it is left out
WIDEST = 3.0  # times as wide intervals become where maps err more on what they were not fitted on
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


class Tried(NamedTuple):
    """A map that was tried: a transform, what its penalty draws it to, the penalty; its error on
    the last part of the series, and on what is before, which it was fitted on."""

    kind: int
    anchor: Tensor
    penalty: float
    error: float
    fitted: float


@torch.no_grad()
def begin(encoder: AheadEncoder, output: AheadOutput, train: Sequences, scales: Tensor) -> None:
    """Choose the transform, fit the linear map and begin the output network with it.

    `scales`: `(S, K)`, what errors of each series are measured in.
    """
    few = _drawn(train, SERIES)
    train, scales = train.select(few), scales[few]
    encoder.least.copy_(_least(train, encoder))
    tried: list[Tried] = []
    for kind, name in enumerate(TRANSFORMS):
        encoder.transform.fill_(kind)
        if kind and not _allowed(name, train, encoder):
            continue
        origins = _origins(encoder, train, scales)
        tried += _tried(kind, encoder, output, origins)
    best = min(tried, key=lambda one: one.error)
    encoder.transform.fill_(best.kind)
    origins = _origins(encoder, train, scales)
    wanted = _wanted(encoder, origins.told, origins.actual)
    output.linear.zero_()
    mixed = _mixed([one for one in tried if one.kind == best.kind])
    late, early = (sum(w * e for e, w in es) for es in (
        [(one.error, w) for one, w in mixed], [(one.fitted, w) for one, w in mixed]
    ))  # fmt: skip
    wider = late / early if early > 0 else 1.0
    output.wider.fill_(min(max(wider, 1.0), WIDEST))
    for h in range(encoder.ahead.horizon):
        for k in range(len(encoder.targets)):
            x, y, lags = _rows(output, origins.told, wanted, k, h)
            ridge = _Ridge(x)
            for one, share in mixed:
                weight = ridge.weight(y - lags @ one.anchor[h].double(), one.penalty)
                output.linear[k, h] += share * weight
                output.linear[k, h, : encoder.ahead.lags] += share * one.anchor[h]
    errors = wanted - output.from_linear(origins.told)
    levels = torch.tensor(encoder.ahead.levels)
    of_each = errors.double().nanquantile(levels.double(), 0).movedim(0, -1)
    output.begin(of_each.nan_to_num(0.0).float())


def anchors(ahead: Ahead) -> list[Tensor]:
    """The simple forecasts as linear maps of the lags, each `(H, L)`: the level of the last season,
    the last value; with a season the value of the same place in it, that with the change of the
    level since, and the mean of the last two such places, each about the level of its season.
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
    mean = torch.zeros(H, L)
    for h, back in enumerate(ahead.same_phase()):
        mean[h, [back, back + m] if back + m < L else [back]] = 0.5
        mean[h, m : 2 * m] -= 0.5 / m  # half of the level that the second of these was about
    return [level, last, seasonal, moved, mean]


def _mixed(tried: list[Tried]) -> list[tuple[Tried, float]]:
    """The shares of several maps in one, which is more often right than the best of them: a map
    that errs by 5% more than the best has 1/e of its share."""
    least = max(min(one.error for one in tried), 1e-12)
    shares = [math.exp(-(one.error / least - 1) / APART) for one in tried]
    kept = [(one, w) for one, w in zip(tried, shares, strict=True) if w > LEAST * sum(shares)]
    total = sum(w for _, w in kept)
    return [(one, w / total) for one, w in kept]


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
    output: AheadOutput, told: Side, wanted: Tensor, k: int, h: int
) -> tuple[Tensor, Tensor, Tensor]:
    """What a linear map of target `k`, `h` steps ahead, is fitted on, where that is known: inputs
    `(n, L + F)`, what came, `(n,)`, and the first of the inputs, the lags, `(n, L)`."""
    known = ~wanted[:, k, h].isnan()
    few = Side(*(part[known] for part in told))
    few = few._replace(leads=few.leads[:, h : h + 1], then=few.then[:, h : h + 1])
    lags = few.lags[:, k].clamp(-LARGEST, LARGEST)
    x = torch.cat([lags, output.linear_inputs(few)[:, 0]], -1).double()
    y = wanted[known, k, h].clamp(-LARGEST, LARGEST)
    return x, y.double(), lags.double()


class _Ridge:
    """Linear maps of inputs `x (n, F)`, for any penalty a row."""

    def __init__(self, x: Tensor) -> None:
        self.x = x
        self.values, self.vectors = torch.linalg.eigh(x.T @ x)

    def weight(self, y: Tensor, penalty: float) -> Tensor:
        """The weights of the map to `y (n,)`."""
        projected = self.vectors.T @ (self.x.T @ y)
        scaled = projected / (self.values.clamp(min=0) + penalty * max(len(y), 1))
        return (self.vectors @ scaled).float()


def _tried(kind: int, encoder: AheadEncoder, output: AheadOutput, origins: Origins) -> list[Tried]:
    """Each map of a transform with its mean error on the last part of the series, fitted on what is
    before; where nothing is known there all are alike."""
    H, K, all_anchors = encoder.ahead.horizon, len(encoder.targets), anchors(encoder.ahead)
    heads = torch.linspace(0, H - 1, min(TRIED, H)).round().long().unique().tolist()
    wanted = _wanted(encoder, origins.told, origins.actual)
    early, late = (
        Side(*(part[which] for part in origins.told)) for which in (origins.early, origins.late)
    )
    total = torch.zeros(2, len(all_anchors), len(PENALTIES), dtype=torch.float64)
    count = [0, 0]
    for k in range(K):
        for h in heads:
            x, y, own = _rows(output, early, wanted[origins.early], k, h)
            z, _, lags = _rows(output, late, wanted[origins.late], k, h)
            if not len(x) or not len(z):
                continue
            ridge = _Ridge(x)
            for part, (told, which, rows, last) in enumerate(
                ((late, origins.late, z, lags), (early, origins.early, x, own))
            ):
                known = ~wanted[which, k, h].isnan()
                level, unit = told.level[known, k], told.unit[known, k]
                actual, scale = origins.actual[which][known, k, h], origins.scale[which][known, k]
                for a, anchor in enumerate(all_anchors):
                    base, left = last @ anchor[h].double(), y - own @ anchor[h].double()
                    for p, penalty in enumerate(PENALTIES):
                        says = base + rows @ ridge.weight(left, penalty).double()
                        values = level + unit * says.float()
                        there = encoder.back(values[:, None, None].expand(-1, K, 1))[:, k, 0]
                        error = (there - actual).abs() / scale
                        total[part, a, p] += error.double().sum()
                count[part] += len(rows)
    errors, fitted = ((total[part] / max(count[part], 1)).tolist() for part in (0, 1))
    return [
        Tried(kind, anchor, penalty, errors[a][p], fitted[a][p])
        for a, anchor in enumerate(all_anchors)
        for p, penalty in enumerate(PENALTIES)
    ]
