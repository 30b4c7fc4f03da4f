"""The season of series: after how many steps they are most alike."""

import torch
from torch import Tensor

from throughtime.data.sequences import Sequences

COMPARED = 1000  # series in which a season is looked for, at most
LIKE = 0.75  # of how unlike what is drawn anew is: what a season has to be below


def find_season(series: Sequences, targets: tuple[str, ...], usual: tuple[int, ...]) -> int:
    """Of the usual seasons the one after which series are most alike, in steps; 1 for none.

    A season has to be seen twice in most series. The value a season ago has to be nearer to each
    than the mean of the series is, by half of the variance, once what a straight line tells of it
    is taken away; and nearer than those between, because of a smooth curve all that are near are
    alike. The same is asked of the changes from step to step, which show a season beside a trend
    that is no line, and one of the two has to say so. A longer season has to tell a tenth more.
    """
    some = torch.linspace(0, len(series) - 1, min(len(series), COMPARED)).long()
    series = series.select(some)
    owner = torch.repeat_interleave(torch.arange(len(series)), series.lengths)
    columns = [series.values[:, series.channels.index(name)].double() for name in targets]
    levels = [_without_line(y, owner, len(series)) for y in columns]
    changes = [_diff(y, owner, 1) for y in columns]
    changes = [change - _mean(change, owner, len(series))[owner] for change in changes]
    found, least = 1, LIKE
    for m in usual:
        if bool(series.lengths.double().median() >= 2 * m + 1):
            unlike = min(_beside(kind, columns, owner, m) for kind in (levels, changes))
            if unlike < least:
                found, least = m, 0.9 * unlike - 0.01
    return found


def _beside(kind: list[Tensor], columns: list[Tensor], owner: Tensor, m: int) -> float:
    """How unlike series are to themselves `m` steps before, to some steps between, at most 1."""
    between = max(_unlike(kind, columns, owner, k) for k in {m // 4, m // 2, m - 1} - {0})
    own = _unlike(kind, columns, owner, m)
    return own / min(1.0, between) if between > 0 else float("inf")


def _unlike(kind: list[Tensor], columns: list[Tensor], owner: Tensor, m: int) -> float:
    """The median over series of the mean square of their change since `m` steps before, in units in
    which it is 1 for what is drawn anew at each step; inf where it is known of none.

    `kind`: of each of the `columns` the values, or their changes, without a mean.
    """
    count = int(owner[-1]) + 1
    ratios = []
    for x, y in zip(kind, columns, strict=True):
        again = _mean(_diff(x, owner, m).square(), owner, count)
        spread = _mean(x.square(), owner, count)
        # a straight line leaves what float32 rounds, and nothing is told from that
        rounding = 1e-12 * _mean(y.square(), owner, count)
        ratios.append(torch.where(spread > rounding, again / spread, torch.nan))
    ratio = torch.cat(ratios)
    ratio = ratio[ratio.isfinite()]
    return float(ratio.median()) / 2 if len(ratio) else float("inf")


def _without_line(y: Tensor, owner: Tensor, count: int) -> Tensor:
    """Less the straight line through each series that is nearest to it."""
    y = y - _mean(y, owner, count)[owner]
    t = torch.arange(len(y)).double().where(~y.isnan(), torch.nan)
    t = t - _mean(t, owner, count)[owner]
    slope = _mean(t * y, owner, count) / _mean(t * t, owner, count)
    return y - (slope[owner] * t)


def _diff(y: Tensor, owner: Tensor, m: int) -> Tensor:
    """The change since `m` steps before; nan where that is another series."""
    change = torch.full_like(y, torch.nan)
    change[m:] = (y[m:] - y[:-m]).where(owner[m:] == owner[:-m], torch.nan)
    return change


def _mean(values: Tensor, owner: Tensor, count: int) -> Tensor:
    """Of each series, of what is known of it; nan where nothing is."""
    known = ~values.isnan()
    total = values.new_zeros(count).index_add_(0, owner[known], values[known])
    return total / torch.bincount(owner[known], minlength=count)
