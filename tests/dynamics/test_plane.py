"""A plane of states, one step from each, and where each ends."""

import pytest
import torch
from dynamics.systems import flip_flop_by_hand, network, rotation

from throughtime.dynamics import Map, StateMap, basins, fixed_points, flow, plane, principal
from throughtime.errors import OptionError, ShapeError


class Linear(Map):
    def __init__(self, matrix):
        self.matrix, self.size = matrix.double(), len(matrix)

    def step(self, s):
        return s @ self.matrix.T

    def jacobian(self, s):
        return self.matrix.expand(len(s), -1, -1)


def square(size, n=5):
    """A plane of the first two numbers: the variance along them is larger than along others."""
    width = torch.zeros(size).double()
    width[:2] = torch.tensor([4.0, 2.0])
    corners = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]]).double()
    states = torch.cat([corners, torch.zeros(4, size - 2)], -1) * width
    return plane(principal(states), torch.zeros(size).double(), states, n=n)


def test_the_grid_holds_the_states_and_a_margin():
    made = square(3)
    assert torch.allclose(made.across, torch.linspace(-4.8, 4.8, 5).double(), atol=1e-6)
    assert torch.allclose(made.up, torch.linspace(-2.4, 2.4, 5).double(), atol=1e-6)
    assert made.states.shape == (25, 3)
    assert torch.allclose(made.states[1 * 5 + 3, :2].abs(), torch.tensor([2.4, 1.2]).double())
    assert torch.allclose(made.principal.project(made.states)[7, :2],
                          torch.stack([made.across[2], made.up[1]]), atol=1e-9)  # fmt: skip


def test_it_goes_through_the_state():
    made = square(3)
    through = torch.tensor([1.0, 2.0, 7.0]).double()
    moved = plane(made.principal, through, made.states)
    assert torch.allclose(moved.states[:, 2], torch.full((625,), 7.0).double())
    at = moved.principal.project(moved.states)[:, :2].reshape(25, 25, 2)
    assert torch.allclose(at[3, 7], torch.stack([moved.across[7], moved.up[3]]))


def test_the_flow_of_a_linear_map():
    turn = torch.eye(3).double()
    turn[:2, :2] = rotation(0.5, 0.9)
    turn[2, 0] = 1.0  # out of the plane
    made = square(3)
    seen = flow(Linear(turn), made)
    step = made.states @ (turn - torch.eye(3)).T
    along = (step @ made.principal.axes[:, :2]).reshape(5, 5, 2)
    assert torch.allclose(seen.displacement, along)
    assert torch.allclose(seen.speed.flatten(), step.norm(dim=-1))
    assert seen.displacement[2, 2].norm() < 1e-9, "the fixed point stands in the middle"
    assert (seen.speed >= seen.displacement.norm(dim=-1) - 1e-12).all()


def test_basins_of_units_that_keep_a_sign():
    """Two units that know nothing of each other: the basins are the quadrants."""
    system = StateMap(flip_flop_by_hand(2)).under([0.0, 0.0])
    corners = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]]).double()
    points = fixed_points(system, torch.cat([corners, 0.01 * corners]))
    assert points.kinds.count("stable") == 4
    made = plane(principal(corners * torch.tensor([1.2, 1.0])), points.states[0], corners, n=8)
    found = basins(points, made)
    assert found.nowhere == 0
    for label, state in zip(found.labels.flatten().tolist(), made.states, strict=True):
        assert torch.equal(points.states[label].sign(), state.sign())
    assert basins(points, made, steps=1).nowhere > 0, "they are not there after one step"


def test_a_cycle_is_one_attractor():
    """A unit that changes its sign at each step: both states of the cycle have one basin."""
    system = StateMap(network([[-2.0, 0], [0, 0.5]])).under([0.0])
    points = fixed_points(system, torch.tensor([[0.9, 0.1], [-0.9, 0.2]]).double(), period=2)
    assert points.kinds == ["stable"]
    made = plane(principal(torch.tensor([[2.0, 0], [-2, 0], [0, 1], [0, -1]])),
                 points.states[0], torch.tensor([[1.0, 1.0], [-1.0, -1.0]]), n=6)  # fmt: skip
    assert basins(points, made).labels.unique().tolist() == [0]


def test_without_an_attractor_all_end_nowhere():
    points = fixed_points(Linear(2 * torch.eye(2)), torch.ones(1, 2).double())
    assert points.kinds == ["unstable"]
    assert basins(points, square(2)).nowhere == 25


def test_what_spans_no_plane(types_unchecked):
    made = square(3)
    with pytest.raises(OptionError, match="principal has 1 axis; expected 2 or more"):
        plane(principal(made.states, 1), made.through, made.states)
    with pytest.raises(ShapeError, match=r"through has shape \(2,\)"):
        plane(made.principal, torch.zeros(2), made.states)
    points = fixed_points(Linear(torch.eye(2) / 2), torch.ones(1, 2).double())
    with pytest.raises(OptionError, match="near is 1; expected a number between 0 and 0.5"):
        basins(points, square(2), near=1)
    with pytest.raises(OptionError, match="steps is 0"):
        basins(points, square(2), steps=0)
