"""The plain loop under every transform of torch, for every cell."""

import copy
import pickle

import pytest
import torch
import torch.utils.checkpoint
from catalogue import CELLS
from engines.calls import error
from torch.func import functional_call, grad, jacfwd, jacrev, jvp, vmap

from throughtime import LSTM, Recurrent

pytestmark = [
    pytest.mark.usefixtures("types_unchecked"),
    # torch's own, in forward mode
    pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning"),
]
cells = pytest.mark.parametrize("name", CELLS)
DOUBLE = torch.float64


def layer_of(name: str, **options) -> Recurrent:
    """A small layer in eval mode: noise is off, so that every call gives the same."""
    torch.manual_seed(0)
    layer = Recurrent(CELLS[name], 3, 4, dtype=DOUBLE, **options).eval()
    with torch.no_grad():
        for p in layer.parameters():
            p.add_(torch.randn_like(p) * 0.1)
    return layer


def data(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=DOUBLE, generator=torch.Generator().manual_seed(1))


def loss_of(layer: Recurrent, x: torch.Tensor, parameters=None, **options) -> torch.Tensor:
    y, state = functional_call(layer, parameters or {}, (x,), options)
    return (y**2).sum() + sum((s**3).sum() for s in state[0][0].values())


def gradients(layer, x, **options) -> dict[str, torch.Tensor]:
    values = torch.autograd.grad(loss_of(layer, x, **options), list(layer.parameters()))
    return dict(zip(dict(layer.named_parameters()), values, strict=True))


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    for key in a:
        assert error(a[key], b[key]) < 1e-10, key


@cells
def test_grad_equals_autograd(name):
    layer, x = layer_of(name), data(4, 2, 3)
    lengths = torch.tensor([4, 2])
    parameters = {n: p.detach() for n, p in layer.named_parameters()}
    got = grad(lambda p: loss_of(layer, x, p, lengths=lengths))(parameters)
    same(got, gradients(layer, x, lengths=lengths))


@cells
def test_jacobians_agree(name):
    """Reverse, forward and by central differences."""
    layer, x = layer_of(name, direction="both"), data(3, 1, 3)

    def f(x):
        return layer(x)[0]

    reverse, forward = jacrev(f)(x), jacfwd(f)(x)
    assert error(forward, reverse) < 1e-10
    direction = data(3, 1, 3).flip(0)
    value, push = jvp(f, (x,), (direction,))
    assert error(value, f(x)) < 1e-12
    assert error(push, torch.tensordot(reverse, direction, 3)) < 1e-10
    step = 1e-6
    differences = (f(x + step * direction) - f(x - step * direction)) / (2 * step)
    assert error(push, differences.detach()) < 1e-6


@cells
def test_vmap_over_inputs(name):
    layer, x = layer_of(name), data(3, 4, 2, 3)
    got = vmap(lambda x: layer(x, lengths=[4, 2])[0])(x)
    assert error(got, torch.stack([layer(one, lengths=[4, 2])[0] for one in x])) < 1e-12


def test_vmap_over_lengths_and_resets():
    layer, x = layer_of("lstm", direction="both"), data(3, 4, 2, 3)
    lengths = torch.tensor([[4, 0], [1, 2], [3, 4]])
    resets = torch.rand(3, 4, 2) < 0.5
    got = vmap(lambda x, n, r: layer(x, lengths=n, resets=r)[0])(x, lengths, resets)
    each = zip(x, lengths, resets, strict=True)
    want = torch.stack([layer(a, lengths=n, resets=r)[0] for a, n, r in each])
    assert error(got, want) < 1e-12


@cells
def test_gradients_of_single_samples(name):
    layer, x = layer_of(name), data(3, 4, 1, 3)
    parameters = {n: p.detach() for n, p in layer.named_parameters()}
    got = vmap(grad(lambda p, x: loss_of(layer, x, p)), (None, 0))(parameters, x)
    each = [gradients(layer, one) for one in x]
    same(got, {n: torch.stack([g[n] for g in each]) for n in got})


@cells
def test_double_gradients(name):
    """A gradient penalty against forward over reverse."""
    layer, x = layer_of(name), data(3, 2, 3).requires_grad_()
    (first,) = torch.autograd.grad(loss_of(layer, x), x, create_graph=True)
    v = data(3, 2, 3).flip(0)
    (second,) = torch.autograd.grad((first * v).sum(), x)
    with torch.no_grad():
        _, want = jvp(grad(lambda x: loss_of(layer, x)), (x.detach(),), (v,))
    assert second.abs().max() > 0 and error(second, want) < 1e-9


@cells
def test_autocast(name):
    layer = layer_of(name).float()
    x = data(5, 2, 3).float()
    with torch.autocast("cpu", torch.bfloat16):
        y, _ = layer(x)
    gradients = torch.autograd.grad(y.float().pow(2).sum(), list(layer.parameters()))
    want = layer(x)[0]
    assert 0 < error(y.float(), want) < 0.05  # rounded to 8 bits somewhere, and only there
    wanted = torch.autograd.grad(want.pow(2).sum(), list(layer.parameters()))
    largest = max(w.abs().max() for w in wanted)
    for p, got, w in zip(layer.parameters(), gradients, wanted, strict=True):
        assert got.dtype == p.dtype and (got - w).abs().max() < 0.05 * largest


@cells
@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpoint(name, reentrant):
    layer, x = layer_of(name), data(4, 2, 3).requires_grad_()
    y = torch.utils.checkpoint.checkpoint(lambda x: layer(x)[0], x, use_reentrant=reentrant)
    y.pow(2).sum().backward()
    got = [p.grad.clone() for p in layer.parameters()]
    layer.zero_grad()
    layer(x)[0].pow(2).sum().backward()
    for g, p in zip(got, layer.parameters(), strict=True):
        assert error(g, p.grad) < 1e-12


def test_checkpoint_draws_the_same_masks_again():
    layer = layer_of("lstm", variational_dropout=0.5, zoneout=0.2).train()
    x = data(6, 3, 3).requires_grad_()
    gradients = []
    for checkpointed in (False, True):
        torch.manual_seed(3)
        layer.zero_grad()
        f = lambda x: layer(x)[0]  # noqa: E731
        if checkpointed:
            y = torch.utils.checkpoint.checkpoint(f, x, use_reentrant=False)
        else:
            y = f(x)
        y.pow(2).sum().backward()
        gradients.append([p.grad.clone() for p in layer.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


class Half(torch.nn.Module):
    def forward(self, weight):
        return weight / 2


def test_parametrize():
    layer, x = layer_of("lstm"), data(4, 2, 3)
    direction = layer.directions[0][0]
    before = layer(x)[0]
    original = direction.keep_h.detach().clone()
    torch.nn.utils.parametrize.register_parametrization(direction, "keep_h", Half())
    changed = layer(x)[0]
    assert error(changed, before) > 1e-3
    changed.sum().backward()
    assert direction.parametrizations.keep_h.original.grad.abs().max() > 0
    plain = layer_of("lstm")
    plain.directions[0][0].keep_h.data.copy_(original / 2)
    assert torch.equal(changed, plain(x)[0])
    torch.nn.utils.parametrize.remove_parametrizations(
        direction, "keep_h", leave_parametrized=False
    )
    assert torch.equal(layer(x)[0], before)


def test_two_forwards_before_two_backwards():
    layer = layer_of("gru-after")
    xs = data(4, 2, 3), data(6, 3, 3)
    ys = [layer(x)[0].pow(2).sum() for x in xs]
    for x, y in zip(xs, ys, strict=True):
        want = torch.autograd.grad(layer(x)[0].pow(2).sum(), list(layer.parameters()))
        got = torch.autograd.grad(y, list(layer.parameters()), retain_graph=True)
        again = torch.autograd.grad(y, list(layer.parameters()))
        assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))
        assert all(torch.equal(a, b) for a, b in zip(got, again, strict=True))


@cells
def test_weights_changed_in_place_are_seen(name):
    layer, x = layer_of(name), data(4, 2, 3)
    before = layer(x)[0]
    for p in layer.parameters():
        saved = p.data.clone()
        p.data.add_(torch.randn_like(p))
        assert not torch.equal(layer(x)[0], before)
        p.data.copy_(saved)
    assert torch.equal(layer(x)[0], before)


@cells
@pytest.mark.parametrize("how", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_stand_on_their_own(name, how):
    layer, x = layer_of(name), data(4, 2, 3)
    layer(x)
    twin = how(layer)
    assert torch.equal(twin(x)[0], layer(x)[0])
    before = layer(x)[0]
    for p in twin.parameters():
        p.data.add_(1.0)
    assert torch.equal(layer(x)[0], before) and not torch.equal(twin(x)[0], before)
    same(gradients(layer, x), gradients(layer_of(name), x))


@cells
def test_meta_device(name):
    layer = Recurrent(CELLS[name], 3, 4, layers=2, direction="both", device="meta")
    y, state = layer(torch.empty(5, 2, 3, device="meta"), lengths=torch.tensor([5, 0]))
    real = Recurrent(CELLS[name], 3, 4, layers=2, direction="both")
    want, want_state = real(torch.randn(5, 2, 3), lengths=torch.tensor([5, 0]))
    assert y.is_meta and y.shape == want.shape
    for a, b in zip(state[1][1].values(), want_state[1][1].values(), strict=True):
        assert a.is_meta and a.shape == b.shape


def test_meta_then_to_empty():
    layer = Recurrent(LSTM, 3, 4, device="meta").to_empty(device="cpu")
    torch.manual_seed(0)
    for direction in layer.directions[0]:
        direction.reset_parameters()
    torch.manual_seed(0)
    plain, x = Recurrent(LSTM, 3, 4), torch.randn(5, 2, 3)
    assert torch.equal(layer(x)[0], plain(x)[0])
