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
