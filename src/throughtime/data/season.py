"""The season of series: after how many steps they are most alike."""

import torch
from torch import Tensor

from throughtime.data.sequences import Sequences

CLEARLY = 0.95  # of the change over one season: so little has to change over a longer one


def find_season(series: Sequences, targets: tuple[str, ...], usual: tuple[int, ...]) -> int:
    """Of the usual seasons the one after which series are most alike, in steps.

    A season has to be seen twice in half of the series; 1, which stands for none, where no usual
    one is. A later one of the usual has to be clearly better than those before it: what repeats
    each day does so each week.
    """
    found, least = 1, float("inf")
    for m in usual:
        if float(series.lengths.double().median()) > 2 * m:
            apart = _apart(series, targets, m)
            if found == 1 or apart < CLEARLY * least:
                found, least = m, apart
    return found


def _apart(series: Sequences, targets: tuple[str, ...], season: int) -> float:
    """The mean change since the season before in units of the spread of each series, the median
    over series and targets."""
    owner = torch.repeat_interleave(torch.arange(len(series)), series.lengths)
    same = owner[season:] == owner[:-season]
    each = []
    for name in targets:
        y = series.values[:, series.channels.index(name)].double()
        change = (y[season:] - y[:-season]).abs().where(same, torch.nan)
        mean = _mean(y, owner, len(series))
        spread = _mean((y - mean[owner]).abs(), owner, len(series))
        each.append(_mean(change, owner[season:], len(series)) / spread)
    of = torch.cat(each)
    return float(of[of.isfinite()].median()) if of.isfinite().any() else float("inf")


def _mean(values: Tensor, owner: Tensor, count: int) -> Tensor:
    """The mean of the known values of each series."""
    known = ~values.isnan()
    total = values.new_zeros(count).index_add(0, owner[known], values[known])
    return total / torch.bincount(owner[known], minlength=count)
