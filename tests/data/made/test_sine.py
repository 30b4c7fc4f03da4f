"""The sine whose frequency the level chooses."""

import math

import pytest

from throughtime.data import sine
from throughtime.errors import OptionError


def test_the_level_chooses_the_frequency():
    data = sine(frequencies=3, periods=(10, 30), steps=40, sequences=30)
    assert data.channels == ("level",)
    # evenly spaced from 1/30 to 1/10 turns a step
    turns = {3: 1 / 10, 2: 2 / 30, 1: 1 / 30}
    seen = {*()}
    for k in range(30):
        levels = {*data[k][:, 0].tolist()}
        assert len(levels) == 1
        j = round((levels.pop() - 0.25) * 3)
        seen.add(j)
        wanted = [math.sin(2 * math.pi * turns[j] * step) for step in range(40)]
        got = data.targets["sine"].values[40 * k : 40 * (k + 1)].tolist()
        assert got == pytest.approx(wanted, abs=1e-6)
    assert seen == {1, 2, 3}


def test_levels_are_those_of_the_paper():
    data = sine(sequences=500, steps=1)
    levels = {round((level - 0.25) * 51, 3) for level in data.values[:, 0].tolist()}
    assert levels == {*map(float, range(1, 52))}


def test_a_period_has_at_least_two_steps():
    with pytest.raises(OptionError, match="periods is .1, 9.; expected two whole numbers, 2 or m"):
        sine(periods=(1, 9))
