"""Yang et al. 2019, eq. 8: Euler's method on the continuous-time network."""

import pytest
import torch
from cells.against_equations import close, layer_of, parameters_of, same_as

from throughtime import LeakyRNN, Recurrent
from throughtime.errors import OptionError


def drive(p, x, h):
    return h @ p["transition_h"].T + x @ p["transition_x"].T + p["transition_bias"]


@pytest.mark.parametrize("alpha", [0.2, 0.75, 1.0])
def test_without_noise(alpha):
    def step(p, x, h):
        return (1 - alpha) * h + alpha * torch.relu(drive(p, x, h))

    same_as(LeakyRNN(alpha), step)


def test_of_step_size_one_is_the_simple_network():
    same_as(LeakyRNN(1.0, activation="tanh"), lambda p, x, h: torch.tanh(drive(p, x, h)))


def test_noise_is_drawn_for_each_step_row_and_unit():
    alpha, sigma = 0.3, 0.4
    layer = layer_of(LeakyRNN(alpha, noise=sigma, activation="softplus"), 3, 5)
    p = parameters_of(layer)
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    torch.manual_seed(11)
    y, _ = layer(x)
    torch.manual_seed(11)
    xi = torch.randn(6, 2, 5, dtype=torch.float64)
    h = p["h0"].expand(2, -1)
    for t in range(6):
        noisy = drive(p, x[t], h) + (2 / alpha) ** 0.5 * sigma * xi[t]
        h = (1 - alpha) * h + alpha * torch.log(1 + torch.exp(noisy))
        close(y[t], h)
    again, _ = layer(x)
    assert not torch.allclose(again, y)


def test_in_eval_mode_there_is_no_noise():
    def step(p, x, h):
        return 0.7 * h + 0.3 * torch.tanh(drive(p, x, h))

    layer = layer_of(LeakyRNN(0.3, noise=0.4, activation="tanh"), 3, 5).eval()
    p = parameters_of(layer)
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    h = p["h0"].expand(2, -1)
    y, _ = layer(x)
    for t in range(4):
        h = step(p, x[t], h)
        close(y[t], h)


def test_the_spread_of_a_unit_that_only_hears_noise():
    """Without weights h is an autoregression: its variance is known."""
    alpha, sigma = 0.25, 0.5
    layer = layer_of(LeakyRNN(alpha, noise=sigma, activation="identity"), 1, 1, scale=0.0)
    torch.manual_seed(2)
    y, _ = layer(torch.zeros(60, 4000, 1, dtype=torch.float64))
    stationary = 2 * alpha * sigma**2 / (1 - (1 - alpha) ** 2)
    assert abs(float(y[-20:].detach().var()) / stationary - 1) < 0.05


def test_the_recurrent_weight_starts_orthogonal():
    q = parameters_of(Recurrent(LeakyRNN(), 3, 6, dtype=torch.float64))["transition_h"]
    torch.testing.assert_close(q @ q.T, torch.eye(6, dtype=torch.float64))
    p = parameters_of(Recurrent(LeakyRNN(recurrent_init="identity"), 3, 6))
    assert torch.equal(p["transition_h"], torch.eye(6))


@pytest.mark.parametrize("alpha", [0.0, -0.1, 1.1, float("nan")])
def test_a_step_size_outside_of_its_range(alpha):
    with pytest.raises(OptionError, match=rf"`LeakyRNN`: alpha is {alpha}; expected a number in"):
        LeakyRNN(alpha)


@pytest.mark.parametrize("noise", [-0.1, float("nan")])
def test_a_spread_below_zero(noise):
    with pytest.raises(OptionError, match=rf"`LeakyRNN`: noise is {noise}; expected a standard"):
        LeakyRNN(noise=noise)


def recurrent(cell, hidden_size=40):
    """The weight of h that is computed with."""
    torch.manual_seed(0)
    layer = Recurrent(cell, 3, hidden_size, dtype=torch.float64)
    return layer.directions[0][0].transition_h.detach()


def radius(weight):
    return float(torch.linalg.eigvals(weight).abs().max())


@pytest.mark.parametrize("options", [{}, {"density": 0.5}, {"self_connections": False}], ids=str)
def test_excitatory_and_inhibitory_units(options):
    w = recurrent(LeakyRNN(excitatory=0.75, **options))
    assert (w[:, :30] >= 0).all() and (w[:, 30:] <= 0).all()
    assert int((w != 0).sum()) == {"{}": 1600, "{'density': 0.5}": 800}.get(str(options), 1560)
    assert bool(w.diagonal().any()) != ("self_connections" in options)


def test_excitation_and_inhibition_start_balanced():
    w = recurrent(LeakyRNN(excitatory=0.75, density=0.5, spectral_radius=0.9))
    torch.testing.assert_close(w.sum(1), torch.zeros(40, dtype=torch.float64), rtol=0, atol=1e-12)
    assert abs(radius(w) - 0.9) < 1e-12


@pytest.mark.parametrize(
    ("options", "want"),
    [({"excitatory": 0.8}, 1.5), ({"density": 0.5}, 1.1), ({"self_connections": False}, 1.1),
     ({}, 1.0), ({"spectral_radius": 2.0}, 2.0), ({"excitatory": 0.8, "spectral_radius": 2}, 2.0)],
)  # fmt: skip
def test_the_spectral_radius_at_the_start(options, want):
    assert abs(radius(recurrent(LeakyRNN(**options))) - want) < 1e-12


def test_a_start_of_ones_own_is_brought_to_the_signs():
    w = recurrent(LeakyRNN(recurrent_init=0.25, excitatory=0.5), 4)
    assert w.tolist() == [[0.25, 0.25, -0.25, -0.25]] * 4


def test_with_constraints_it_is_the_equation_of_the_docstring():
    """Against a plain loop whose weight is made of what is learned as it is printed."""
    torch.manual_seed(1)
    cell = LeakyRNN(0.3, activation="softplus", excitatory=0.6, density=0.7, self_connections=False)
    layer = Recurrent(cell, 3, 5, dtype=torch.float64)
    names = {n.split("directions.0.0.")[1]: p for n, p in layer.named_parameters()}
    with torch.no_grad():
        for p in names.values():
            p.copy_(torch.randn_like(p))
    v = names["parametrizations.transition_h.original"]
    exists = layer.directions[0][0].parametrizations.transition_h[0].learned.double()
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    y, _ = layer(x)
    w = v.abs() * exists * torch.tensor([1.0, 1, 1, -1, -1], dtype=torch.float64)
    h, outputs = names["initial.h0"].expand(2, -1), []
    for row in x:
        drive = h @ w.T + row @ names["transition_x"].T + names["transition_bias"]
        h = 0.7 * h + 0.3 * torch.log(1 + torch.exp(drive))
        outputs.append(h)
    close(y, torch.stack(outputs))
    gradients = [
        torch.autograd.grad(out.square().sum(), [*names.values()])
        for out in (y, torch.stack(outputs))
    ]
    for name, got, want in zip(names, *gradients, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-11, atol=1e-11, msg=name)
        assert got.any(), name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"excitatory": 8}, "excitatory is 8; expected a share of the units, 0 to 1"),
        ({"density": 0.0}, "density is 0.0; expected a share"),
        ({"spectral_radius": 0}, "spectral_radius is 0; expected a number above 0"),
        ({"spectral_radius": float("inf")}, "spectral_radius is inf; expected a number"),
        ({"spectral_radius": 1.0, "recurrent_init": "identity"}, "recurrent_init and spectral_rad"),
        ({"self_connections": 0}, "self_connections is 0; expected True or False"),
    ],
)
def test_connections_that_cannot_be(options, message, types_unchecked):
    with pytest.raises(OptionError, match=f"`LeakyRNN`: {message}"):
        LeakyRNN(**options)
