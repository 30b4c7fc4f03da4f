"""A network as a map of its full state: the same numbers as the layer, exact derivatives."""

import pytest
import torch
from catalogue import CELLS
from torch import nn

import throughtime
from throughtime import GRU, LSTM, RNN, Recurrent
from throughtime.dynamics import StateMap
from throughtime.errors import OptionError, ShapeError

from .systems import LeakyPair

ALL = CELLS | {"own": LeakyPair()}


def drawn(system, n=3):
    return torch.randn(n, system.size) / 2, torch.randn(n, system.input_size)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("name", ALL)
def test_a_step_is_that_of_the_layer(name, layers):
    torch.manual_seed(0)
    layer = Recurrent(ALL[name], 3, 5, layers=layers).eval()
    system = StateMap(layer)
    x = torch.randn(6, 2, 3)
    with torch.no_grad():
        y, _, states = layer(x, return_states=True)
    run = system.run(x)
    for k, directions in enumerate(states, 1):
        for state, values in directions[0].items():
            place = system.states[state if layers == 1 else f"layer {k} {state}"]
            torch.testing.assert_close(run[..., place], values)
    torch.testing.assert_close(run[..., system.output], y)
    s = system.start.expand(2, -1)
    for t in range(6):
        s = system.step(s, x[t])
        torch.testing.assert_close(s, run[t])


@pytest.mark.parametrize("name", ["lstm-projection", "gru-before", "lstm-layer-norm", "own"])
def test_derivatives_of_two_layers(name):
    torch.manual_seed(0)
    system = StateMap(Recurrent(ALL[name], 3, 4, layers=2))
    s, x = drawn(system)

    def step(s, x):
        return system.step(s[None], x[None])[0]

    by_state = torch.func.vmap(torch.func.jacrev(step, 0))(s, x)
    by_input = torch.func.vmap(torch.func.jacrev(step, 1))(s, x)
    torch.testing.assert_close(system.jacobian(s, x), by_state)
    torch.testing.assert_close(system.input_jacobian(s, x), by_input)
    v = torch.randn(3, system.size, 2)
    torch.testing.assert_close(system.push(s, x, v), by_state @ v)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_layers_of_torch(kind):
    torch.manual_seed(0)
    layer = getattr(nn, kind)(3, 4, num_layers=2)
    x = torch.randn(5, 2, 3)
    with torch.no_grad():
        y, _ = layer(x)
    for given in (layer, nn.Sequential(nn.Linear(1, 1), layer)):
        system = StateMap(given)
        torch.testing.assert_close(system.run(x)[..., system.output], y)


def test_a_direction_of_two():
    torch.manual_seed(0)
    x = torch.randn(5, 2, 3)
    own, ours = nn.LSTM(3, 4, bidirectional=True), Recurrent(GRU(), 3, 4, direction="both").eval()
    for layer in (own, ours):
        with torch.no_grad():
            y = layer(x)[0]
        forward, backward = StateMap(layer, "forward"), StateMap(layer, "backward")
        torch.testing.assert_close(forward.run(x)[..., forward.output], y[..., :4])
        torch.testing.assert_close(
            backward.run(x.flip(0))[..., backward.output].flip(0), y[..., 4:]
        )
    only = Recurrent(RNN(), 3, 4, direction="backward")
    torch.testing.assert_close(StateMap(only).run(x.flip(0)).flip(0), only(x)[0].detach())


def test_weights_are_copied_and_the_mode_is_kept():
    layer = Recurrent(LSTM(), 2, 3, dropout=0.5, layers=2, zoneout=0.1)
    layer.directions[0].eval()
    before = {name: m.training for name, m in layer.named_modules()}
    system = StateMap(layer)
    assert {name: m.training for name, m in layer.named_modules()} == before
    s, x = drawn(system)
    was = system.step(s, x)
    with torch.no_grad():
        for p in layer.parameters():
            p.add_(1.0)
    assert torch.equal(system.step(s, x), was)


def test_float32_weights_become_float64():
    layer = Recurrent(GRU(), 2, 3, dtype=torch.float32)
    system = StateMap(layer)
    x = torch.randn(4, 1, 2)
    run = system.run(x.float())
    assert run.dtype == torch.float64
    torch.testing.assert_close(run[..., system.output].float(), layer(x.float())[0].detach())
    assert "GRU; inputs 2; states h 3" in repr(system)


def test_no_steps_and_another_start():
    system = StateMap(Recurrent(LSTM(), 2, 3))
    assert system.run(torch.zeros(0, 4, 2)).shape == (0, 4, 6)
    s, x = drawn(system)
    torch.testing.assert_close(system.run(x[None], s)[0], system.step(s, x))


def both(**options):
    return Recurrent(LSTM(), 2, 3, direction="both", **options)


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: StateMap(nn.Linear(2, 2)), "Linear with none; expected one recurrent layer"),
        (lambda: StateMap(nn.ModuleList([nn.GRU(1, 1), nn.GRU(1, 1)])), r"with 2 \(0, 1\)"),
        (lambda: StateMap(both()), 'Give direction="forward"'),
        (lambda: StateMap(both(layers=2), "forward"), "has 2 layers of both directions"),
        (lambda: StateMap(Recurrent(LSTM(), 2, 3), "backward"), "runs forward only"),
        (lambda: StateMap(both(), "up"), "direction is 'up'"),
    ],
)
def test_what_is_no_map_of_a_state(make, says, types_unchecked):
    with pytest.raises(OptionError, match=says):
        make()


def test_what_does_not_fit():
    system = StateMap(throughtime.nn.GRU(2, 3))
    with pytest.raises(ShapeError, match=r"x has shape \(3,\); expected \(2,\)"):
        system.under([0.0, 0.0, 0.0])
    with pytest.raises(ShapeError, match=r"x has shape \(4, 1, 3\); expected \(T, B, 2\)"):
        system.run(torch.zeros(4, 1, 3))
    with pytest.raises(ShapeError, match=r"start has shape \(2, 3\); expected \(1, 3\)"):
        system.run(torch.zeros(4, 1, 2), torch.zeros(2, 3))
