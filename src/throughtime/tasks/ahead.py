"""What is asked of steps to come: the plain description that a forecast and its model share."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from throughtime.data.plain import with_tuples

DECILES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Ahead:
    """A forecast of `H` steps, made at the end of what is known of a series.

    The series that a model is given has `H` rows more than are known: of those only the known
    inputs are read.

    - `targets`: the names of the `K` channels that are forecast.
    - `horizon`: H, the steps ahead.
    - `known`: the names of the channels that are known ahead of time, numbers or categories.
    - `season`: the steps of a season, 1 without one.
    - `levels`: the quantiles to forecast, `Q` numbers between 0 and 1 in rising order.
    - `lags`: L, how many of the last steps a linear map of the answer sees.
    - `context`: how many steps back the recurrent layers begin.
    """

    targets: tuple[str, ...]
    horizon: int
    known: tuple[str, ...] = ()
    season: int = 1
    levels: tuple[float, ...] = DECILES
    lags: int = 12
    context: int = 48

    def describe(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @classmethod
    def from_description(cls, data: Mapping[str, Any]) -> "Ahead":
        """What `describe` described."""
        return cls(**with_tuples(data))

    def warm(self, lengths: Tensor) -> Tensor:
        """From which step on a series tells its level and how much it varies, so that forecasts are
        learned there: after a season or 8 steps, or a third of a short series."""
        return torch.minimum(lengths // 3, torch.tensor(max(self.season, 8)))

    def same_phase(self) -> list[int]:
        """For each step ahead how many steps before the last known one its season was last at the
        same place: 0 is the last known step; all 0 without a season."""
        m = self.season
        return [(-h) % m if m > 1 else 0 for h in range(1, self.horizon + 1)]


def looking_back(horizon: int, season: int) -> tuple[int, int]:
    """`(lags, context)` for a horizon and a season, in steps.

    Two seasons of lags tell the season and how it changes; of a long one what lies about a day or
    so beside it. The recurrent layers see at least twice that.
    """
    lags = 12 if season < 2 else min(2 * season, season + 48)
    return lags, max(48, 2 * lags) if lags <= 100 else lags + 48
