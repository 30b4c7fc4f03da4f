"""A call as one row of tensors is the same call when it is put back."""

import pytest
import torch
from catalogue import CELLS
from engines.calls import random_call

from throughtime.engines.flat import flatten, layout, restore
from throughtime.layers.direction import Direction


def same(got, want):
    """The very same tensors, and the rest equal."""
    if isinstance(want, tuple):
        assert type(got) is type(want) and len(got) == len(want)
        for a, b in zip(got, want, strict=True):
            same(a, b)
    else:
        assert got is want or (not isinstance(want, torch.Tensor) and got == want)


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_there_and_back(name, separate):
    if separate:
        direction = Direction(CELLS[name], 3, 4, zoneout_rate=0.2, reverse=True)
        x, lengths = torch.randn(5, 2, 3), torch.tensor([5, 2])
        _, call = direction.separate_call(x, None, lengths, torch.rand(5, 2) < 0.3, False)
    else:
        call = random_call(CELLS[name].program(3, 4), 5, 2, lengths="ragged", resets="some")
    row, after = flatten(call), torch.zeros(())
    restored, rest = restore(layout(call), [*row, after])
    same(restored, call)
    assert len(rest) == 1 and rest[0] is after and row[0] is call.x
