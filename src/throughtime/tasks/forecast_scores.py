"""How good forecasts are: over all windows, by step of the horizon and by series."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from throughtime.tasks import quantiles as of_quantiles
from throughtime.tasks.scores import Scores, Table

SHOWN = 10  # series in a table for a person
STEPS = 12  # steps ahead in one


@dataclass(frozen=True)
class ForecastScores(Scores):
    """How good quantiles of steps ahead are, on the steps that are known.

    With `e` the error of the middle quantile and `y` what came:

    - `sequences`: windows; `series`: of how many series; `steps`: values that are known.
    - `loss`: the mean pinball loss, of each series in units of its `scale`.
    - `MASE`: the mean |e| of each series over its scale, the mean of |y(t) - y(t - season)| before
      the window, and the mean of that over the series. Below 1 a forecast errs less than the
      seasonal naive one did before. A series that never changed so has no scale: it is left out,
      and `left_out` counts it. Where all are, MASE is the MAE.
    - `sMAPE`: the mean of 200 |e| / (|y| + |forecast|), in %; 0 where both are 0.
    - `RMSE`, `MAE`: in the units of the targets.
    - `wQL`: twice the sum of the pinball losses over the sum of |y|, the mean over the levels.
    - `coverage`: of each of `intervals`, the outermost first, the share of values within it.
    - `below`: of each of `levels` the share of values that are not above its quantile.
    - `by_step`: for each step ahead its MASE, RMSE and the coverage of the outermost interval;
      None where nothing is known.
    - `by_series`: for each series, and target where there are several, its MASE and wQL; MASE is
      None of a series that is left out.

    ??? cite "References"
        Hyndman, Koehler, Another look at measures of forecast accuracy, 2006 (MASE). Makridakis,
        Spiliotis, Assimakopoulos, The M4 competition, 2020 (sMAPE). Gasthaus et al., Probabilistic
        forecasting with spline quantile function RNNs, 2019 (weighted quantile loss).
    """

    sequences: int
    series: int
    steps: int
    loss: float
    MASE: float
    sMAPE: float
    RMSE: float
    MAE: float
    wQL: float
    left_out: int
    levels: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...]
    coverage: tuple[float, ...]
    below: tuple[float, ...]
    by_step: Mapping[str, tuple[float | None, ...]]
    by_series: Mapping[str, tuple[Any, ...]]

    @classmethod
    def of(
        cls,
        quantiles: Tensor,
        actual: Tensor,
        scale: Tensor,
        units: Tensor,
        names: Sequence[str],
        targets: Sequence[str],
        levels: tuple[float, ...],
    ) -> "ForecastScores":
        """Of quantiles `(S, K, H, Q)` of `S` windows, beside what came, `(S, K, H)`, nan where that
        is not known.

        - `scale`: `(S, K)`: of MASE, 0 or nan of a series without one; `units`: of the loss.
        - `names`: of the series of each window; `targets`: of the `K` numbers.
        """
        q, y = quantiles.double(), actual.double()
        known, m = ~y.isnan(), of_quantiles.middle(levels)
        error = (q[..., m] - y).where(known, torch.nan)
        pinball = _pinball(q, y, levels)  # (S, K, H, Q)
        size = (y.abs() + q[..., m].abs()).where(known, torch.nan)
        smape = (200 * error.abs() / size).where(size != 0, 0.0)
        own = _Series(names, len(targets))
        scaled = scale.double() > 0
        if not scaled.any():
            scale, scaled = torch.ones_like(scale), torch.ones_like(scaled)
            left_out = len(own.names) * len(targets)
        else:
            left_out = int((~own.any(scaled)).sum())
        in_scale = (error.abs() / scale.double()[..., None]).where(scaled[..., None], torch.nan)
        each = own.mean(in_scale)
        pairs = [(k, len(levels) - 1 - k) for k in range(len(levels) // 2)]
        inside = [
            ((q[..., i] <= y) & (y <= q[..., j])).double().where(known, torch.nan) for i, j in pairs
        ]
        not_above = (y[..., None] <= q).double().where(known[..., None], torch.nan)
        total = y.abs().nansum()
        by_step: dict[str, Tensor] = {
            "MASE": own.mean(in_scale, by_step=True).nanmean((0, 1)),
            "RMSE": error.square().nanmean((0, 1)).sqrt(),
        }
        if inside:
            by_step["coverage"] = inside[0].nanmean((0, 1))
        wql = 2 * own.total(pinball.mean(-1)) / own.total(y.abs())
        return cls(
            sequences=len(q),
            series=len(own.names),
            steps=int(known.sum()),
            loss=_number((pinball.mean(-1) / units.double()[..., None]).nanmean()),
            MASE=_number(each.nanmean()),
            sMAPE=_number(smape.nanmean()),
            RMSE=_number(error.square().nanmean().sqrt()),
            MAE=_number(error.abs().nanmean()),
            wQL=_number(2 * pinball.nansum((0, 1, 2)).mean() / total) if total > 0 else 0.0,
            left_out=left_out,
            levels=levels,
            intervals=tuple((levels[i], levels[j]) for i, j in pairs),
            coverage=tuple(_number(one.nanmean()) for one in inside),
            below=tuple(not_above.nanmean((0, 1, 2)).nan_to_num(0.0).tolist()),
            by_step={name: _plain(values) for name, values in by_step.items()},
            by_series={
                "series": own.titles(targets), "MASE": _plain(each.flatten()),
                "wQL": _plain(wql.flatten()),
            },
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def in_history(self) -> dict[str, float]:
        return {"loss": self.loss, "MASE": self.MASE}

    def summary(self) -> str:
        within = ""
        if self.intervals:
            low, high = self.intervals[0]
            within = f", {self.coverage[0]:.1%} within the quantiles {low:g} to {high:g}"
        out = f"; {self.left_out} constant left out of MASE" if self.left_out else ""
        return (
            f"{self.sequences} windows of {self.series} series: MASE {self.MASE:.4g}, sMAPE "
            f"{self.sMAPE:.3g}%, RMSE {self.RMSE:.4g}, MAE {self.MAE:.4g}, weighted quantile loss "
            f"{self.wQL:.4g}{within}{out}"
        )

    def tables(self) -> list[Table]:
        H = len(self.by_step["MASE"])
        shown = sorted(
            {round(k * (H - 1) / max(min(H, STEPS) - 1, 1)) for k in range(min(H, STEPS))}
        )
        columns = tuple(self.by_step)
        rows = [(str(h + 1), *(_text(self.by_step[name][h]) for name in columns)) for h in shown]
        tables = [Table("each step ahead", ("", *columns), tuple(rows))]
        if self.series > 1 or len(self.by_series["series"]) > 1:
            tables.append(self._worst())
        return tables

    def _worst(self) -> Table:
        series = self.by_series
        order = sorted(
            range(len(series["series"])), key=lambda k: -1.0 if series["MASE"][k] is None else
            series["MASE"][k], reverse=True,
        )[:SHOWN]  # fmt: skip
        rows = tuple(
            (series["series"][k], _text(series["MASE"][k]), _text(series["wQL"][k])) for k in order
        )
        more = len(series["series"]) > SHOWN
        title = "the series with the largest MASE" if more else "each series"
        return Table(title, ("", "MASE", "weighted quantile loss"), rows)


class _Series:
    """Which windows are of which series."""

    def __init__(self, names: Sequence[str], targets: int) -> None:
        self.names = list(dict.fromkeys(names))
        at = {name: k for k, name in enumerate(self.names)}
        self.owner = torch.tensor([at[name] for name in names])

    def total(self, values: Tensor) -> Tensor:
        """The sum of the known values of all windows of each series, `(series, K)`."""
        return self._sum(values.nan_to_num(0.0)).sum(-1)

    def mean(self, values: Tensor, *, by_step: bool = False) -> Tensor:
        """The mean of the known values of each series, `(series, K)`, or `(series, K, H)`."""
        total, count = self._sum(values.nan_to_num(0.0)), self._sum((~values.isnan()).double())
        return total / count if by_step else total.sum(-1) / count.sum(-1)

    def any(self, values: Tensor) -> Tensor:
        """Whether it is so of any window of a series, `(series, K)`."""
        return self._sum(values.double()[..., None])[..., 0] > 0

    def titles(self, targets: Sequence[str]) -> tuple[str, ...]:
        if len(targets) == 1:
            return tuple(self.names)
        return tuple(f"{name}, {target}" for name in self.names for target in targets)

    def _sum(self, values: Tensor) -> Tensor:
        empty = values.new_zeros(len(self.names), *values.shape[1:])
        return empty.index_add_(0, self.owner, values)


def _pinball(q: Tensor, y: Tensor, levels: tuple[float, ...]) -> Tensor:
    """The pinball loss of each quantile; nan where what came is not known."""
    error, level = y[..., None] - q, q.new_tensor(levels)
    return torch.maximum(level * error, (level - 1) * error)


def _number(value: Tensor) -> float:
    """A number that JSON can hold: 0 of what is nothing."""
    return float(value.nan_to_num(0.0))


def _plain(values: Tensor) -> tuple[float | None, ...]:
    return tuple(None if v != v or v in (float("inf"),) else v for v in values.tolist())


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
