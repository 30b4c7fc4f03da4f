"""States visited on data: real steps only, in the direction of time, drawn."""

import pytest
import torch

from throughtime import GRU, LSTM, Recurrent
from throughtime.dynamics import StateMap, run_each, visited
from throughtime.errors import OptionError, ShapeError


def data(seed=0):
    torch.manual_seed(seed)
    return torch.randn(7, 3, 2).double(), torch.tensor([7, 4, 5])


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_each_sequence_runs_as_it_would_alone(direction):
    x, lengths = data()
    layer = Recurrent(LSTM, 2, 4, direction="both", dtype=torch.float64)
    states, real = run_each(StateMap(layer, direction), x, lengths)
    place = slice(0, 4) if direction == "forward" else slice(4, 8)
    assert real.sum(0).tolist() == [7, 4, 5]
    for b, length in enumerate(lengths.tolist()):
        alone, _ = layer(x[:length, b : b + 1])
        expected = alone[:, 0, place] if direction == "forward" else alone[:, 0, place].flip(0)
        assert torch.allclose(states[:length, b, :4], expected)


def test_all_real_steps_and_no_other():
    x, lengths = data()
    system = StateMap(Recurrent(GRU, 2, 4, dtype=torch.float64))
    seen = visited(system, [(x, lengths), (x[:2, :1], lengths[1:2].clamp(max=2))], 100)
    assert seen.shape == (7 + 4 + 5 + 2, 4)
    states, real = run_each(system, x, lengths)
    distance = torch.cdist(seen, states[real])
    assert (distance.amin(0) < 1e-12).all() and (distance.amin(1) < 1e-12).all()


def test_a_seed_draws_the_same():
    x, lengths = data()
    system = StateMap(Recurrent(GRU, 2, 4, dtype=torch.float64))
    draw = {k: visited(system, [(x, lengths)], 6, seed=k) for k in (0, 1)}
    assert draw[0].shape == (6, 4) and torch.cdist(draw[0], draw[0]).fill_diagonal_(1).min() > 0
    assert torch.equal(draw[0], visited(system, [(x, lengths)], 6, seed=0))
    assert not torch.equal(draw[0], draw[1])


def test_some_lie_between_two_that_are_visited():
    x, lengths = data()
    system = StateMap(Recurrent(GRU, 2, 4, dtype=torch.float64))
    plain = visited(system, [(x, lengths)], 8)
    mixed = visited(system, [(x, lengths)], 8, between=0.5)
    assert torch.equal(plain[4:], mixed[4:])
    for state in mixed[:4]:
        detour = torch.cdist(plain, state[None]) + torch.cdist(plain, state[None]).T
        assert (detour - torch.cdist(plain, plain)).min() < 1e-9, "on the line between two"


def test_noise_is_in_units_of_each_number():
    system = StateMap(Recurrent(GRU, 2, 2, dtype=torch.float64))
    x = 3 * torch.randn(400, 10, 2).double()
    given = [(x, torch.full((10,), 400))]
    added = visited(system, given, 4000, noise=0.5) - visited(system, given, 4000)
    share = added.std(0) / visited(system, given, 4000).std(0)
    assert torch.allclose(share, torch.full((2,), 0.5).double(), rtol=0.1)


def test_what_does_not_fit(types_unchecked):
    x, lengths = data()
    system = StateMap(Recurrent(GRU, 2, 4, dtype=torch.float64))
    with pytest.raises(ShapeError, match=r"lengths has \[8, 4, 5\]; expected 3 numbers"):
        run_each(system, x, torch.tensor([8, 4, 5]))
    for options, says in (({"noise": -1}, "noise is -1"), ({"between": 2}, "between is 2")):
        with pytest.raises(OptionError, match=says):
            visited(system, [(x, lengths)], 5, **options)
    with pytest.raises(OptionError, match="count is 0"):
        visited(system, [(x, lengths)], 0)
    with pytest.raises(OptionError, match="no real step"):
        visited(system, [(x, 0 * lengths)], 5)
