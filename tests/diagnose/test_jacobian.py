"""Step Jacobians, their products and their spectra, against autograd and closed forms."""

import mpmath
import pytest
import torch
from catalogue import CELLS
from diagnose.cells import Linear, Own

from throughtime import GRU, LSTM, RNN, IndRNN, LeakyRNN, Recurrent
from throughtime.diagnose import (
    direct,
    direct_by_lag,
    gradient_by_lag,
    log_norm,
    log_singular_values,
    passages,
    relu_cuts,
    spectra,
    spectrum_by_lag,
    step_jacobian,
)
from throughtime.diagnose.product import Product
from throughtime.errors import OptionError, ShapeError

T, B = 6, 3
LENGTHS = torch.tensor([T, 1, 4])
ALL = CELLS | {"own": Own()}


def passage(cell, direction="forward", lengths=None, hidden=4, T=T, B=B, **options):
    torch.manual_seed(0)
    layer = Recurrent(cell, 3, hidden, direction=direction, **options)
    x = torch.randn(T, B, 3, dtype=options.get("dtype", torch.float64))
    return layer, x, passages(layer, x, lengths)[0]


def by_autograd(layer, p, x, t, b, k):
    """ds_t/ds_{t-k} of one sequence: the layer run again from the state k steps before."""
    names = list(p.program.states)
    back = p.call.reverse
    piece = x[t : t + k, b : b + 1] if back else x[t - k + 1 : t + 1, b : b + 1]
    first = t + k - 1 if back else t - k + 1
    widths = [p.program.states[n] for n in names]

    def run(s):
        state = dict(zip(names, s[None].split(widths, -1), strict=True))
        _, last = layer(piece, [[state]])
        return torch.cat([last[0][0][n][0] for n in names])

    start = torch.cat([p.before[n][first, b] for n in names])
    return torch.autograd.functional.jacobian(run, start)


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("name", ALL)
def test_against_autograd(name, direction):
    """The steps, the norms by lag and the singular values of their products."""
    layer, x, p = passage(ALL[name], direction, LENGTHS)
    layer.eval()
    flow = gradient_by_lag(p, n=T, probes=100)
    spectrum = spectrum_by_lag(p, n=T)
    S = p.size
    for b, length in enumerate(LENGTHS.tolist()):
        last = 0 if p.call.reverse else length - 1
        row = T - 1  # the last of the n sampled steps
        for k in range(1, length + 1):
            want = by_autograd(layer, p, x, last, b, k)
            norm = flow.jacobian.norms[row, b, k] if k < length else None
            if norm is not None:  # s_0 is not a state after a step
                assert torch.allclose(norm, want.norm() / S**0.5, rtol=1e-7, atol=1e-12)
            logs = spectrum.logs[k - 1, row, b]
            assert torch.allclose(logs.exp(), torch.linalg.svdvals(want), rtol=1e-7, atol=1e-12)
        one = step_jacobian(p, torch.tensor([last]), torch.tensor([b]))[0]
        assert torch.allclose(one, by_autograd(layer, p, x, last, b, 1), rtol=1e-7, atol=1e-12)
        assert flow.jacobian.norms[row, b, length:].isnan().all()


class WithResets(torch.nn.Module):
    def __init__(self, layer, resets):
        super().__init__()
        self.layer, self.resets = layer, resets

    def forward(self, x, lengths):
        return self.layer(x, lengths=lengths, resets=self.resets)


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("name", ALL)
def test_piece_by_piece_it_is_the_same(monkeypatch, name, direction):
    """A sequence ends or begins inside a piece, a reset stands at its border and inside it."""
    steps, lengths = 13, torch.tensor([13, 0, 5, 9])
    layer, x, _ = passage(ALL[name], direction, T=steps, B=4)
    for start in layer.directions[0][0].initial.parameters():
        torch.nn.init.normal_(start)
    resets = torch.zeros(steps, 4, dtype=torch.bool)
    resets[[4, 7, 3, 6], [0, 0, 2, 3]] = True
    (p,) = passages(WithResets(layer, resets), x, lengths, lambda out: out[0].square().sum())
    flows = []
    for room in (2**20, 1, 4 * 3 * 4 * 4 * 7):  # all at once; a step at a time; a few of them
        monkeypatch.setattr("throughtime.diagnose.gradient_flow.ROOM", room)
        flow = gradient_by_lag(p, n=4, probes=2)
        flows.append([flow.jacobian, flow.gradient, *flow.of_states.values()])
        assert flow.jacobian.norms[:, [0, 2, 3], 0].isfinite().all()
    for pieces in flows[1:]:
        for whole, by in zip(flows[0], pieces, strict=True):
            assert torch.allclose(whole.norms, by.norms, rtol=1e-9, atol=0, equal_nan=True)


def test_the_work_grows_with_the_steps_and_the_memory_does_not(monkeypatch):
    """What the engine is given in all, and at most in one call, in numbers."""
    from throughtime.diagnose import gradient_flow

    given = []

    def counted(program, call, dstates, *rest, **options):
        given.append(sum(d.numel() for d in dstates))
        return engine(program, call, dstates, *rest, **options)

    engine = gradient_flow.gradients
    monkeypatch.setattr(gradient_flow, "gradients", counted)
    monkeypatch.setattr(gradient_flow, "ROOM", 2**14)
    work, most = [], []
    for steps in (100, 400, 1600):
        given.clear()
        gradient_by_lag(passage(LSTM(), T=steps)[2], n=4, probes=4)
        work.append(sum(given))
        most.append(max(given))
    assert work[2] < 4.2 * work[1] < 4.2 * 4.2 * work[0]
    assert most[0] == most[1] == most[2] <= 2 * 2**14


def test_of_one_state():
    layer, x, p = passage(LSTM())
    flow = gradient_by_lag(p, n=1, probes=4)
    for k in range(1, T):
        want = by_autograd(layer, p, x, T - 1, 0, k)
        got = flow.of_states["C"].norms[0, 0, k]
        assert torch.allclose(got, want[4:, 4:].norm() / 2)


def test_of_a_loss():
    torch.manual_seed(0)
    for direction in ("forward", "backward"):
        layer = Recurrent(GRU, 3, 4, direction=direction)
        x = torch.randn(T, B, 3)
        last = 0 if direction == "backward" else T - 1
        p = passages(layer, x, loss=lambda out, t=last: out[0][t].square().sum())[0]
        flow = gradient_by_lag(p, n=3)
        assert flow.gradient.norms[:2].isnan().all(), "nothing enters the other steps"
        e = 2 * p.states["h"][last]
        for k in range(1, T):
            for b in range(B):
                want = by_autograd(layer, p, x, last, b, k)
                got = flow.gradient.norms[2, b, k]
                assert torch.allclose(got, (e[b] @ want).norm())


def test_final_states_enter_at_the_end_of_each_sequence():
    torch.manual_seed(0)
    layer = Recurrent(LSTM, 3, 4, direction="both")
    x = torch.randn(T, B, 3)
    forward, backward = passages(layer, x, LENGTHS, lambda out: out[1][0][0]["C"].sum())
    for b, n in enumerate(LENGTHS.tolist()):
        entering = torch.zeros(T, 4)
        entering[n - 1] = 1.0
        assert torch.equal(forward.entering["C"][:, b], entering)
    assert not backward.entering["C"].any()


def test_random_probes_estimate():
    _, _, p = passage(LSTM(), hidden=24)
    exact = gradient_by_lag(p, n=2, probes=24).jacobian.norms
    drawn = gradient_by_lag(p, n=2, probes=12).jacobian.norms
    met = exact.isfinite()
    assert ((drawn - exact)[met].abs() < 0.15 * exact[met]).all()
    assert torch.allclose(gradient_by_lag(p, n=2, probes=12).jacobian.norms[met], drawn[met])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ten_thousand_steps_of_decay(dtype):
    """W = 0.9 Q: every singular value of the product is 0.9^k, far below any number."""
    layer, _, _ = passage(Linear(), hidden=4, dtype=dtype)
    with torch.no_grad():
        torch.nn.init.orthogonal_(layer.directions[0][0].map_h).mul_(0.9)
    p = passages(layer, torch.randn(10_000, 1, 3, dtype=dtype))[0]
    spectrum = spectrum_by_lag(p, n=1, every=2_500)
    want = spectrum.lags * torch.tensor(0.9).log()
    error = (spectrum.logs[:, 0, 0] / want[:, None] - 1).abs().max()
    assert error < (1e-10 if dtype == torch.float64 else 1e-5)
    assert float(want[-1]) < -1000, "exp of it is 0 in any dtype"


def test_powers_of_a_matrix():
    """A linear network's Jacobian is a power of its matrix, here far from normal."""
    layer, x, _ = passage(Linear(), T=40, B=1)
    weight = layer.directions[0][0].map_h
    with torch.no_grad():
        weight.copy_(0.8 * weight / weight.norm() + torch.tensor([0.9, 0.5, 0.2, 0.1]).diag())
        weight[0, 3] += 2.0
    p = passages(layer, x)[0]
    spectrum = spectrum_by_lag(p, n=1)
    flow = gradient_by_lag(p, n=1, probes=4)
    with mpmath.workdps(60):
        matrix, power = mpmath.matrix(weight.tolist()), mpmath.eye(4)
        for k in range(1, 41):
            power = matrix * power
            want = mpmath.svd_r(power, compute_uv=False)
            logs = torch.tensor([float(mpmath.log(v)) for v in want])
            assert torch.allclose(spectrum.logs[k - 1, 0, 0], logs, rtol=1e-9, atol=1e-9)
            if k < 40:
                norm = torch.tensor(float(mpmath.sqrt(sum(v * v for v in want)))) / 2
                assert torch.allclose(flow.jacobian.norms[0, 0, k], norm, rtol=1e-10, atol=0)


def test_an_orthogonal_network_stays_at_one():
    layer, _, _ = passage(Linear(), hidden=6)
    with torch.no_grad():
        torch.nn.init.orthogonal_(layer.directions[0][0].map_h)
    p = passages(layer, torch.randn(2_000, 2, 3))[0]
    flow = gradient_by_lag(p, n=2)
    met = flow.jacobian.norms.isfinite()
    assert (flow.jacobian.norms[met] - 1).abs().max() < 1e-10
    assert flow.jacobian.verdict == "steady" and flow.jacobian.horizon() is None
    assert abs(flow.jacobian.rate) < 1e-12
    assert spectrum_by_lag(p, n=1, lags=500, every=100).logs.abs().max() < 1e-10
    assert (spectra(p, n=2).eigenvalues.abs() - 1).abs().max() < 1e-10


def test_products_far_apart():
    """Singular values that fall by thousands of nats from one to the next."""
    torch.manual_seed(0)
    q = torch.linalg.qr(torch.randn(5, 5)).Q
    values = torch.tensor([1.5, 1.0, 0.7, 0.2, 0.01])
    product = Product(q)
    for _ in range(2_000):
        product.multiply(q @ values.diag() @ q.T)
    assert torch.allclose(product.log_singular_values(), 2_000 * values.log(), rtol=1e-10)


def test_random_products_against_many_digits():
    torch.manual_seed(0)
    factors = torch.randn(60, 5, 5)
    logs = log_singular_values(factors)
    with mpmath.workdps(200):
        product = mpmath.eye(5)
        for k, a in enumerate(factors):
            product = mpmath.matrix(a.tolist()) * product
            want = [float(mpmath.log(v)) for v in mpmath.svd_r(product, compute_uv=False)]
            assert torch.allclose(logs[k], torch.tensor(want), rtol=1e-9, atol=1e-9)


def test_a_singular_value_of_zero():
    dead = torch.eye(3)
    dead[2, 2] = 0.0
    logs = log_singular_values([torch.eye(3), dead, torch.zeros(3, 3)])
    assert logs.tolist() == [[0, 0, 0], [0, 0, -torch.inf], [-torch.inf] * 3]


def test_the_largest_alone(monkeypatch):
    _, _, p = passage(LSTM(), "backward", LENGTHS, hidden=5)
    whole = spectrum_by_lag(p, n=2)
    got = log_norm(p, torch.tensor([0, 0]), torch.tensor([0, 2]), 3, rounds=200)
    assert torch.allclose(got, whole.logs[2, 1, [0, 2], 0], atol=1e-6)
    monkeypatch.setattr("throughtime.diagnose.spectrum.EXPENSIVE", 4)
    large = spectrum_by_lag(p, n=2, every=2)
    assert large.logs.shape == (3, 2, B, 1) and large.lags.tolist() == [2, 4, 6]
    want = whole.logs[1::2, ..., :1]
    met = want.isfinite()
    assert torch.equal(large.logs.isfinite(), met)
    assert (large.logs - want)[met].abs().max() < 0.02, "from below"
    assert spectrum_by_lag(p, n=1).lags.tolist() == [1, 2, 3, 4, 5, 6]
    long = passage(RNN(), hidden=5, T=40, B=1)[2]
    assert spectrum_by_lag(long, n=1).lags.tolist() == list(range(3, 41, 3)), "16 at most"
    assert spectrum_by_lag(long, n=1, lags=20).lags.tolist() == list(range(2, 21, 2))


def test_spectra_of_the_steps():
    _, _, p = passage(RNN(), lengths=LENGTHS)
    own = spectra(p, n=2)
    one = step_jacobian(p, own.t[1], torch.arange(B))
    assert torch.allclose(own.singular_values[1], torch.linalg.svdvals(one))
    sizes = own.eigenvalues[1].abs()
    assert (sizes.diff(dim=-1) <= 1e-12).all()
    assert torch.allclose(sizes.prod(-1), torch.linalg.det(one).abs())


def test_direct_paths():
    for cell, state, value in (
        (LSTM(), "C", lambda v: v["keep"]),
        (GRU(), "h", lambda v: 1 - v["update"]),
        (GRU("after"), "h", lambda v: 1 - v["update"]),
        (LeakyRNN(0.3), "h", lambda v: torch.tensor(0.7)),
        (RNN(), "h", lambda v: torch.tensor(0.0)),
    ):
        for direction in ("forward", "backward"):
            _, _, p = passage(cell, direction, LENGTHS)
            named = {n.name: v for n, v in zip(p.program.nodes, p.values.values(), strict=True)}
            want = torch.where(p.real[..., None], value(named), 0.0).expand(T, B, 4)
            assert torch.allclose(direct(p)[state], want)
    _, _, p = passage(LSTM())
    assert not direct(p)["h"].any(), "h has no path to itself but through the maps"


def test_of_a_cell_whose_units_see_only_themselves_direct_is_all():
    _, _, p = passage(IndRNN("tanh"))
    t, b = torch.tensor([2, 4]), torch.tensor([0, 1])
    assert torch.allclose(step_jacobian(p, t, b), direct(p)["h"][t, b].diag_embed())


@pytest.mark.parametrize("bad", [0, -1, 1.5, True, "4"])
@pytest.mark.parametrize(
    "call, name",
    [
        (gradient_by_lag, "n"), (gradient_by_lag, "probes"), (direct_by_lag, "n"),
        (spectra, "n"), (relu_cuts, "n"), (spectrum_by_lag, "n"), (spectrum_by_lag, "lags"),
        (spectrum_by_lag, "every"),
    ],
)  # fmt: skip
def test_bad_numbers(types_unchecked, call, name, bad):
    says = f"`{call.__name__}`: {name} is {bad!r}; expected a whole number, 1 or more"
    with pytest.raises(OptionError, match=says):
        call(passage(RNN("relu"))[2], **{name: bad})


def test_a_lag_past_the_beginning():
    p = passage(RNN(), lengths=LENGTHS)[2]
    with pytest.raises(OptionError, match="lag is 5; expected no more than the steps up to t"):
        log_norm(p, torch.tensor([3]), torch.tensor([2]), 5)
    with pytest.raises(OptionError, match="lag is 1; expected no more"):
        log_norm(p, torch.tensor([4]), torch.tensor([2]), 1)
    assert log_norm(p, torch.tensor([3]), torch.tensor([2]), 4).isfinite()


def test_norms_below_the_square_root_of_the_smallest_number():
    """In float32: 0.5^100 is a number, its square is not."""
    layer, x, _ = passage(Linear(), T=110, B=1, dtype=torch.float32)
    with torch.no_grad():
        layer.directions[0][0].map_h.copy_(0.5 * torch.eye(4))
    flow = gradient_by_lag(passages(layer, x)[0], n=1)
    assert torch.allclose(flow.jacobian.norms[0, 0, 100].double(), torch.tensor(0.5).pow(100))


def test_bad_modules_and_losses(types_unchecked):
    x = torch.randn(T, B, 3)
    with pytest.raises(OptionError, match="has no Recurrent; expected at least one"):
        passages(torch.nn.Linear(3, 3), x)
    layer = Recurrent(RNN, 3, 4)
    for loss, says in (
        (lambda out: out[0], r"loss has \(6, 3, 4\); expected one number"),
        (lambda out: out[0].sum().detach(), "loss has no gradient"),
        (lambda out: 3, "loss has int; expected one number"),
    ):
        with pytest.raises(OptionError, match=says):
            passages(layer, x, loss=loss)
    with pytest.raises(OptionError, match="sequences is 0; expected a whole number, 1 or more"):
        passages(layer, x, sequences=0)
    with pytest.raises(ShapeError, match="x has 0 steps; expected at least 1"):
        passages(layer, x[:0])
