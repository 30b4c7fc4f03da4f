"""What a forecasting model is given: series relative to their own level, and the steps to come.

Two series may differ by a factor of a thousand, and one may have doubled since it was trained on.
So nothing here depends on how high a series is: each value is seen relative to the mean of the
season before it, in units of how much the series varied lately, and so is every answer.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from throughtime.data.filling import last_known
from throughtime.tasks.ahead import Ahead
from throughtime.training.encoder import Encoder

FARTHEST = 10.0  # units from the level at which what the layers are given is cut off
TRANSFORMS = ("none", "root", "log")  # of the targets, see `AheadEncoder`


class Side(NamedTuple):
    """What the output network is shown beside the outputs of the layers, at `N` steps.

    - `level`, `unit`: of each target, `(N, K)`: answers are level + unit * number.
    - `lags`: the last L values of each target in these units, the latest first, `(N, K, L)`; 0
      before the first step.
    - `leads`: known inputs of the H steps ahead, `(N, H, I)`: numbers scaled, and of a category the
      row of its text in an embedding.
    - `then`: the same inputs when the season was last at the same place, `(N, H, I)`.
    """

    level: Tensor
    unit: Tensor
    lags: Tensor
    leads: Tensor
    then: Tensor


class Beside(NamedTuple):
    """What `Side` is cut from, of all `T` steps of a batch.

    - `values`: of the targets with nothing missing, `(T, B, K)`, nan before the first known one;
      `level`, `unit`: of each step, `(T, B, K)`.
    - `known`: inputs that are known ahead, `(T + H, B, I)`.
    """

    values: Tensor
    level: Tensor
    unit: Tensor
    known: Tensor
    ahead: Ahead

    def at(self, steps: Tensor, rows: Tensor) -> Side:
        """Of some steps `(N,)` of some rows `(N,)` of the batch."""
        t, b, level, unit = steps[:, None], rows[:, None], self.level, self.unit
        level, unit = level[steps, rows], unit[steps, rows]
        back = t - torch.arange(self.ahead.lags, device=t.device)
        lags = self.values[back.clamp(min=0), b].masked_fill((back < 0)[..., None], torch.nan)
        lags = ((lags - level[:, None]) / unit[:, None]).nan_to_num(0.0).transpose(1, 2)
        leads = t + torch.arange(1, self.ahead.horizon + 1, device=t.device)
        then = (t - torch.tensor(self.ahead.same_phase(), device=t.device)).clamp(min=0)
        return Side(level, unit, lags, self.known[leads, b], self.known[then, b])


class AheadEncoder(Encoder):
    """An `Encoder` for series that are to be forecast, from `(T + H, B, C)` to `(T, B, width)`.

    The inputs of the recurrent layers are those of an `Encoder`, with each target in units of its
    level, and three more of each target: its changes since the step before and since the season
    before, and the change of its level.

    A missing value of a target is taken to be that of the season before, or else the last one.

    `transform`: which of `TRANSFORMS` of each target levels and units are of; `ahead_start.begin`
    chooses it.
    """

    transform: Tensor
    least: Tensor

    def __init__(
        self,
        channels: Sequence[str],
        categories: Mapping[str, Sequence[str]] | None = None,
        missing: Sequence[str] = (),
        *,
        ahead: Ahead,
    ) -> None:
        super().__init__(channels, categories, missing)
        self.ahead, self.beyond = ahead, ahead.horizon
        self.targets = [self.channels.index(name) for name in ahead.targets]
        self.own_columns = [self.numbers.index(c) for c in self.targets]
        self.known = [self.channels.index(name) for name in ahead.known]
        self.width += 3 * len(self.targets)
        self.register_buffer("transform", torch.zeros(len(self.targets), dtype=torch.int64))
        self.register_buffer("least", torch.zeros(len(self.targets)))

    def forward(
        self, x: Tensor, before: Tensor | None = None, resets: Tensor | None = None
    ) -> Tensor:
        """`(T, B, width)` of `x (T + H, B, C)`, nan where a value is missing."""
        steps = x[: len(x) - self.beyond]
        y, of = super().forward(steps), self._relative(steps)
        near = lambda values: (values / of.unit).clamp(-FARTHEST, FARTHEST)  # noqa: E731
        y[..., self.own_columns] = near(of.of_level)
        return torch.cat([y, *(near(values) for values in of.changes)], -1)

    @torch.no_grad()
    def beside(self, x: Tensor) -> Beside:
        """What the output network is shown of `x` beside the outputs of the layers; it has no
        gradient."""
        of = self._relative(x[: len(x) - self.beyond])
        return Beside(of.filled, of.level, of.unit, self._known(x), self.ahead)

    def _relative(self, steps: Tensor) -> "_Relative":
        z = self.transformed(steps[..., self.targets])
        return _relative(z, self.ahead.season, self.ahead.context)

    def transformed(self, values: Tensor) -> Tensor:
        """Targets `(..., K)` as levels and units are of."""
        values = torch.where(self.transform > 0, values.clamp(min=self.least), values)
        root = values.clamp(min=0).sqrt()
        log = values.clamp(min=torch.finfo(values.dtype).tiny).log()
        return torch.where(self.transform == 1, root, torch.where(self.transform == 2, log, values))

    def back(self, values: Tensor) -> Tensor:
        """Numbers `(..., K, ?)` as `transformed` gives them, in their own units."""
        kind = self.transform[:, None]
        root = values * values.abs()
        return torch.where(
            kind == 1, root, torch.where(kind == 2, values.clamp(max=60).exp(), values)
        )

    def _known(self, x: Tensor) -> Tensor:
        """The inputs that are known ahead, `(T + H, B, I)`: see `Side`."""
        known = last_known(x[..., self.known])
        mean, std = self.mean[self.known], self.std[self.known]
        columns = [*((torch.where(known.isnan(), mean, known) - mean) / std).unbind(-1)]
        for k, c in enumerate(self.known):
            name = self.channels[c]
            if name in self.texts:
                category = self._each()[list(self.texts).index(name)]
                columns[k] = category.slots(known[..., k]).to(known.dtype)
        return torch.stack(columns, -1) if columns else known


class _Relative(NamedTuple):
    """`(T, B, K)` each; `changes` are since the step and the season before, and of the level."""

    filled: Tensor
    level: Tensor
    unit: Tensor
    of_level: Tensor
    changes: tuple[Tensor, Tensor, Tensor]


def _relative(z: Tensor, season: int, context: int) -> _Relative:
    filled = _filled(z, season)
    known = ~filled.isnan()
    first = filled.nan_to_num(0.0).gather(0, known.int().argmax(0, keepdim=True))
    from_first = (filled - first).nan_to_num(0.0)  # small numbers: their sums stay exact enough
    level_over = season if season > 1 else 4
    counts = known.to(z.dtype)
    mean = _last_sum(from_first, level_over) / _last_sum(counts, level_over).clamp(min=1)
    wide = _last_sum(counts, context).clamp(min=1)
    about = _last_sum(from_first, context) / wide
    spread = (_last_sum(from_first.square(), context) / wide - about.square()).clamp(min=0)
    level = mean + first
    unit = torch.maximum(spread.sqrt(), 1e-5 * level.abs()).clamp(min=1e-8)
    before = lambda v, n: torch.cat([v[:1].expand(min(n, len(v)), *v.shape[1:]), v[:-n]])  # noqa: E731
    own = from_first.where(known, mean)
    step = own - before(own, 1)
    seasonal = own - before(own, season) if season > 1 else own - before(own, 2)
    return _Relative(
        filled, level, unit, own - mean, (step, seasonal, mean - before(mean, max(season, 4)))
    )


def _filled(z: Tensor, season: int) -> Tensor:
    """The last known value at the same place of the season in place of each missing one, or else
    the last known one; nan before the first."""
    if not z.isnan().any():
        return z
    if season > 1 and len(z) > season:
        short = -len(z) % season
        padded = torch.cat([z, z.new_full((short, *z.shape[1:]), torch.nan)])
        z = last_known(padded.unflatten(0, (-1, season))).flatten(0, 1)[: len(z)]
    return last_known(z)


def _last_sum(values: Tensor, count: int) -> Tensor:
    """At each step the sum over the last `count` steps."""
    total = values.double().cumsum(0)
    before = torch.cat([torch.zeros_like(total[:count]), total[:-count]])[: len(total)]
    return (total - before).to(values.dtype)
