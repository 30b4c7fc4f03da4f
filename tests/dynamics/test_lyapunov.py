import math

import mpmath
import pytest
import torch
from diagnose.cells import Linear, Own
from torch import Tensor

from throughtime import GRU, LSTM, LeakyRNN, Recurrent
from throughtime.dynamics import Lyapunov, Map, StateMap, lyapunov_spectrum
from throughtime.dynamics.tangent import random_directions
from throughtime.errors import OptionError, ShapeError


@pytest.fixture(autouse=True)
def in_float64(float64):
    torch.manual_seed(0)


class Henon(Map):
    """Hénon 1976, doi 10.1007/BF01608556: x, y -> 1 - 1.4 x^2 + y, 0.3 x."""

    size = 2

    def step(self, s):
        x, y = s.unbind(-1)
        return torch.stack([1 - 1.4 * x * x + y, 0.3 * x], -1)

    def jacobian(self, s):
        one = torch.ones(len(s))
        rows = [torch.stack([-2.8 * s[:, 0], one], -1), torch.stack([0.3 * one, 0 * one], -1)]
        return torch.stack(rows, -2)


class Logistic(Map):
    """x -> 4 x (1 - x), whose exponent is ln 2."""

    size = 1

    def step(self, s):
        return 4 * s * (1 - s)

    def jacobian(self, s):
        return (4 - 8 * s)[..., None]


class Gaussian(Map):
    """Each step has another matrix of independent normal numbers."""

    def __init__(self, size):
        self.size, self.generator = size, torch.Generator().manual_seed(4)

    def step(self, s):
        return s

    def jacobian(self, s):
        return torch.randn(len(s), self.size, self.size, generator=self.generator)


class Fixed(Map):
    """s -> A s, at the point 0 or along any line."""

    def __init__(self, matrix: Tensor):
        self.matrix, self.size = matrix, len(matrix)

    def step(self, s):
        return 0 * s

    def jacobian(self, s):
        return self.matrix.expand(len(s), -1, -1)


def linear(matrix: Tensor) -> StateMap:
    layer = Recurrent(Linear, 2, len(matrix), initial_state="zeros")
    with torch.no_grad():
        layer.directions[0][0].map_h.copy_(matrix)
    return StateMap(layer)


def random_tanh(N: int, g: float, into: float = 0.0) -> StateMap:
    """h = tanh(W h + into x) with N inputs and W of independent normal numbers, variance g^2/N."""
    net = torch.nn.RNN(N if into else 1, N, bias=False)
    with torch.no_grad():
        net.weight_hh_l0.copy_(torch.randn(N, N) * g / N**0.5)
        net.weight_ih_l0.copy_(into * torch.eye(N) if into else torch.zeros(N, 1))
    return StateMap(net)


def mean_field(g: float, into: float = 0.0) -> float:
    """ln(g^2 <phi'^2>)/2 with q = g^2 <phi^2> + into^2, the variance of W h + into x, N to infinity
    (Molgedey, Schuchhardt, Schuster 1992, doi 10.1103/PhysRevLett.69.3717)."""
    z = torch.linspace(-9, 9, 4001)
    weight = (-z * z / 2).exp()
    weight /= weight.sum()
    q = 1.0
    for _ in range(2000):
        q = g**2 * float(weight @ (q**0.5 * z).tanh() ** 2) + into**2
    return 0.5 * math.log(g**2 * float(weight @ (1 - (q**0.5 * z).tanh() ** 2) ** 2))


def test_linear_network_has_the_moduli_of_its_eigenvalues():
    turn = torch.tensor([[0.6, -0.7], [0.7, 0.6]])
    rates = torch.block_diag(torch.tensor([[1.3]]), turn, torch.tensor([[-0.5]]))
    basis = torch.randn(4, 4) + 2 * torch.eye(4)
    system = linear(basis @ rates @ basis.inverse())
    found = lyapunov_spectrum(system, torch.randn(400, 2, 2), burn_in=200)
    pair = math.log(0.85) / 2
    want = torch.tensor([math.log(1.3), pair, pair, math.log(0.5)])
    assert torch.allclose(found.exponents[[0, 3]], want[[0, 3]], atol=1e-11, rtol=0)
    assert abs(float(found.exponents[1:3].sum()) - 2 * pair) < 1e-11
    assert torch.allclose(found.exponents, want, atol=0.005, rtol=0)
    assert found.entropy_rate == pytest.approx(math.log(1.3))
    assert found.kaplan_yorke == pytest.approx(3 + (want[:3].sum() / math.log(2)).item(), abs=0.01)


def test_orthogonal_network_has_zero_exponents():
    system = linear(torch.linalg.qr(torch.randn(5, 5))[0])
    found = lyapunov_spectrum(system, torch.randn(500, 1, 2))
    assert found.exponents.abs().max() < 1e-14 and found.errors.max() < 1e-14
    assert found.converged.all() and found.kaplan_yorke == 5 and found.entropy_rate == 0


def test_henon():
    """The largest exponent 0.419 and the dimension 1.26: Russell, Hanson, Ott 1980,
    doi 10.1103/PhysRevLett.45.1175. The area shrinks by 0.3 in each step."""
    found = lyapunov_spectrum(Henon(), start=0.1 * torch.rand(100, 2), steps=1000)
    assert float(found.exponents[0]) == pytest.approx(0.419, abs=0.005)
    assert float(found.exponents.sum()) == pytest.approx(math.log(0.3), abs=1e-12)
    assert found.kaplan_yorke == pytest.approx(1.26, abs=0.005)
    assert found.entropy_rate == float(found.exponents[0])
    assert found.converged.all() and 0.0005 < found.errors[0] < 0.005
    assert "2 of 2 exponents" in repr(found) and len(found) == 2


def test_logistic():
    found = lyapunov_spectrum(Logistic(), start=torch.rand(500, 1), steps=200)
    assert abs(float(found.exponents) - math.log(2)) < 4 * float(found.errors) < 0.01
    assert found.kaplan_yorke == 1


def test_products_of_random_matrices_and_the_size_of_errors():
    """The exponents are (ln 2 + digamma((N - i + 1) / 2)) / 2 and the factors of the steps are
    independent, with variance trigamma(...) / 4 (Newman 1986, Comm. Math. Phys. 103, 121)."""
    N, steps, B = 6, 600, 8
    found = lyapunov_spectrum(Gaussian(N), start=torch.zeros(B, N), steps=steps, burn_in=20)
    half = torch.arange(N, 0, -1) / 2
    want = (math.log(2) + torch.digamma(half)) / 2
    error = (torch.polygamma(1, half) / 4 / (B * (steps - 20))).sqrt()
    assert ((found.exponents - want).abs() < 4 * error).all()
    assert ((found.errors / error - 1).abs() < 0.5).all()  # 24 batches: to about 15 %
    assert torch.allclose(found.history[-1], found.exponents) and found.times[-1] == steps - 20
    assert torch.allclose(found.halves.mean(0), found.exponents)


def test_random_networks_become_chaotic_at_gain_1():
    """Sompolinsky, Crisanti, Sommers 1988, doi 10.1103/PhysRevLett.61.259. Below it the state 0 is
    stable and the exponents are those of W."""
    for g, chaotic in ((0.8, False), (1.5, True)):
        system = random_tanh(100, g)
        found = lyapunov_spectrum(
            system.under([0.0]), start=torch.randn(4, 100), steps=500, burn_in=100, count=1
        )
        assert bool(found.exponents > 5 * found.errors) == chaotic
        if not chaotic:
            weight = system.jacobian(torch.zeros(1, 100), torch.zeros(1, 1))[0]
            radius = torch.linalg.eigvals(weight).abs().max().log()
            assert abs(float(found.exponents - radius)) < 0.005


@pytest.mark.slow
@pytest.mark.parametrize("g, into", [(1.5, 0.0), (3.0, 0.0), (1.5, 0.5)])
def test_largest_exponent_of_random_networks_by_mean_field_theory(g, into):
    """N = 1000, to 0.012: the theory is for N to infinity, the weights are one draw."""
    N, steps = 1000, 400
    system = random_tanh(N, g, into)
    start = torch.randn(1, N)
    if into:
        found = lyapunov_spectrum(system, torch.randn(steps, 1, N), start=start, count=1)
    else:
        found = lyapunov_spectrum(system.under([0.0]), start=start, steps=steps, count=1)
    assert abs(float(found.exponents) - mean_field(g, into)) < 0.012
    assert (mean_field(1.1), mean_field(1.0001)) > (0, 0) > (mean_field(1.5, 0.5), -1)


NETS = {
    "GRU": lambda: Recurrent(GRU, 3, 3),
    "LSTM": lambda: Recurrent(LSTM, 3, 2),
    "LSTM with layer norm": lambda: Recurrent(LSTM(layer_norm=True), 3, 3),
    "own": lambda: Recurrent(Own, 3, 3),
    "leaky": lambda: Recurrent(LeakyRNN, 3, 4),
}


@pytest.mark.parametrize("name", NETS)
def test_against_autograd_and_mpmath(name):
    """The Jacobians of the layer itself, and their QR with 40 digits."""
    layer, steps = NETS[name]().eval(), 12
    x = torch.randn(steps, 1, 3)
    system = StateMap(layer)
    names, widths = list(system.states), [p.stop - p.start for p in system.states.values()]

    def step(s, now):
        state = dict(zip(names, s[None].split(widths, -1), strict=True))
        _, last = layer(now, [[state]])
        return torch.cat([last[0][0][n][0] for n in names])

    S, s = system.size, system.start
    found = lyapunov_spectrum(system, x, burn_in=0)
    q = mpmath.matrix(random_directions(s[None], S, 0)[0].tolist())
    logs = [mpmath.mpf(0)] * S
    with mpmath.workdps(40):
        for now in x.split(1):
            jacobian = torch.autograd.functional.jacobian(lambda s, now=now: step(s, now), s)
            q, r = mpmath.qr(mpmath.matrix(jacobian.tolist()) * q)
            logs = [total + mpmath.log(abs(r[i, i])) for i, total in enumerate(logs)]
            s = step(s, now).detach()
    want = torch.tensor(sorted((float(total / steps) for total in logs), reverse=True))
    lost = want < math.log(1e-15)  # each normalised gate removes the mean of its units
    assert lost.sum() == (name == "LSTM with layer norm")
    want = want.masked_fill(lost, -math.inf)
    assert torch.allclose(found.exponents, want, rtol=1e-9, atol=1e-9)


def test_a_network_of_torch_with_two_layers():
    system = StateMap(torch.nn.LSTM(2, 3, num_layers=2))
    x = torch.randn(60, 2, 2)
    found = lyapunov_spectrum(system, x)
    assert len(found) == system.size == 12 and found.exponents.isfinite().all()
    assert (found.exponents.diff() <= 0).all() and found.exponents[0] < 0


def test_options_that_change_the_work_change_no_result(monkeypatch):
    system, x = random_tanh(20, 2.0), torch.zeros(120, 2, 1)
    start = torch.randn(2, 20)

    def spectrum(x=x, burn_in=30, **options):
        return lyapunov_spectrum(system, x, start=start, burn_in=burn_in, **options)

    whole = spectrum()
    for every in (5, 45):  # 45 steps need more digits than float64 has, unless they are parted
        rarely = spectrum(every=every)
        assert torch.allclose(rarely.exponents, whole.exponents, atol=1e-7)
        assert len(rarely.times) == 90 // every and rarely.times[-1] == 90
    assert torch.equal(spectrum(steps=80).exponents, spectrum(x[:80]).exponents)
    assert torch.equal(spectrum(burn_in=12).exponents, spectrum(burn_in=None).exponents)
    assert not torch.equal(spectrum(seed=1).exponents, whole.exponents)
    monkeypatch.setattr("throughtime.dynamics.lyapunov.ROOM", 2 * 20 * 80 * 13)  # 13 steps
    assert torch.allclose(spectrum().exponents, whole.exponents, atol=1e-9)
    for size in ("SMALL", "FEW"):
        monkeypatch.setattr(f"throughtime.dynamics.lyapunov.{size}", 0)
    assert torch.allclose(spectrum().exponents, whole.exponents, atol=1e-9)


def test_few_exponents_are_the_first_of_all():
    system, x = StateMap(Recurrent(GRU, 3, 8)), torch.randn(700, 1, 3)
    whole = lyapunov_spectrum(system, x, burn_in=200)
    for count in (1, 3):
        few = lyapunov_spectrum(system, x, burn_in=200, count=count)
        assert torch.allclose(few.exponents, whole.exponents[:count], atol=0.01)
    chaotic, start = random_tanh(20, 2.0), torch.randn(1, 20)
    one = lyapunov_spectrum(chaotic.under([0.0]), start=start, steps=300, count=1)
    assert one.kaplan_yorke is None and one.entropy_rate is None and "unknown" in repr(one)


@pytest.mark.parametrize("every", [1, 7])
def test_lost_directions_are_minus_infinity(every):
    infinity = torch.inf
    thin = torch.randn(5, 2) @ torch.randn(2, 5)  # of rank 2, with no row of zeros
    found = lyapunov_spectrum(
        Fixed(thin), start=torch.zeros(1, 5), steps=490, burn_in=70, every=every
    )
    moduli = torch.linalg.eigvals(thin).abs().log().sort(descending=True).values[:2]
    assert torch.allclose(found.exponents[:2].sum(), moduli.sum(), atol=1e-10)
    assert (found.exponents[2:] == -infinity).all() and (found.errors[2:] == 0).all()
    assert (found.history[:, 2:] == -infinity).all() and found.converged[2:].all()
    off = lyapunov_spectrum(
        Fixed(torch.diag(torch.tensor([0.5, 0.0, 0.25]))),
        start=torch.zeros(2, 3),
        steps=50,
        every=every,
    )
    want = torch.tensor([math.log(0.5), math.log(0.25), -infinity])
    assert torch.allclose(off.exponents, want, atol=0.1) and off.kaplan_yorke == 0
    gone = lyapunov_spectrum(
        Fixed(torch.zeros(2, 2)), start=torch.zeros(1, 2), steps=40, every=every
    )
    assert (gone.exponents == -infinity).all() and gone.entropy_rate == 0
    assert "-inf" in repr(gone)


def test_a_dead_unit_for_one_step_of_many():
    """A rectified unit that is off in one step forgets all: the exponent is minus infinity."""

    class Sometimes(Map):
        size = 2

        def step(self, s):
            return s + 1

        def jacobian(self, s):
            own = torch.where(s[:, 0] == 150, 0.0, 0.5)
            return torch.diag_embed(torch.stack([torch.full_like(own, 0.9), own], -1))

    found = lyapunov_spectrum(Sometimes(), start=torch.zeros(1, 2), steps=200)
    assert found.exponents.tolist() == [pytest.approx(math.log(0.9), abs=1e-3), -math.inf]
    before = lyapunov_spectrum(Sometimes(), start=torch.zeros(1, 2), steps=150)
    assert before.exponents[1] == pytest.approx(math.log(0.5), abs=1e-3)


def test_strong_growth_and_fading_stay_within_the_numbers():
    for factor in (1e-40, 1e40):
        system = Fixed(factor * torch.eye(3))
        found = lyapunov_spectrum(system, start=torch.zeros(1, 3), steps=150, every=50, count=1)
        assert float(found.exponents) == pytest.approx(math.log(factor))


def test_what_has_not_settled_is_told():
    class Drifting(Map):
        size = 1

        def step(self, s):
            return s + 1

        def jacobian(self, s):
            return (5 + s / 1000).exp()[..., None]

    found = lyapunov_spectrum(Drifting(), start=torch.zeros(1, 1), steps=1000)
    assert found.halves[1] > found.halves[0] + 0.4 and found.errors < 0.1
    assert not found.converged
    noisy = lyapunov_spectrum(Henon(), start=torch.zeros(1, 2), steps=40)
    assert noisy.errors[0] > 0.04 and not noisy.converged[0]


def of(*exponents: float, size: int) -> Lyapunov:
    values = torch.tensor(exponents)
    none = torch.zeros(len(values))
    return Lyapunov(values, none, torch.stack([values, values]), values[None], none[:1], size)


def test_dimension_and_entropy_of_given_exponents():
    lorenz = of(0.9, 0.0, -14.6, size=3)
    assert lorenz.kaplan_yorke == pytest.approx(2 + 0.9 / 14.6) and lorenz.entropy_rate == 0.9
    assert of(-0.1, -0.2, size=2).kaplan_yorke == 0
    assert of(0.3, -0.1, size=2).kaplan_yorke == 2  # nothing shrinks volumes
    assert of(0.3, -0.1, size=9).kaplan_yorke is None
    assert of(0.3, -0.1, size=9).entropy_rate == pytest.approx(0.3)
    assert of(0.3, 0.1, size=9).entropy_rate is None
    assert of(0.3, -math.inf, size=9).kaplan_yorke == 1
    assert of(1e-15, -3e-15, -1.0, size=3).kaplan_yorke == pytest.approx(2)


def test_wrong_arguments(types_unchecked):
    system = StateMap(torch.nn.GRU(2, 3))
    map, x, start = system.under([0.0, 0.0]), torch.zeros(40, 2, 2), torch.zeros(2, 3)
    for error, says, arguments, options in [
        (OptionError, "inputs is None", (system,), {}),
        (ShapeError, r"inputs has shape \(40, 2, 5\)", (system, torch.zeros(40, 2, 5)), {}),
        (ShapeError, r"inputs has shape \(0, 2, 2\)", (system, x[:0]), {}),
        (OptionError, "steps is 41; expected at most 40", (system, x), dict(steps=41)),
        (OptionError, "burn_in is 40 of 40 steps", (system, x), dict(burn_in=40)),
        (OptionError, "burn_in is -1", (system, x), dict(burn_in=-1)),
        (OptionError, "burn_in is 0.5", (system, x), dict(burn_in=0.5)),
        (OptionError, "and 80 steps after it", (system, x[:, :1]), dict(every=40)),
        (OptionError, "count is 4; expected at most 3", (system, x), dict(count=4)),
        (OptionError, "count is 0", (system, x), dict(count=0)),
        (OptionError, "every is 0", (system, x), dict(every=0)),
        (ShapeError, r"start has shape \(2, 4\)", (system, x), dict(start=torch.zeros(2, 4))),
        (ShapeError, r"expected \(2, 3\)", (system, x), dict(start=torch.zeros(1, 3))),
        (OptionError, "inputs has shape", (map, x), {}),
        (OptionError, "steps is None", (map,), dict(start=start)),
        (OptionError, "start is None", (map,), dict(steps=40)),
        (ShapeError, r"expected \(B, 3\)", (map,), dict(start=start[0], steps=40)),
        (OptionError, "steps is True", (map,), dict(start=start, steps=True)),
    ]:
        with pytest.raises(error, match=says):
            lyapunov_spectrum(*arguments, **options)


def test_states_that_run_away():
    with pytest.raises(OptionError, match="not finite within"):
        lyapunov_spectrum(Henon(), start=torch.full((1, 2), 5.0), steps=40)


def test_too_much_work_says_so_before_it_begins():
    class Large(Map):
        size = 4000

        def step(self, s):
            raise AssertionError

        def jacobian(self, s):
            raise AssertionError

    start = torch.zeros(1, 4000)
    with pytest.raises(OptionError, match="Set count=1 for the largest exponent alone"):
        lyapunov_spectrum(Large(), start=start, steps=2000)
    with pytest.raises(OptionError, match="about an hour of two cores. Set steps="):
        lyapunov_spectrum(Large(), start=start, steps=10**8, count=1)
