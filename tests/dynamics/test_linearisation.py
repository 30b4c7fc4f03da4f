"""The linear network around a point: modes, selection vector, and how far it holds."""

import math

import pytest
import torch
from catalogue import CELLS

from throughtime import Recurrent
from throughtime.dynamics import Linearisation, Point, StateMap, fixed_points
from throughtime.errors import OptionError, ShapeError

from .systems import LeakyPair, Logistic, network, rotation

LINE = torch.tensor([2.0, 1.0]).double() / math.sqrt(5)
SELECTION = torch.tensor([1.0, -1.0]).double() * math.sqrt(
    5
)  # at 71 degrees to the line; product with it 1


def integrator(activation="identity"):
    """Keeps along `LINE` what `SELECTION` takes from the input; the other mode fades by half."""
    other, left = torch.tensor([1.0, 1.0]), torch.tensor([-1.0, 2.0])
    weight = torch.outer(LINE, SELECTION) + 0.5 * torch.outer(other, left)
    return network(weight, activation=activation, inputs=2, write=[[1.0, 1.0], [0.0, 1.0]])


def around(layer, s=None, readout=None):
    system = StateMap(layer)
    map = system.under(torch.zeros(system.input_size))
    return Linearisation(Point(map, torch.zeros(system.size) if s is None else s), readout)


def test_a_line_attractor_has_the_selection_vector_it_was_made_with():
    near = around(integrator(), readout=torch.tensor([[2.0, 1.0], [1.0, -2.0]]))
    sign = torch.sign(near.line[0])
    torch.testing.assert_close(near.line * sign, LINE)
    torch.testing.assert_close(near.selection * sign, SELECTION)
    torch.testing.assert_close(near.point.left @ near.point.right, torch.eye(2) + 0j)
    # the first input moves the state along the line, the second is along (1, 1), which fades
    torch.testing.assert_close(
        (near.writes[near.slowest] * sign).real, torch.tensor([math.sqrt(5), 0.0])
    )
    torch.testing.assert_close(
        (near.reads[:, near.slowest] * sign).real, torch.tensor([math.sqrt(5), 0.0])
    )
    torch.testing.assert_close(near.overlap(near.readout), torch.tensor([1.0, 0.0]))
    assert near.overlap(SELECTION).item() == pytest.approx(1 / math.sqrt(10))
    assert near.overlap(3 * LINE).item() == pytest.approx(1.0), "as of the difference of two points"


def test_the_slowest_mode_is_the_one_nearest_to_1():
    near = around(network(torch.diag(torch.tensor([-1.2, 0.9, 0.3]))))
    assert near.point.eigenvalues[near.slowest].real == pytest.approx(0.9)


@pytest.mark.parametrize("name", [*CELLS, "own"])
def test_modes_give_the_derivative_of_the_network(name):
    torch.manual_seed(0)
    layer = Recurrent((CELLS | {"own": LeakyPair()})[name], 3, 4, dtype=torch.float64)
    system = StateMap(layer)
    x, s = torch.randn(3) / 2, torch.randn(system.size) / 2
    near = Linearisation(
        Point(system.under(x), s), torch.randn(2, system.output.stop - system.output.start)
    )
    by_s, by_x = torch.autograd.functional.jacobian(
        lambda s, x: system.step(s[None], x[None])[0], (s, x)
    )
    torch.testing.assert_close(near.jacobian, by_s)
    torch.testing.assert_close(near.input_jacobian, by_x)
    assert near.readout.shape == (2, system.size)
    if torch.linalg.cond(near.point.right) < 1e6:  # all eigenvectors are there
        torch.testing.assert_close((near.point.right @ near.writes).real, by_x)
        torch.testing.assert_close((near.reads @ near.writes).real, near.readout @ by_x)


def test_a_readout_of_the_output_is_placed_at_the_last_layer():
    system = StateMap(torch.nn.LSTM(1, 3, num_layers=2))
    readout = torch.randn(2, 3)
    near = Linearisation(Point(system.under([0.0]), torch.zeros(12)), readout)
    assert near.readout[:, 6:9].tolist() == readout.tolist()
    assert near.readout.count_nonzero() == 6


def test_a_linear_network_is_predicted_exactly_and_everywhere():
    near = around(integrator())
    error = near.prediction_error(torch.tensor([[1e-3, 1.0], [100.0, -3.0]]), steps=20)
    assert error.shape == (20, 2) and (error == 0).all()
    assert near.reach(20) == math.inf


def test_a_slow_point_drifts_in_the_prediction_too():
    near = around(network(0.5 * torch.eye(2), [1.0, -2.0], activation="identity"))
    assert (near.prediction_error(torch.randn(5, 2)) == 0).all()
    assert near.reach() == math.inf


def test_the_reach_of_a_tanh_unit_is_where_its_series_says():
    near = around(network([[0.5]]))

    def error(d):
        return abs(0.5 * d - math.tanh(0.5 * d)) / math.tanh(0.5 * d)

    starts = torch.tensor([[0.1], [2.0]])
    torch.testing.assert_close(
        near.prediction_error(starts, 1), torch.tensor([[error(0.1), error(2.0)]])
    )
    reach = near.reach(1)
    assert error(reach) == pytest.approx(0.1, rel=5e-3)
    assert near.reach(1, tolerance=0.01) < reach
    assert near.reach(8) < reach, "errors add up over steps"


def test_the_reach_is_that_of_the_directions_asked_for():
    near = around(network(torch.diag(torch.tensor([0.5, 0.0]))))
    first, second = torch.eye(2)
    # of the second unit nothing is left after a step
    assert near.reach(1, directions=second[None]) == math.inf
    assert near.reach(1, directions=5 * first[None]) == around(network([[0.5]])).reach(1)
    assert near.reach(1) == near.reach(1, seed=0) != near.reach(1, seed=1)


def test_there_is_no_reach_at_a_kink():
    assert around(network([[-0.5]], activation="relu")).reach(1) == 0.0


def test_a_gru_around_a_point_that_was_found():
    torch.manual_seed(0)
    layer = torch.nn.GRU(2, 8)
    system = StateMap(layer)
    point = fixed_points(system.under([0.5, 0.0]), torch.randn(8, 8) / 2)[0]
    near = Linearisation(point)
    starts = point.state + 1e-4 * torch.randn(3, 8)
    assert near.prediction_error(starts, 5).max() < 1e-2
    assert 1e-2 < near.reach() < 10


def test_what_does_not_fit_says_so():
    with pytest.raises(OptionError, match="one of a Logistic; expected one of a network"):
        Linearisation(Point(Logistic(2.0), torch.tensor([0.5])))
    system = StateMap(integrator())
    with pytest.raises(OptionError, match="on a cycle of period 2"):
        Linearisation(Point(system.under([0.0, 0.0]), torch.zeros(2), 2))
    with pytest.raises(ShapeError, match=r"readout has shape \(1, 3\); expected \(O, 2\)"):
        around(integrator(), readout=torch.zeros(1, 3))
    near = around(integrator())
    with pytest.raises(OptionError, match="readout is None"):
        _ = near.reads
    with pytest.raises(ShapeError, match=r"starts has shape \(2,\); expected \(N, 2\)"):
        near.prediction_error(torch.zeros(2))
    with pytest.raises(ShapeError, match=r"directions have shape \(3,\)"):
        near.overlap(torch.zeros(3))
    with pytest.raises(OptionError, match="tolerance is 0"):
        near.reach(tolerance=0.0)
    turning = around(network(rotation(0.7)))
    for name in ("line", "selection"):
        with pytest.raises(
            OptionError, match=rf"`Linearisation.{name}`: the slowest mode .* turns"
        ):
            getattr(turning, name)
