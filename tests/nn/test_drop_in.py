"""`from throughtime import nn` in place of `from torch import nn` is the whole change."""

import builtins
import copy
import dis
import itertools
import pickle

import pytest
import torch
from torch.nn.utils import parametrizations

import throughtime.nn
from throughtime import nn

NAMES = ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")
LAYERS = NAMES[:3]
names = pytest.mark.parametrize("name", NAMES)
layers = pytest.mark.parametrize("name", LAYERS)


def pair(name: str, **options):
    torch.manual_seed(0)
    theirs = getattr(torch.nn, name)(3, 4, **options)
    ours = getattr(nn, name)(3, 4, **options)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def output(module, x):
    result = module(x if isinstance(module, torch.nn.RNNBase) else x[0])
    return result[0] if isinstance(result, tuple) else result


X = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(0))


@names
def test_is_torchs_class(name):
    theirs, ours = pair(name)
    assert isinstance(ours, getattr(torch.nn, name)) and type(ours) is not type(theirs)
    assert repr(ours) == repr(theirs)
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]


@names
def test_starts_as_torchs(name):
    torch.manual_seed(3)
    theirs = getattr(torch.nn, name)(3, 4)
    torch.manual_seed(3)
    ours = getattr(nn, name)(3, 4)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


@names
def test_weights_go_both_ways(name):
    theirs, ours = pair(name)
    torch.manual_seed(1)
    fresh = getattr(torch.nn, name)(3, 4)
    assert not torch.allclose(output(fresh, X), output(ours, X))
    fresh.load_state_dict(ours.state_dict(), strict=True)
    assert torch.allclose(output(fresh, X), output(ours, X), atol=1e-6)
    with pytest.raises(RuntimeError, match="Missing key"):
        ours.load_state_dict({}, strict=True)


@names
@pytest.mark.parametrize("how", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies(name, how):
    _, ours = pair(name)
    twin = how(ours)
    assert type(twin) is type(ours)
    assert torch.equal(output(twin, X), output(ours, X))
    for p in twin.parameters():
        p.data.add_(1.0)
    assert not torch.allclose(output(twin, X), output(ours, X))


@names
def test_it_is_throughtime_that_computes(name, monkeypatch):
    _, ours = pair(name)
    calls = []
    run = throughtime.nn.choose.run
    monkeypatch.setattr(
        throughtime.nn.choose, "run", lambda *a, **k: calls.append(1) or run(*a, **k)
    )
    output(ours, X)
    assert calls == [1]


def test_every_other_name_is_torchs():
    assert nn.Linear is torch.nn.Linear and nn.Module is torch.nn.Module
    assert nn.functional is torch.nn.functional and nn.utils is torch.nn.utils
    assert nn.Parameter is torch.nn.Parameter and nn.init is torch.nn.init
    with pytest.raises(AttributeError, match="no attribute 'Lniear'"):
        nn.Lniear  # noqa: B018


@names
def test_torchs_code_finds_its_names_here(name):
    """Every global that torch's `forward` reads is one of ours, or a builtin."""
    code = getattr(torch.nn, name).forward.__code__
    assert getattr(nn, name).forward.__code__ is code
    read = list(dis.get_instructions(code))
    globals_ = {i.argval for i in read if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    assert "_VF" in globals_ and "_VF" in code.co_names
    for used in globals_:
        assert used in vars(throughtime.nn) or hasattr(builtins, used), used
        if used != "_VF" and used in vars(throughtime.nn):
            assert vars(throughtime.nn)[used] is getattr(torch.nn.modules.rnn, used)
    native = {b.argval for a, b in itertools.pairwise(read) if a.argval == "_VF"}
    assert native and all(hasattr(throughtime.nn._VF, n) for n in native)


def test_a_script_trains():
    torch.manual_seed(0)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.LSTM(2, 16, batch_first=True, bidirectional=True)
            self.out = nn.Linear(32, 2)

        def forward(self, x):
            return self.out(self.rnn(x)[0][:, -1])

    x = torch.randn(64, 8, 2)
    target = (x[:, :, 0].sum(1) > 0).long()
    model = Model()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(30):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(model(x), target)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]


@layers
def test_flatten_parameters(name):
    theirs, ours = pair(name)
    ours.flatten_parameters()
    assert torch.allclose(output(ours, X), output(theirs, X), atol=1e-6)


@layers
@pytest.mark.usefixtures("types_unchecked")
def test_weight_norm(name):
    theirs, ours = pair(name)
    results = []
    for module in (theirs, ours):
        parametrizations.weight_norm(module, "weight_hh_l0")
        with torch.no_grad():
            module.parametrizations.weight_hh_l0.original0.mul_(0.5)
        y = output(module, X)
        y.pow(2).sum().backward()
        original = module.parametrizations.weight_hh_l0
        results.append([y, original.original0.grad, original.original1.grad])
    for a, b in zip(*results, strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    assert not torch.allclose(results[1][0], output(pair(name)[1], X))


def graphs_of(module, x):
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph.graph)
        return graph

    torch._dynamo.reset()
    y = torch.compile(module, backend=backend)(x)[0]
    return y, graphs


@layers
@pytest.mark.usefixtures("types_unchecked")
def test_compiled(name):
    """torch.compile breaks its graph at torch's layers, and so at ours, unless told otherwise."""
    theirs, ours = pair(name, num_layers=2)
    want = theirs(X)[0]
    (y, graphs), (z, other) = graphs_of(ours, X), graphs_of(theirs, X)
    assert torch.allclose(y, want, atol=1e-6) and torch.allclose(z, want, atol=1e-6)
    assert len(other) == 0
    with torch._dynamo.config.patch(allow_rnn=True):
        y, graphs = graphs_of(ours, X)
        assert torch.allclose(y, want, atol=1e-6)
        assert len(graphs) == 1
        loops = [n for n in graphs[0].nodes if "throughtime" in str(n.target)]
        assert len(loops) == 2
    torch._dynamo.reset()


@layers
@pytest.mark.usefixtures("types_unchecked")
def test_transforms(name):
    """What torch's own layers cannot do: gradients of single samples, and of gradients."""
    _, ours = pair(name)
    x = torch.randn(4, 5, 1, 3)
    p = {n: q.detach() for n, q in ours.named_parameters()}
    f = lambda p, x: torch.func.functional_call(ours, p, (x,))[0].pow(2).sum()  # noqa: E731
    each = torch.func.vmap(torch.func.grad(f), (None, 0))(p, x)
    for k, one in enumerate(x):
        want = torch.autograd.grad(ours(one)[0].pow(2).sum(), list(ours.parameters()))
        for n, w in zip(each, want, strict=True):
            assert torch.allclose(each[n][k], w, atol=1e-5)
