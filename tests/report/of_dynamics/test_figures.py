"""Figures of a network as a dynamical system hold what they were given."""

import math
from dataclasses import replace

import pytest
import torch
from dynamics.systems import flip_flop_by_hand, network, rotation

from throughtime import dynamics, report
from throughtime.dynamics import Lyapunov, StateMap, fixed_points, principal
from throughtime.errors import CallError, OptionError, ShapeError
from throughtime.report.of_dynamics.marks import MARKS, kinds, unstable_directions


@pytest.fixture(scope="module")
def cube():
    """Three units that each keep a sign: 8 stable points, 12 edges, 6 faces, 1 middle."""
    system = StateMap(flip_flop_by_hand(3)).under([0.0, 0.0, 0.0])
    line = torch.tensor([-1.0, 0.0, 1.0]).double()
    return fixed_points(system, torch.cartesian_prod(line, line, line))


@pytest.fixture(scope="module")
def paths(cube):
    return [cube.map.orbit(cube.states[:1] * s, 4)[:, 0] for s in (0.3, 2.0)]


@pytest.fixture(scope="module")
def plane(cube):
    return dynamics.plane(principal(cube.states, 3), torch.zeros(3), cube.states, n=12)


def traces(figure):
    return {trace.name: trace for trace in figure.data}


def placed(trace):
    return torch.tensor([trace.x, trace.y, trace.z]).T


def test_each_kind_has_its_own_colour_and_symbol(cube):
    assert [kinds(cube).count(kind) for kind in MARKS] == [8, 18, 1, 0, 0]
    for column in zip(*MARKS.values(), strict=True):
        assert len({*column}) == len(MARKS)


def test_points_and_trajectories_stand_where_they_are(cube, paths):
    axes = principal(cube.states, 3)
    drawn = traces(report.trajectories(cube, paths, axes))
    assert {*drawn} == {"trajectories", "unstable directions", "stable", "saddle", "unstable"}
    for kind in ("stable", "saddle", "unstable"):
        at = [k for k, name in enumerate(kinds(cube)) if name == kind]
        assert torch.allclose(placed(drawn[kind]), axes.project(cube.states[at]).float(), atol=1e-3)
        assert drawn[kind].marker.symbol == MARKS[kind][1]
        assert f"point {at[0] + 1}, {kind}" in drawn[kind].text[0]
    line = drawn["trajectories"]
    assert [k for k, x in enumerate(line.x) if x is None] == [5, 11], "a gap after each"
    first = torch.tensor([line.x[:5], line.y[:5], line.z[:5]]).T
    assert torch.allclose(first, axes.project(paths[0]).float(), atol=1e-3)


def test_unstable_directions_are_those_of_the_point(cube, paths):
    """An edge has one, along itself; the middle has three."""
    at = int(cube.unstable.argmax())
    assert torch.allclose(unstable_directions(cube, at).abs().sum(0), torch.ones(3).double())
    edge = cube.unstable.tolist().index(1)
    (along,) = unstable_directions(cube, edge).abs().round(decimals=6).tolist()
    assert along == (cube.states[edge].abs() < 1e-6).double().tolist()
    lines = traces(report.trajectories(cube, paths))["unstable directions"]
    assert lines.x.count(None) == int(cube.unstable.sum()) == 12 + 6 * 2 + 3


def test_a_pair_that_turns_spans_a_plane():
    system = StateMap(network(rotation(0.4, 1.2))).under([0.0])
    points = fixed_points(system, torch.zeros(1, 2).double())
    both = unstable_directions(points, 0)
    assert both.shape == (2, 2) and torch.linalg.matrix_rank(both) == 2


def test_two_dimensions_and_slow_points(cube, paths):
    slow = replace(cube, fixed=torch.zeros_like(cube.fixed))
    assert {*kinds(slow)} == {"slow"}
    drawn = traces(report.trajectories(slow, paths, dimensions=2))
    assert drawn["slow"].type == "scatter" and len(drawn["slow"].x) == 27


def test_all_states_of_a_cycle_are_drawn():
    system = StateMap(network([[-2.0, 0], [0, 0.5]])).under([0.0])
    starts = torch.tensor([[0.9, 0.1], [-0.8, 0.3]]).double()
    points = fixed_points(system, starts, period=2)
    axes = principal(torch.tensor([[2.0, 0], [-2, 0], [0, 1], [0, -1]]))
    drawn = traces(report.trajectories(points, [starts], axes, dimensions=2))
    assert len(points) == 1 and sorted(round(x, 2) for x in drawn["stable"].x) == [-0.96, 0.96]


def test_eigenvalues_beside_the_unit_circle(cube):
    drawn = traces(report.eigenvalues(cube))
    circle = drawn["unit circle"]
    assert all(
        x * x + y * y == pytest.approx(1, abs=1e-4) for x, y in zip(circle.x, circle.y, strict=True)
    )
    for kind in ("stable", "saddle", "unstable"):
        at = [k for k, name in enumerate(kinds(cube)) if name == kind]
        assert list(drawn[kind].x) == pytest.approx(
            cube.eigenvalues[at].real.flatten().tolist(), rel=1e-4, abs=1e-8)  # fmt: skip
        assert list(drawn[kind].customdata) == [k + 1 for k in at for _ in range(3)]
    turning = fixed_points(
        StateMap(network(rotation(0.4))).under([0.0]), torch.zeros(1, 2).double()
    )
    (pair,) = [trace for trace in report.eigenvalues(turning).data if trace.name == "neutral"]
    assert sorted(pair.y) == pytest.approx([-math.sin(0.4), math.sin(0.4)], rel=1e-4)
    assert max(drawn["stable"].x) < 1 < min(drawn["unstable"].x)


def test_arrows_of_the_flow(cube, plane):
    seen = dynamics.flow(cube.map, plane)
    drawn = traces(report.flow(seen, cube))
    z = torch.tensor(drawn["step length"].z)
    assert torch.allclose(10**z, seen.speed.float(), rtol=1e-3)
    arrows, room = drawn["one step"], float(min(plane.across[1] - plane.across[0],
                                                plane.up[1] - plane.up[0]))  # fmt: skip
    moves = torch.tensor([[arrows.x[k + 1] - arrows.x[k], arrows.y[k + 1] - arrows.y[k]]
                          for k in range(0, len(arrows.x), 3)])  # fmt: skip
    assert len(moves) == 144 and (moves.norm(dim=-1) <= room).all()
    true = torch.nn.functional.normalize(seen.displacement.reshape(-1, 2), dim=-1)
    assert torch.allclose(torch.nn.functional.normalize(moves, dim=-1), true.float(), atol=0.01)
    corner = (float(plane.across[0]), float(plane.up[0]))
    assert (arrows.x[0], arrows.y[0]) == pytest.approx(corner, rel=1e-4)
    assert arrows.x[2] is None and list(arrows.marker.size[:3]) == [0, 7, 0]
    assert sum(len(drawn[kind].x) for kind in MARKS if kind in drawn) == len(cube)


def test_basins_have_the_colour_and_the_number_of_their_point(cube, plane):
    found = dynamics.basins(cube, plane, steps=60)
    drawn = report.basins(found).data[0]
    for codes, names, labels in zip(drawn.z, drawn.text, found.labels.tolist(), strict=True):
        for code, name, label in zip(codes, names, labels, strict=True):
            assert name == ("nowhere in time" if label < 0 else f"point {label + 1}")
            assert drawn.colorbar.ticktext[code] == name
    assert len({colour for _, colour in drawn.colorscale}) == len(drawn.colorbar.ticktext)


def test_lyapunov_exponents_with_their_errors():
    history = torch.linspace(1, 0, 50)[:, None] * torch.tensor([0.2, 0.1, 0.0]) + 0.3
    exponents, times = torch.tensor([0.3, -0.5, -torch.inf]), 5 * torch.arange(1, 51)
    errors, halves = torch.tensor([0.01, 0.02, 0.0]), exponents.expand(2, -1)
    figure = report.lyapunov(Lyapunov(exponents, errors, halves, history, times, 3))
    spectrum, *curves = figure.data
    assert list(spectrum.x) == [1, 2, 3] and spectrum.y == pytest.approx((0.3, -0.5, None))
    assert list(spectrum.error_y.array) == pytest.approx([0.01, 0.02, 0])
    assert [curve.name for curve in curves] == [f"exponent {k}" for k in (1, 2, 3)]
    assert list(curves[0].x) == times.tolist()
    assert list(curves[0].y) == pytest.approx(history[:, 0].tolist(), rel=1e-4)


def test_what_cannot_be_drawn(cube, paths, types_unchecked):
    with pytest.raises(OptionError, match="dimensions is 3 with 2 axes"):
        report.trajectories(cube, paths, principal(cube.states, 2))
    with pytest.raises(ShapeError, match=r"states of shape \(5, 1, 3\); expected \(T, 3\)"):
        report.trajectories(cube, [paths[0][:, None]])
    with pytest.raises(CallError, match="of is a FixedPoints; expected what"):
        report.flow(cube)
    with pytest.raises(CallError, match="of is a FixedPoints; expected what"):
        report.basins(cube)
