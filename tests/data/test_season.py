"""The season that is found in series."""

import math

import pytest
import torch

from throughtime.data import Sequences
from throughtime.data.season import find_season


def wave(n, season, noise=0.1, trend=0.0, seed=0):
    draw = torch.Generator().manual_seed(seed)
    t = torch.arange(float(n))
    y = torch.sin(2 * math.pi * t / season) if season else torch.zeros(n)
    return y + trend * t + noise * torch.randn(n, generator=draw)


@pytest.mark.parametrize(("arrays", "usual", "found"), [
    ([wave(60, 12)], (12,), 12), ([wave(24, 12)], (12,), 1), ([wave(25, 12)], (12,), 12),
    ([wave(700, 24), wave(700, 24, seed=1)], (24, 168), 24), ([wave(700, 168)], (24, 168), 168),
    ([wave(300, 168)], (24, 168), 24), ([wave(60, 0)], (), 1), ([torch.ones(60)], (12,), 12),
], ids=["12", "short", "just", "day", "week", "no week", "none", "constant"])  # fmt: skip
def test_the_usual_season_after_which_series_are_most_alike(arrays, usual, found):
    series = Sequences.from_list(arrays, channels=["y"])
    assert find_season(series, ("y",), usual) == found
