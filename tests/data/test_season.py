"""The season of series: found where there is one, of usual length, and else none."""

import pytest
import torch

from throughtime.data import Sequences
from throughtime.data.season import find_season


def made(*kinds, n=120, count=5, noise=0.0):
    """Series that are the sum of kinds: functions of the steps and of noise of size 1."""
    generator = torch.Generator().manual_seed(3)
    arrays = []
    for k in range(count):
        t, e = torch.arange(n).double(), torch.randn(n, generator=generator).double()
        arrays.append(sum(kind(t + 5 * k, e) for kind in kinds) + noise * e)
    return Sequences.from_list(arrays, channels=("y",))


def wave(m, size=1.0):
    return lambda t, e: size * torch.sin(2 * torch.pi * t / m)


def pulse(m):
    return lambda t, e: (t % m == 2).double()


def line(t, e):
    return 3 * t


def growth(t, e):
    return torch.exp(t / 40)


def walk(t, e):
    return e.cumsum(0)


@pytest.mark.parametrize("other", [[], [line], [growth]], ids=["alone", "line", "growth"])
@pytest.mark.parametrize(
    "season", [wave(12), pulse(12), lambda t, e: wave(12)(t, e) + wave(6)(t, e), wave(6)]
)
@pytest.mark.parametrize("noise", [0, 0.2])
def test_a_season_is_found(season, other, noise):
    assert find_season(made(season, *other, noise=noise), ("y",), (12,)) == 12


@pytest.mark.parametrize(
    "kinds",
    [[lambda t, e: e], [line], [growth], [lambda t, e: t**2], [walk], [line, lambda t, e: e],
     [lambda t, e: 0 * t + 7], [lambda t, e: 0.1 * t], [wave(16)], [wave(400)],
     [lambda t, e: walk(t, walk(t, e))]],
    ids=["noise", "line", "growth", "square", "walk", "line and noise", "constant", "tenths",
         "another season", "a long wave", "smooth walk"],
)  # fmt: skip
@pytest.mark.parametrize(("n", "usual"), [(120, (12,)), (120, (4,)), (600, (24, 168))])
def test_no_season_is_found(kinds, n, usual):
    assert find_season(made(*kinds, n=n), ("y",), usual) == 1


def test_of_two_seasons_the_shorter_unless_the_longer_tells_more():
    week = made(wave(24), pulse(168), lambda t, e: wave(168)(t, e), n=1000, noise=0.05)
    shift = made(lambda t, e: wave(24)(t, e) * (1 + (t // 24 % 7 < 5)), n=1000, noise=0.1)
    for noise in (0, 0.05, 0.1, 0.2, 0.3, 0.4):  # more hides the season in the changes
        day = made(wave(24), lambda t, e: t / 5, n=1000, noise=noise)
        assert find_season(day, ("y",), (24, 168)) == 24
    assert find_season(week, ("y",), (24, 168)) == 168
    assert find_season(shift, ("y",), (24, 168)) == 168


def test_what_float32_rounds_of_a_line_is_no_season():
    series = made(lambda t, e: 1e6 + t / 10)
    assert find_season(series, ("y",), (5,)) == 1
    changes = series[0].flatten().diff()
    assert changes[5:].equal(changes[:-5]) and changes.unique().numel() > 1


def test_a_season_has_to_be_seen_twice_and_in_most_series():
    assert find_season(made(wave(12), n=24), ("y",), (12,)) == 1
    assert find_season(made(wave(12), n=25), ("y",), (12,)) == 12
    assert find_season(made(wave(12)), ("y",), ()) == 1
    seasonal, none = made(wave(12), count=2), made(lambda t, e: e, count=3)
    both = Sequences.from_list([*seasonal, *none], channels=("y",))
    assert find_season(both, ("y",), (12,)) == 1
    both = Sequences.from_list([*seasonal, *seasonal, *none], channels=("y",))
    assert find_season(both, ("y",), (12,)) == 12


def test_a_season_is_found_where_values_are_missing():
    series = made(wave(12), noise=0.1)
    series.values[::7] = torch.nan
    series.values[120:240] = torch.nan  # of one series nothing is known
    assert find_season(series, ("y",), (12,)) == 12
