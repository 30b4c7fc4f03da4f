"""Series to forecast: a season, a level of their own, a known input, some values missing."""

import math

import torch

from throughtime.data import Sequences

SEASON, HORIZON = 4, 3


def series(count=6, seed=0, steps=(40, 60), missing=0.05):
    """Seasonal series on levels from 1 to 1000, raised where the known input `price` is high."""
    draw = torch.Generator().manual_seed(seed)
    arrays = []
    for k in range(count):
        n = int(torch.randint(*steps, (1,), generator=draw))
        t = torch.arange(n)
        price = torch.rand(n, generator=draw)
        level = 10.0 ** (k % 4)
        noise = torch.randn(n, generator=draw)
        y = level * (5 + torch.sin(2 * math.pi * t / SEASON) + 2 * (price > 0.5) + 0.1 * noise)
        gone = torch.rand(n, generator=draw) < missing
        gone[[0, -1]] = False
        arrays.append(torch.stack([y.masked_fill(gone, math.nan), price], -1))
    return Sequences.from_list(
        arrays, channels=("sales", "price"), names=[f"s{k}" for k in range(count)]
    )
