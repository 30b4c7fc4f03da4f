"""What comes next in a series: the quantiles of the next steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from throughtime.data import Batch, BatchSource, Sequences, Target
from throughtime.data.naming import quote, quote_all
from throughtime.data.plain import with_tuples
from throughtime.data.season import find_season
from throughtime.data.series import Series
from throughtime.errors import DataError, OptionError
from throughtime.tasks import forecast_beside, paths
from throughtime.tasks import quantiles as of_quantiles
from throughtime.tasks.ahead import DECILES, Ahead, looking_back
from throughtime.tasks.crops import Crops
from throughtime.tasks.forecast_scores import ForecastScores
from throughtime.tasks.scores import Metric, Scores
from throughtime.tasks.task import Task

OVERLAP = 3  # validation windows in the time of one horizon, which count as one
FEW = 10  # windows that say as much as is believed without any
NARROWEST, WIDEST = 0.75, 3.0  # factors of an interval: what comes is seldom calmer than before


@dataclass(frozen=True)
class Forecast(Task):
    """The next `horizon` values of series, each as quantiles.

    A sequence is a series with one row for each step of time, up to the last step that is to be
    forecast: of its last `horizon` rows only the known inputs are read, and the targets there are
    what a forecast is scored by.

    **Arguments:**

    - `targets`: the names of the channels to forecast, numbers.
    - `horizon`: how many steps ahead.
    - `known`: the names of channels that are known ahead of time.
    - `season`: the steps of a season; 1 without one.
    - `quantiles`: the levels to forecast; the one nearest to 0.5 is the forecast itself.
    - `lags`, `context`: see `Ahead`; from horizon and season unless given.
    - `widths`: by what the distance of each quantile from the middle is multiplied, `Q` numbers;
      and `persistence`, of each target, how much one step of a path tells of the next, see `paths`;
      `fit` sets both on the validation part.
    - `refit`: whether baselines that are fitted are so anew at each origin of a test, not once for
      each series.
    - `every_baseline`: whether those that are fitted to each series are wanted however many series
      there are.

    **Raises:** `OptionError` for numbers out of range, or a target that is also known.
    """

    targets: tuple[str, ...]
    horizon: int
    known: tuple[str, ...] = ()
    season: int = 1
    quantiles: tuple[float, ...] = DECILES
    lags: int = 0
    context: int = 0
    widths: tuple[float, ...] = ()
    persistence: tuple[float, ...] = ()
    refit: bool = False
    every_baseline: bool = False

    name: ClassVar[str] = "forecast"
    in_pieces: ClassVar[bool] = True
    learns_each_step: ClassVar[bool] = True
    metric: ClassVar[Metric] = Metric("MASE", higher=False)
    baseline_titles: ClassVar[Mapping[str, str]] = forecast_beside.TITLES
    sections: ClassVar[tuple[Any, ...]] = (
        "forecast", "fans", "steps_ahead", "quantiles", "known_inputs", "by_series",
        "parts_in_time",
    )  # fmt: skip

    def __post_init__(self) -> None:
        for name in ("targets", "known"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise OptionError(
                    f"`Forecast`: {name} is {value!r}; expected a tuple of names. Write "
                    f'`{name}=("{value}",)`.'
                )
            object.__setattr__(self, name, tuple(value))
        if not self.targets:
            raise OptionError(
                "`Forecast`: targets is empty; expected the name of 1 or more channels. Write "
                '`Forecast(("sales",), horizon=12)`.'
            )
        named = [*self.targets, *self.known]
        twice = next((name for k, name in enumerate(named) if name in named[:k]), None)
        if twice is not None:
            raise OptionError(
                f"`Forecast`: {quote(twice)} is named twice in targets and known; expected every "
                "name once, because what is to be forecast is not known ahead of time. Leave it "
                "out of one."
            )
        for name, why in (
            ("horizon", "it counts the steps ahead"),
            ("season", "it counts the steps of a season, and 1 stands for none"),
        ):
            if isinstance(getattr(self, name), bool) or getattr(self, name) < 1:
                raise OptionError(
                    f"`Forecast`: {name} is {getattr(self, name)!r}; expected a whole number, 1 or "
                    f"more, because {why}. Set one."
                )
        lags, context = looking_back(self.horizon, self.season)
        object.__setattr__(self, "lags", self.lags or lags)
        object.__setattr__(self, "context", self.context or context)
        levels = of_quantiles.checked("Forecast", self.quantiles)
        if not levels:
            raise OptionError(
                "`Forecast`: quantiles is empty; expected 1 or more levels between 0 and 1. Write "
                "`quantiles=(0.1, 0.5, 0.9)`."
            )
        object.__setattr__(self, "quantiles", levels)

    @classmethod
    def of(
        cls, fitted: Sequences, series: Series, quantiles: tuple[float, ...] | None = None
    ) -> "Forecast":
        """That of the series of a table, of which `fitted` are those to train on, read as `series`
        says; the season is found in them where that says none."""
        assert fitted.reading is not None and fitted.reading.step is not None
        found = find_season(fitted, series.targets, fitted.reading.step.seasons())
        known = series.all_known(fitted)
        own = series.season or found
        return cls(
            series.targets, series.horizon, known, own, quantiles or DECILES, refit=series.refit,
            every_baseline=series.every_baseline,
        )  # fmt: skip

    @property
    def ahead(self) -> Ahead:
        return Ahead(
            self.targets, self.horizon, self.known, self.season, self.quantiles, self.lags,
            self.context,
        )  # fmt: skip

    @property
    def width(self) -> int:
        return len(self.targets) * self.horizon * len(self.quantiles)

    def prepare(self, call: str, sequences: Sequences) -> Sequences:
        own = {}
        H, ends = self.horizon, sequences.offsets[1:]
        rows = ends[:, None] - torch.arange(H, 0, -1)
        there = (sequences.lengths > H)[:, None]
        for name in self.targets:
            if name not in sequences.channels or name in sequences.categories:
                raise DataError(
                    f"{call}: the series have the channels {quote_all(sequences.channels)} and no "
                    f"number {quote(name)}; expected {quote_all(self.targets)}, because these are "
                    "to be forecast. Read the table with them among its channels."
                )
            values = sequences.values[:, sequences.channels.index(name)]
            own[name] = Target(values[rows.clamp(min=0)].where(there, torch.nan))
        for name in self.known:
            if name not in sequences.channels:
                raise DataError(
                    f"{call}: the series have the channels {quote_all(sequences.channels)} and no "
                    f"{quote(name)}; expected it, because it is known ahead of time. Read the "
                    "table with it among its channels."
                )
        return replace(sequences, targets=own)

    def seen(self, sequences: Sequences) -> Sequences:
        """The last steps of each series, as many as the recurrent layers look back over."""
        first = (sequences.lengths - self.context - self.horizon).clamp(min=0)
        return sequences.cut(first, sequences.lengths)

    def batches(self, train: Sequences, batch_size: int, seed: int) -> BatchSource:
        return Crops(train, self.ahead, self.scales(train), batch_size, seed)

    def loss(self, out: Tensor, batch: Batch) -> Tensor:
        """The pinball loss of all steps ahead, in units of what errors of the series are measured
        in; of a window, of which that is not known, in units of the interval that was forecast."""
        quantiles = out.unflatten(-1, (-1, len(self.quantiles)))
        if "scale" in batch.targets:
            scale = batch.targets["scale"].repeat_interleave(self.horizon, -1)
        else:
            scale = (quantiles[..., -1] - quantiles[..., 0]).detach().mean(-1, keepdim=True)
            scale = scale.clamp(min=1e-8)
        losses = of_quantiles.pinball(quantiles, self._wanted(batch), self.quantiles)
        return (losses / scale).sum()

    def learned(self, batch: Batch) -> Tensor:
        return ~batch.targets["ahead"].isnan().all(-1)

    def answers(self, batch: Batch) -> Tensor:
        return (~self._wanted(batch).isnan()).sum()

    def _wanted(self, batch: Batch) -> Tensor:
        """What came: at each step of a piece, `(T, B, K * H)`, or of windows, `(B, K * H)`."""
        if "ahead" in batch.targets:
            return batch.targets["ahead"]
        return torch.cat([batch.targets[name] for name in self.targets], -1)

    def scales(self, sequences: Sequences) -> Tensor:
        """What errors of each series are measured in when it is learned, `(S, K)`."""
        return self.in_units(self.changes(sequences), sequences)

    def changes(self, sequences: Sequences) -> Tensor:
        """The mean change of each target of a series since the season before, without its sign,
        `(S, K)`; nan where none is known."""
        m = self.season
        owner = torch.repeat_interleave(torch.arange(len(sequences)), sequences.lengths)
        columns = []
        for name in self.targets:
            y = sequences.values[:, sequences.channels.index(name)].double()
            change = (y[m:] - y[:-m]).abs().where(owner[m:] == owner[:-m], torch.nan)
            columns.append(_mean_of(change, owner[m:], len(sequences)))
        return torch.stack(columns, -1).float()

    def in_units(self, changes: Tensor, sequences: Sequences) -> Tensor:
        """Changes, or for a series that never changed so a hundredth of its mean size, or 1."""
        owner = torch.repeat_interleave(torch.arange(len(sequences)), sequences.lengths)
        sizes = [
            _mean_of(sequences.values[:, sequences.channels.index(name)].double().abs(), owner,
                     len(sequences))
            for name in self.targets
        ]  # fmt: skip
        size = 0.01 * torch.stack(sizes, -1).float().nan_to_num(0.0)
        return torch.where(changes > 0, changes, size.where(size > 0, 1.0))

    def predictions(self, out: Tensor) -> Tensor:
        """Quantiles in the units of the targets, `(..., K, H, Q)`, in rising order."""
        shape = (len(self.targets), self.horizon, len(self.quantiles))
        q = out.unflatten(-1, shape)
        if self.widths:
            centre = q[..., of_quantiles.middle(self.quantiles), None]
            q = centre + (q - centre) * q.new_tensor(self.widths)
            q = q.sort(-1).values  # two that were in order may cross where their factors differ
        return q

    def calibrated(self, predictions: Tensor, validation: Sequences) -> "Forecast":
        """The intervals made wider or narrower, so that each level holds on the validation part.

        Of all values there the factor of a level is the quantile of that level of their distances
        from the middle, in units of what was predicted. Few windows say little, and those of one
        date are much alike: with `n` windows of each of `s` series that do not overlap a factor
        counts `m / (m + 10)`, m = n sqrt(s), on a scale of logarithms.
        """
        actual = self.actual(validation)
        m = of_quantiles.middle(self.quantiles)
        centre = predictions[..., m]
        known = ~actual.isnan()
        n = len(validation) / OVERLAP / len({*validation.names}) ** 0.5
        widths = []
        for k, level in enumerate(self.quantiles):
            distance = predictions[..., k] - centre
            ratio = ((actual - centre) / distance)[known & (distance != 0)].double()
            if k == m or not len(ratio):
                widths.append(1.0)
                continue
            factor = float(ratio.quantile(max(level, 1 - level)))
            factor = min(max(factor, NARROWEST), WIDEST) ** (n / (n + FEW))
            widths.append(factor * (self.widths[k] if self.widths else 1.0))
        scores = paths.normal_scores(actual, predictions, self.quantiles)
        persistence = tuple(paths.persistence(of) for of in scores.unbind(1))
        return replace(self, widths=tuple(widths), persistence=persistence)

    def with_calibration(self, other: Task) -> "Forecast":
        if not isinstance(other, Forecast):
            return self
        return replace(self, widths=other.widths, persistence=other.persistence)

    def actual(self, sequences: Sequences) -> Tensor:
        """What came in the last steps of series, `(S, K, H)`; nan where it is not known."""
        targets = self.prepare("Forecast", sequences).targets
        return torch.stack([targets[name].values for name in self.targets], 1)

    def scores(self, predictions: Tensor, sequences: Sequences) -> Scores:
        scale = self.changes(sequences.cut(*self._before(sequences)))
        return ForecastScores.of(
            predictions, self.actual(sequences), scale, self.in_units(scale, sequences),
            sequences.names, self.targets, self.quantiles,
        )  # fmt: skip

    def baselines(self, train: Sequences, test: Sequences) -> dict[str, Scores]:
        return forecast_beside.baselines(
            self.ahead, train, test, lambda out: self.scores(out, test), refit=self.refit,
            every=self.every_baseline,
        )  # fmt: skip

    def left_out(self, test: Sequences) -> dict[str, str]:
        return forecast_beside.left_out(self.ahead, test, every=self.every_baseline)

    def _before(self, sequences: Sequences) -> tuple[Tensor, Tensor]:
        """From where to where the steps of each series are known."""
        stops = (sequences.lengths - self.horizon).clamp(min=1)
        return torch.zeros_like(stops), stops

    def rows(
        self, predictions: Tensor, sequences: Sequences
    ) -> tuple[list[str], Sequence[Sequence[Any]]]:
        """One row for each step ahead of each series: its forecast, and beside it the quantiles."""
        m = of_quantiles.middle(self.quantiles)
        others = [k for k in range(len(self.quantiles)) if k != m]
        levels = tuple(self.quantiles[k] for k in others)
        header = [c for n in self.targets for c in (n, *of_quantiles.columns(n, levels))]
        numbers = predictions[..., [m, *others]].transpose(1, 2).flatten(2)  # (S, H, K * Q)
        each = numbers.flatten(0, 1).tolist()
        told = self._of_steps(sequences)
        return ["series", "time", "step", *header], [
            [*a, *b] for a, b in zip(told, each, strict=True)
        ]

    def path_rows(
        self, predictions: Tensor, sequences: Sequences, count: int, seed: int
    ) -> tuple[list[str], Sequence[Sequence[Any]]]:
        """So many possible futures of each series: one row for each step of each path.

        **Raises:** `OptionError` with fewer than 2 quantiles, of which no path can be drawn.
        """
        if len(self.quantiles) < 2:
            raise OptionError(
                "paths: the model forecasts one quantile; expected 2 or more, to draw from. Train "
                "one with --quantiles 0.1,0.5,0.9, say."
            )
        persistence = self.persistence or (0.0,) * len(self.targets)
        drawn = paths.draw(predictions, self.quantiles, persistence, count, seed)
        told, H = self._of_steps(sequences), self.horizon
        rows = []
        for s, of_series in enumerate(drawn.transpose(2, 3).tolist()):  # (S, count, H, K)
            for path, steps in enumerate(of_series):
                each = zip(told[s * H : (s + 1) * H], steps, strict=True)
                rows += [[*where, path + 1, *values] for where, values in each]
        return ["series", "time", "step", "path", *self.targets], rows

    def truth(self, sequences: Sequences) -> tuple[list[str], Sequence[Sequence[Any]]]:
        """Beside each of `rows`: the last time that was known, and what came."""
        actual = self.actual(sequences).transpose(1, 2).flatten(0, 1).tolist()  # (S * H, K)
        ends, H = (sequences.offsets[1:] - self.horizon - 1).tolist(), self.horizon
        times = sequences.times
        origins = [None if times is None else times[end] for end in ends for _ in range(H)]
        rows = [
            [origin, *(None if v != v else v for v in values)]
            for origin, values in zip(origins, actual, strict=True)
        ]
        return ["origin", *(f"true_{name}" for name in self.targets)], rows

    def _of_steps(self, sequences: Sequences) -> list[tuple[str, str | None, int]]:
        """Series, time and step of each row of a forecast."""
        H, times = self.horizon, sequences.times
        return [
            (name, None if times is None else times[int(end) - H + step], step + 1)
            for name, end in zip(sequences.names, sequences.offsets[1:].tolist(), strict=True)
            for step in range(H)
        ]

    def describe(self) -> dict[str, Any]:
        return {of.name: getattr(self, of.name) for of in fields(self)}

    @classmethod
    def from_description(cls, data: Mapping[str, Any]) -> "Forecast":
        names = {of.name for of in fields(cls)}
        return cls(**with_tuples({name: v for name, v in data.items() if name in names}))


def _mean_of(values: Tensor, owner: Tensor, count: int) -> Tensor:
    """The mean of the known values of each owner; nan of one that has none."""
    known = ~values.isnan()
    total = values.new_zeros(count).index_add_(0, owner[known], values[known])
    return total / torch.bincount(owner[known], minlength=count)
