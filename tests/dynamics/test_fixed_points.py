"""Fixed points, slow points and cycles that are known."""

import math

import pytest
import torch

from throughtime import GRU, LSTM, Recurrent
from throughtime.dynamics import Map, Power, StateMap, fixed_points
from throughtime.errors import OptionError, ShapeError
from throughtime.universal import Automaton, compile_automaton

from .systems import LEAKY, LeakyPair, Logistic, LogisticCell, flip_flop_by_hand, network, rotation


def starts(n, size, spread=1.0):
    return spread * torch.randn(n, size, generator=torch.Generator().manual_seed(0)).double()


def fixed_by_iteration(w):
    """The positive fixed point of tanh(w h)."""
    h = 1.0
    for _ in range(1000):
        h = math.tanh(w * h)
    return h


def test_a_linear_network_rests_at_one_point():
    W, b = 0.9 * rotation(0.3), torch.tensor([1.0, -2.0])
    found = fixed_points(
        StateMap(network(W, b, activation="identity")).under([0.0]), starts(20, 2, 5.0)
    )
    assert len(found) == 1 and bool(found.fixed[0]) and found.ended.tolist() == [20]
    torch.testing.assert_close(found.states[0], torch.linalg.solve(torch.eye(2) - W, b))
    point = found[0]
    torch.testing.assert_close(point.jacobian, W)
    torch.testing.assert_close(point.eigenvalues.abs(), torch.tensor([0.9, 0.9]))
    torch.testing.assert_close(point.turning_periods, torch.full((2,), 2 * math.pi / 0.3))
    torch.testing.assert_close(point.time_constants, torch.full((2,), -1 / math.log(0.9)))
    assert point.kind == "stable" and found.kinds == ["stable"] and point.unstable == 0


def test_three_bits_kept_by_three_units():
    """3 ** 3 points: a unit at rest at 0 is one unstable direction."""
    found = fixed_points(StateMap(flip_flop_by_hand(3)).under([0.0] * 3), starts(400, 3))
    h = fixed_by_iteration(2.0)
    assert len(found) == 27 and found.search.fixed == 400
    assert torch.bincount(found.unstable).tolist() == [8, 12, 6, 1]
    assert sorted(found.kinds) == ["saddle"] * 18 + ["stable"] * 8 + ["unstable"]
    corners = found.only(found.unstable == 0)
    assert len(corners) == 8
    torch.testing.assert_close(corners.states.abs(), torch.full((8, 3), h))
    torch.testing.assert_close(
        found.states.abs().sort(dim=0).values[-18:], torch.full((18, 3), h), atol=1e-8, rtol=0
    )
    assert found.q.max() < 1e-28
    assert repr(found).startswith("FixedPoints(27 points: 8 stable, 12 saddle with 1 unstable dir")


def test_a_pulse_moves_the_points():
    """Under a strong input one state of each unit is left."""
    found = fixed_points(StateMap(flip_flop_by_hand(2)).under([1.0, -1.0]), starts(100, 2))
    assert len(found) == 1 and found.kinds == ["stable"]
    assert found.states[0, 0] > 0.99 and found.states[0, 1] < -0.99


@pytest.mark.parametrize("w, kinds", [(0.9, ["stable"]), (1.1, ["stable", "stable", "unstable"])])
def test_a_pitchfork(w, kinds):
    found = fixed_points(StateMap(network([[w]])).under([0.0]), starts(50, 1))
    assert sorted(found.kinds) == kinds


def test_a_line_attractor_is_neutral():
    W = torch.tensor([[1.0, 0.5], [0.0, 0.3]])
    system = StateMap(network(W, activation="identity")).under([0.0])
    found = fixed_points(system, starts(30, 2))
    assert len(found) == 30 and set(found.kinds) == {"neutral"}
    torch.testing.assert_close(found.states[:, 1], torch.zeros(30), atol=1e-9, rtol=0)


class NoRest(Map):
    """s -> s + e + s^2: past a fold. Slowest at 0, with q = e^2 / 2, and nowhere at rest."""

    size = 1

    def __init__(self, e):
        self.e = e

    def step(self, s):
        return s + self.e + s * s

    def jacobian(self, s):
        return (1 + 2 * s)[..., None]


def test_a_slow_point_where_nothing_rests():
    found = fixed_points(NoRest(1e-4), starts(40, 1))
    assert len(found) == 1 and not bool(found.fixed[0]) and found.search.slow == 40
    torch.testing.assert_close(found.q, torch.tensor([0.5e-8]))
    assert abs(float(found.states[0, 0])) < 1e-4
    none = fixed_points(NoRest(0.1), starts(40, 1))
    assert len(none) == 0 and none.search.fast == 40
    assert none.kinds == [] and none.jacobians.shape == (0, 1, 1)
    assert repr(none) == "FixedPoints(0 points: none; from 40 starts: 40 fast)"
    assert fixed_points(NoRest(1e-4), starts(40, 1), slow=0.0).search.fast == 40


def test_what_is_far_and_what_is_unfinished():
    # the fixed point 0.5 is 9.5 times as far from the mean of these starts as they are
    near = torch.tensor([[0.40], [0.42]])
    assert fixed_points(Logistic(2.0), near, reach=5.0).search.far == 2
    assert fixed_points(Logistic(2.0), near, reach=10.0).search.fixed == 2
    system = StateMap(flip_flop_by_hand(3)).under([0.0] * 3)
    assert fixed_points(system, starts(50, 3), most_steps=1).search.unfinished > 40


@pytest.mark.parametrize("user", [False, True])
def test_cycles_of_the_logistic_map(user):
    """r = 3.83: the cycle of period 3, 2 of them, and of period 2 one."""
    system = Logistic(3.83)
    if user:
        system = StateMap(Recurrent(LogisticCell(), 1, 1, dtype=torch.float64)).under([3.83])
    s = torch.linspace(0.01, 0.99, 200)[:, None].double()
    assert sorted(fixed_points(system, s).kinds) == ["unstable", "unstable"]
    two = fixed_points(system, s, period=2)
    assert len(two) == 1 and two.search.shorter > 0
    r, root = 3.83, math.sqrt((3.83 - 3) * (3.83 + 1))
    exact = [(r + 1 - root) / (2 * r), (r + 1 + root) / (2 * r)]
    assert sorted(two[0].orbit[:, 0].tolist()) == pytest.approx(exact)
    assert float(two.eigenvalues[0, 0].real) == pytest.approx(4 + 2 * r - r * r)
    three = fixed_points(system, s, period=3)
    assert sorted(three.kinds) == ["stable", "unstable"]
    assert "cycles of period 3" in repr(three)
    torch.testing.assert_close(Power(system, 3).step(three.states), three.states)


def test_a_rotation_is_a_cycle():
    """A quarter turn that grows until it saturates: (a, b) -> tanh(g (-b, a)) has period 4."""
    system = StateMap(network(rotation(math.pi / 2, 2.0))).under([0.0])
    found = fixed_points(system, starts(300, 2), period=4)
    h = fixed_by_iteration(2.0)
    stable = found.only(found.unstable == 0)
    assert len(stable) == 1
    torch.testing.assert_close(stable[0].orbit.abs(), torch.full((4, 2), h))
    assert len(fixed_points(system, starts(300, 2), period=2)) == 0
    # four steps of each unit by itself: the derivative is (2 (1 - h^2))^4
    torch.testing.assert_close(
        stable.eigenvalues[0].abs(), torch.full((2,), (2 * (1 - h * h)) ** 4)
    )


def test_an_automaton_whose_cycles_are_known():
    """A counter modulo 3: reading 0 it rests in any of three states, reading 1 or 2 it goes round
    all of them, one way or the other."""
    moves = {(str(k), str(d)): str((k + d) % 3) for k in range(3) for d in range(3)}
    automaton = Automaton(
        states=("0", "1", "2"), symbols=("0", "1", "2"), start="0", accept=("0",),
        transitions=tuple((state, read, to) for (state, read), to in moves.items()),
    )  # fmt: skip
    reader = compile_automaton(automaton, dtype=torch.float64)
    system = StateMap(reader.layer)
    for symbol in automaton.symbols:
        word = ["0120" + symbol * 3, "1" + symbol * 3, "2" + symbol * 3]
        visited = torch.cat([system.run(reader.encode([w])[0])[-3:, 0] for w in word])
        under = system.under([float(symbol == s) for s in automaton.symbols])
        period = 1 if symbol == "0" else 3
        found = fixed_points(under, visited, period=period)
        assert found.q.tolist() == [0.0] * (3 if period == 1 else 1)
        told = [[reader.leads[int(s.argmax())] for s in found[k].orbit] for k in range(len(found))]
        if period == 1:
            assert sorted(told) == [["0"], ["1"], ["2"]]
        else:
            (cycle,) = told
            assert [moves[state, symbol] for state in cycle] == cycle[1:] + cycle[:1]


@pytest.mark.parametrize(
    "cell", [LSTM(), GRU(), GRU("before"), LSTM(layer_norm=True), LEAKY, LeakyPair()], ids=str
)
def test_any_cell_by_the_same_call(cell):
    torch.manual_seed(0)
    system = StateMap(Recurrent(cell, 2, 6, dtype=torch.float64)).under([0.3, -0.2])
    found = fixed_points(system, starts(30, system.size, 0.5))
    found = found.only(found.fixed)
    assert len(found) >= 1
    torch.testing.assert_close(system.step(found.states), found.states)
    # what it is said to be is what it does: a stable point takes back what is near
    for k, kind in enumerate(found.kinds):
        if kind == "stable":
            near = found.states[k] + 1e-4 * starts(3, system.size)
            torch.testing.assert_close(
                system.orbit(near, 500)[-1], found.states[k].expand(3, -1), atol=1e-6, rtol=0
            )
    point = found[0]
    torch.testing.assert_close(
        point.left @ point.right, torch.eye(system.size).to(torch.complex128), atol=1e-6, rtol=0
    )
    torch.testing.assert_close(point.eigenvalues, found.eigenvalues[0])
    torch.testing.assert_close(found.jacobians[0], point.jacobian)


def test_starts_in_parts_are_the_same(monkeypatch):
    system = StateMap(flip_flop_by_hand(2)).under([0.0] * 2)
    whole = fixed_points(system, starts(60, 2))
    monkeypatch.setattr("throughtime.dynamics.map.ROOM", 4 * 4 * 7)
    parts = fixed_points(system, starts(60, 2))
    assert torch.equal(whole.states, parts.states) and whole.search == parts.search
    assert torch.equal(whole.eigenvalues, parts.eigenvalues)


def test_what_is_too_large_says_so():
    class Wide(Map):
        size = 1024

        def step(self, s):
            return s

        def jacobian(self, s):
            raise AssertionError("refused before")

    with pytest.raises(OptionError, match=r"1,?0000 starts of 1024 numbers .* Give fewer starts"):
        fixed_points(Wide(), torch.zeros(10_000, 1024))


@pytest.mark.parametrize(
    "change, says",
    [
        ({"starts": torch.zeros(3)}, r"starts has shape \(3,\); expected \(N, 2\)"),
        ({"starts": torch.zeros(0, 2)}, r"starts has shape \(0, 2\)"),
        ({"starts": torch.full((2, 2), math.nan)}, "not finite"),
        ({"period": 0}, "period is 0"),
        ({"tolerance": -1.0}, "tolerance is -1.0"),
        ({"apart": math.nan}, "apart is nan"),
        ({"most_steps": 0}, "most_steps is 0"),
    ],
)
def test_bad_input(change, says):
    given = {"starts": torch.zeros(3, 2)} | change
    with pytest.raises((ShapeError, OptionError), match=says):
        fixed_points(StateMap(flip_flop_by_hand(2)).under([0.0] * 2), **given)
