"""Points followed along a parameter: folds are passed, and each bifurcation is where it must be."""

import math

import pytest
import torch
from torch import nn

from throughtime import GRU, LSTM, Cell, Recurrent
from throughtime.dynamics import (
    Map,
    Point,
    StateMap,
    along_input,
    along_weights,
    continuation,
    fixed_points,
)
from throughtime.errors import OptionError, ShapeError

from .systems import LeakyPair, Logistic, network, rotation


class DelayedLogistic(Cell):
    """h' = r h (1 - y), y' = h; the input is r."""

    states = ("h", "y")

    def step(self, x, h, y):
        return x * h * (1 - y), h


class Henon(Cell):
    """h' = 1 - a h^2 + y, y' = 0.3 h; the input is a."""

    states = ("h", "y")

    def step(self, x, h, y):
        return 1 - x * h * h + y, 0.3 * h


class Island(Map):
    """s' = s + (1 - p^2 - s^2) / 5, whose points are a circle."""

    size = 1

    def __init__(self, p: float) -> None:
        self.p = p

    def step(self, s):
        return s + (1 - self.p**2 - s * s) / 5

    def jacobian(self, s):
        return (1 - 0.4 * s)[..., None]


class Units(Map):
    """Units s' = tanh(w s + b) that do not meet."""

    def __init__(self, weights: list[float], bias: float = 0.0) -> None:
        self.w, self.b, self.size = torch.tensor(weights), bias, len(weights)

    def step(self, s):
        return torch.tanh(self.w * s + self.b)

    def jacobian(self, s):
        return torch.diag_embed(self.w * (1 - torch.tanh(self.w * s + self.b) ** 2))


def unit(w, b=0.0):
    return Units([w], b)


def settled(map, s, steps=400):
    return Point(map, map.orbit(torch.tensor([s]), steps)[-1, 0])


def driven(cell):
    """The maps of a cell of one unit over its input."""
    return along_input(StateMap(Recurrent(cell, 1, 1, dtype=torch.float64)), [0.0], [1.0])


def followed(at, s, value, between, period=1):
    return continuation(at, Point(at(value), torch.tensor(s), period), value, between)


def found(branch):
    return [(b.kind, pytest.approx(b.parameter, abs=1e-8)) for b in branch.bifurcations]


def test_a_tanh_unit_has_a_pitchfork_at_1():
    branch = followed(unit, [0.0], 0.5, (0.2, 1.7))
    assert found(branch) == [("branch", 1.0)]
    assert branch.bifurcations[0].unstable == (0, 1)
    assert branch.bifurcations[0].eigenvalue == pytest.approx(1)
    assert branch.ended == ("range", "range")
    assert branch.parameters[0] == 0.2 and branch.parameters[-1] == 1.7
    assert (branch.stable == (branch.parameters < 1)).all()
    assert branch[0].eigenvalues.real.item() == pytest.approx(0.2)


def test_the_arms_of_a_pitchfork_turn_back_where_they_meet():
    branch = continuation(unit, settled(unit(1.5), [0.5]), 1.5, (0.5, 2.0))
    assert found(branch) == [("branch", 1.0)]
    assert branch.stable.all() and branch.bifurcations[0].unstable == (0, 0)
    ends = branch.states[[0, -1], 0]
    assert ends[0] == pytest.approx(-float(ends[1])), "from one arm to the other"


def test_a_fold_is_passed_and_lies_at_its_closed_form():
    def at(b):
        return unit(2.0, b)

    branch = continuation(at, settled(at(-1.0), [-0.9]), -1.0, (-1.0, 1.0))
    h = math.sqrt(1 - 1 / 2)
    fold = math.atanh(h) - 2 * h  # negative: at h > 0
    assert found(branch) == [("fold", -fold), ("fold", fold)]
    assert [b.unstable for b in branch.bifurcations] == [(0, 1), (1, 0)]
    assert [float(b.state) for b in branch.bifurcations] == pytest.approx([-h, h], abs=1e-6)
    s, b = branch.states[:, 0], branch.parameters
    torch.testing.assert_close(torch.tanh(2 * s + b), s, rtol=0, atol=1e-12)


def test_flips():
    assert found(followed(lambda w: unit(-w), [0.0], 0.5, (0.2, 1.7))) == [("flip", 1.0)]
    branch = followed(Logistic, [0.5], 2.0, (0.5, 3.8))
    # at r = 1 it meets the point at 0, and neither turns back
    assert found(branch) == [("branch", 1.0), ("flip", 3.0)]
    assert branch.bifurcations[1].turning_period == 2.0


def test_a_cycle_is_followed_from_flip_to_flip():
    r = 3.2
    s = (r + 1 + math.sqrt((r - 3) * (r + 1))) / (2 * r)
    branch = followed(Logistic, [s], r, (2.5, 3.8), period=2)
    second = 1 + math.sqrt(6)
    assert found(branch) == [("flip", second), ("branch", 3.0), ("flip", second)]
    assert branch.bifurcations[0].turning_period == 4.0
    assert branch.parameters.min() == pytest.approx(3.0, abs=1e-3), "there it is born"
    torch.testing.assert_close(branch[0].orbit[0], branch.states[0])
    assert branch[0].period == 2


@pytest.mark.usefixtures("types_unchecked")  # they take most of the time
def test_neimark_sacker_points_and_how_fast_they_turn():
    branch = followed(driven(DelayedLogistic()), [4 / 9, 4 / 9], 1.8, (1.7, 2.2))
    assert found(branch) == [("neimark-sacker", 2.0)]
    assert branch.bifurcations[0].turning_period == pytest.approx(6.0)
    assert branch.bifurcations[0].unstable == (0, 2)

    before, after = (StateMap(network(rotation(0.7, g))) for g in (0.5, 1.5))
    branch = followed(along_weights(before, after, [0.0]), [0.0, 0.0], 0.4, (0.4, 0.6))
    assert found(branch) == [("neimark-sacker", 0.5)]  # at gain 1
    assert branch.bifurcations[0].angle == pytest.approx(0.7)


@pytest.mark.usefixtures("types_unchecked")
def test_the_henon_map():
    a, b = 0.1, 0.3
    h = (-(1 - b) + math.sqrt((1 - b) ** 2 + 4 * a)) / (2 * a)
    point = Point(driven(Henon())(a), torch.tensor([h, b * h]))
    branch = continuation(driven(Henon()), point, a, (-0.5, 0.5), reach=2.0)
    assert found(branch) == [("fold", -((1 - b) ** 2) / 4), ("flip", 3 * (1 - b) ** 2 / 4)]
    assert branch.ended == ("far", "range"), "the other point goes to infinity at a = 0"


def test_a_closed_branch_is_followed_once():
    branch = followed(Island, [1.0], 0.0, (-2.0, 2.0))
    assert sorted(b.parameter for b in branch.bifurcations) == pytest.approx([-1.0, 1.0])
    assert {b.kind for b in branch.bifurcations} == {"fold"}
    assert branch.ended == ("closed", "closed")
    torch.testing.assert_close(branch.states[0], branch.states[-1])


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([1.0, 1.00001], [("branch", 1 / 1.00001), ("branch", 1.0)]),
        ([1.0, 1.0], [("branch", 1.0), ("branch", 1.0)]),
        ([1.0, -1.0], [("branch", 1.0), ("flip", 1.0)]),
        ([-1.0, 1.01], [("branch", 1 / 1.01), ("flip", 1.0)]),
    ],
)
def test_several_in_one_step(weights, expected):
    branch = followed(lambda p: Units([p * w for w in weights]), [0.0, 0.0], 0.5, (0.2, 1.7))
    each = sorted((b.kind, b.parameter) for b in branch.bifurcations)
    assert each == [(kind, pytest.approx(p, abs=1e-8)) for kind, p in expected]


def test_one_goes_out_and_one_comes_in_between_two_points():
    branch = followed(lambda p: Units([-p, 2.005 - p]), [0.0, 0.0], 0.5, (0.2, 1.7))
    assert found(branch) == [("flip", 1.0), ("branch", 1.005)]
    assert [b.unstable for b in branch.bifurcations] == [(1, 2), (2, 1)]


def test_the_way_back_from_the_start_is_told_in_the_order_of_the_branch():
    branch = followed(unit, [0.0], 1.5, (0.2, 1.7))
    assert found(branch) == [("branch", 1.0)] and branch.bifurcations[0].unstable == (0, 1)


def test_an_eigenvalue_that_stays_on_the_circle_is_no_bifurcation():
    class Keeps(Units):
        def step(self, s):
            return torch.cat([super().step(s)[:, :1], s[:, 1:]], -1)

        def jacobian(self, s):
            jacobian = super().jacobian(s)
            jacobian[:, 1, 1] = 1.0
            return jacobian

    branch = followed(lambda p: Keeps([p, 0.0]), [0.0, 0.3], 0.5, (0.2, 1.7))
    assert found(branch) == [("branch", 1.0)]
    assert branch.states[:, 1].tolist() == pytest.approx([0.3] * len(branch))


@pytest.mark.usefixtures("types_unchecked")
@pytest.mark.parametrize(
    "layer",
    [
        nn.LSTM(2, 4),
        nn.GRU(2, 4, num_layers=2),
        Recurrent(GRU("before"), 2, 4),
        Recurrent(LSTM(layer_norm=True), 2, 4),
        Recurrent(LeakyPair(), 2, 4),
    ],
    ids=["LSTM", "GRU of two layers", "GRU before", "layer-normed LSTM", "a user's cell"],
)
def test_every_kind_of_network_goes_through(layer):
    torch.manual_seed(0)
    for p in layer.parameters():
        nn.init.normal_(p, std=0.3)
    system = StateMap(layer)
    at = along_input(system, [0.5, 0.0], [1.0, -1.0])
    points = fixed_points(at(0.0), torch.randn(4, system.size))
    branch = continuation(at, points[0], 0.0, (0.0, 1.0), most_steps=4)
    assert branch.ended == ("range", "most_steps") and len(branch) == 5
    for k in (0, 2, -1):
        p = float(branch.parameters[k])
        s = branch.states[k : k + 1]
        there = system.step(s, torch.tensor([[0.5 + p / 2, -p]]).double())
        torch.testing.assert_close(there, s, rtol=0, atol=1e-10)


def test_weights_between_two_networks_are_on_a_line():
    torch.manual_seed(0)
    first, last, middle = nn.GRU(2, 3), nn.GRU(2, 3), nn.GRU(2, 3)
    with torch.no_grad():
        for m, a, b in zip(middle.parameters(), first.parameters(), last.parameters(), strict=True):
            m.copy_(0.75 * a + 0.25 * b)
    at = along_weights(StateMap(first), StateMap(last), [1.0, 0.5])
    s = torch.randn(4, 3)
    expected = StateMap(middle).under([1.0, 0.5]).step(s)
    torch.testing.assert_close(at(0.25).step(s), expected, rtol=0, atol=1e-7)
    torch.testing.assert_close(at(0.0).step(s), StateMap(first).under([1.0, 0.5]).step(s))
    with pytest.raises(OptionError, match="expected the same cell"):
        along_weights(StateMap(first), StateMap(nn.GRU(2, 4)), [1.0, 0.5])


def test_it_ends_for_a_reason_that_is_told():
    point = Point(unit(0.5), torch.tensor([0.0]))
    assert continuation(unit, point, 0.5, (0.2, 1.7), most_steps=3).ended == ("most_steps",) * 2

    class Kink(Units):  # from p = 1 on it is not finite
        def step(self, s):
            return super().step(s) if self.w[0] < 1 else s * math.nan

    branch = followed(lambda p: Kink([p]), [0.0], 0.5, (0.2, 1.7))
    assert branch.ended == ("range", "step")
    assert 0.99 < branch.parameters[-1] < 1


def test_what_does_not_fit_says_so():
    with pytest.raises(OptionError, match=r"no fixed point of `at\(0.5\)`: .* is 1.5e-01 after 1"):
        followed(unit, [0.3], 0.5, (0.2, 1.7))
    with pytest.raises(OptionError, match=r"with 0.5 between them. Give between=\(0.5, 1.7\)"):
        followed(unit, [0.0], 0.5, (1.0, 1.7))
    with pytest.raises(OptionError, match="between is"):
        followed(unit, [0.0], 0.5, (0.5, 0.5))
    with pytest.raises(OptionError, match="reach is 0"):
        continuation(unit, Point(unit(0.5), torch.tensor([0.0])), 0.5, (0.2, 1.7), reach=0.0)
    with pytest.raises(ShapeError, match="point has 2 numbers; expected 1"):
        followed(unit, [0.0, 0.0], 0.5, (0.2, 1.7))
    with pytest.raises(OptionError, match="point has 2001 numbers; expected at most 2000"):
        followed(unit, [0.0] * 2001, 0.5, (0.2, 1.7))
    with pytest.raises(OptionError, match="at has no finite, smooth map around 0.0"):
        followed(lambda p: unit(math.sqrt(p) if p >= 0 else math.nan), [0.0], 0.0, (0.0, 1.7))
