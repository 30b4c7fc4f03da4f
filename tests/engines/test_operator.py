"""The loop over time as one operator: what torch.compile and torch.export make of it."""

import io
import logging

import pytest
import torch
from catalogue import CELLS
from engines.calls import error, random_call
from engines.recorded import Recorded, only
from torch.func import functional_call, grad, jvp, vmap

from throughtime import GRU, LSTM, RNN, Recurrent
from throughtime.engines import operator
from throughtime.engines.cpu import CPU
from throughtime.engines.gradients import detached
from throughtime.engines.reference import Reference
from throughtime.errors import OptionError

pytestmark = [
    pytest.mark.usefixtures("types_unchecked"),
    # torch's own, in forward mode
    pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def compile_anew(monkeypatch):
    # torch writes this log, megabytes of it, only if someone listens, and pytest does
    monkeypatch.setattr(logging.getLogger("torch.__trace"), "propagate", False)
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def compiled(f, backend="aot_eager"):
    return torch.compile(f, fullgraph=True, backend=backend)


def operators(graph: torch.fx.Graph) -> list[str]:
    return [str(n.target) for n in graph.nodes if "throughtime" in str(n.target)]


def graph_of(f, *args) -> torch.fx.Graph:
    """The one graph that torch.compile makes of a call."""
    graphs = []

    def backend(module, inputs):
        graphs.append(module.graph)
        return module

    compiled(f, backend)(*args)
    (graph,) = graphs
    return graph


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # opcheck's own
@pytest.mark.parametrize(
    "name, lengths, resets, reverse",
    [
        ("rnn", "all", "never", False),
        ("rnn-softplus", "ragged", "never", True),
        ("lstm-everything", "all", "some", False),
        ("gru-before", "ragged", "some", True),
        ("leaky", "ragged", "some", False),
        ("indrnn", "all", "never", True),
    ],
)
def test_opcheck(name, lengths, resets, reverse):
    program = CELLS[name].program(3, 4)
    call = random_call(program, 5, 4, lengths=lengths, resets=resets, reverse=reverse)
    torch.library.opcheck(
        torch.ops.throughtime.forward.default,
        (program.json, "cpu", None, *operator.arguments(call)),
    )


@pytest.mark.parametrize(
    "engine, autocast, lengths, resets",
    [
        ("cpu", None, "ragged", "some"),
        ("reference", torch.bfloat16, "ragged", "some"),
        ("reference", torch.bfloat16, "all", "never"),
    ],
)
@pytest.mark.parametrize("name", CELLS)
def test_fake_results_are_like_the_real_ones(name, engine, autocast, lengths, resets):
    """Shapes, strides and dtypes of both operators, which autocast makes unlike one another."""
    program = CELLS[name].program(3, 4)
    call = random_call(program, 5, 4, lengths=lengths, resets=resets, dtype=torch.float32)
    given = operator.arguments(detached(call))
    ours, head = torch.ops.throughtime, (program.json, engine, autocast)
    torch.library.opcheck(ours.forward.default, (*head, *given), test_utils="test_faketensor")
    outputs, n = ours.forward(*head, *given), len(program.states)
    if name == "lstm":
        assert (torch.bfloat16 in {t.dtype for t in outputs}) == (autocast is not None)
    torch.library.opcheck(
        ours.backward.default,
        (*head, outputs[: 2 * n], outputs[:n], outputs[2 * n :], *given),
        test_utils="test_faketensor",
    )


LAYERS = {
    "plain": (RNN, {}),
    "both": (LSTM, {"direction": "both", "layers": 2}),
    "backward": (GRU("after"), {"direction": "backward", "batch_first": True}),
    "regularised": (
        LSTM,
        {"variational_dropout": 0.3, "zoneout": 0.2, "weight_drop": 0.3, "dropout": 0.3,
         "layers": 2},
    ),
    "everything": (CELLS["lstm-everything"], {"direction": "both", "merge": "concat"}),
}  # fmt: skip


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("key", LAYERS)
def test_compiled_equals_eager(key, ragged):
    cell, options = LAYERS[key]
    torch.manual_seed(0)
    layer = Recurrent(cell, 3, 4, dtype=torch.float64, **options).eval()
    x = torch.randn(4, 4, 3, dtype=torch.float64, requires_grad=True)
    given = {}
    if ragged:
        start = layer(x.detach())[1]
        start = tuple(
            tuple({n: s.detach() for n, s in w.items()} for w in directions) for directions in start
        )
        resets = torch.rand(4, 4) < 0.3
        resets[2] = True  # so that the initial states count, too
        given = {"lengths": torch.tensor([4, 0, 1, 3]), "resets": resets, "state": start}

    def run(f):
        y, final, states = f(x, return_states=True, **given)
        flat = [
            t
            for s in (final, states)
            for directions in s
            for direction in directions
            for t in direction.values()
        ]
        loss = sum((t * torch.linspace(-1, 1, t.numel(), dtype=t.dtype).view(t.shape)).sum()
                   for t in (y, *flat))  # fmt: skip
        return [y, *flat], torch.autograd.grad(loss, [x, *layer.parameters()])

    (outputs, gradients), (want, wanted) = run(compiled(layer)), run(layer)
    for a, b in zip(outputs, want, strict=True):
        assert error(a, b) < 1e-10
    names = ["x", *dict(layer.named_parameters())]
    for name, a, b in zip(names, gradients, wanted, strict=True):
        assert bool(b.any()), f"{name} has no gradient"
        assert error(a, b) < 1e-10, name


def test_compiled_in_training_mode_draws_masks_anew():
    torch.manual_seed(0)
    layer = Recurrent(LSTM, 3, 8, variational_dropout=0.5, zoneout=0.3, weight_drop=0.2).train()
    f, x = compiled(layer), torch.randn(6, 3, 3)
    first, second = f(x)[0], f(x)[0]
    assert not torch.equal(first, second)
    gradients = torch.autograd.grad(second.sum(), list(layer.parameters()))
    assert all(g.isfinite().all() and g.any() for g in gradients)
    assert torch.equal(layer.eval()(x)[0], layer(x)[0])


def test_the_loop_is_one_operator_whatever_T():
    layer = Recurrent(LSTM, 3, 4, layers=2, direction="both")
    counts = []
    for T in (10, 1000):
        torch._dynamo.reset()
        graph = graph_of(lambda x: layer(x)[0], torch.randn(T, 2, 3))
        assert len(operators(graph)) == 4
        counts.append(len(graph.nodes))
    assert counts[0] == counts[1]


def test_the_backward_graph_does_not_grow_with_T():
    from functorch.compile import make_boxed_func
    from torch._dynamo.backends.common import aot_autograd

    layer, counts = Recurrent(GRU("after"), 3, 4), []

    def count(module, inputs):
        counts[-1].append((len(module.graph.nodes), operators(module.graph)))
        return make_boxed_func(module.forward)

    for T in (10, 1000):
        torch._dynamo.reset()
        counts.append([])
        f = compiled(lambda x: layer(x)[0].sum(), aot_autograd(fw_compiler=count))
        f(torch.randn(T, 2, 3)).backward()
    assert counts[0] == counts[1] and len(counts[0]) == 2
    assert ["backward" in name for _, names in counts[0] for name in names] == [False, True]


def test_a_new_length_of_time_does_not_compile_for_ever():
    layer, graphs = Recurrent(RNN, 3, 4), []

    def backend(module, inputs):
        graphs.append(module)
        return module

    f = compiled(layer, backend)
    for T in (5, 6, 7, 8, 9, 30):
        x = torch.randn(T, 2, 3)
        assert torch.allclose(f(x)[0], layer(x)[0])
    assert len(graphs) == 2  # once for 5, once for any


@pytest.mark.slow
def test_inductor():
    layer = Recurrent(LSTM, 3, 4, layers=2, direction="both", dtype=torch.float64)
    x, lengths = torch.randn(6, 3, 3, dtype=torch.float64), torch.tensor([6, 0, 2])
    y = compiled(layer, "inductor")(x, lengths=lengths)[0]
    assert error(y, layer(x, lengths=lengths)[0]) < 1e-10
    got = torch.autograd.grad(y.pow(2).sum(), list(layer.parameters()), allow_unused=True)
    again = layer(x, lengths=lengths)[0].pow(2).sum()
    want = torch.autograd.grad(again, list(layer.parameters()), allow_unused=True)
    assert all(error(a, b) < 1e-10 for a, b in zip(got, want, strict=True))


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    "key", ["both", "backward", pytest.param("everything", marks=pytest.mark.slow)]
)
def test_export_save_and_load(key, strict):
    cell, options = LAYERS[key]
    layer = Recurrent(cell, 3, 4, **options | {"batch_first": False}).eval()

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x, lengths):
            y, state = self.layer(x, lengths=lengths)
            return y, state[0][0]["h"]

    T, B = torch.export.Dim("T"), torch.export.Dim("B")
    exported = torch.export.export(
        Model(),
        (torch.randn(5, 3, 3), torch.tensor([5, 0, 2])),
        dynamic_shapes=({0: T, 1: B}, {0: B}),
        strict=strict,
    )
    assert len(operators(exported.graph)) == sum(len(directions) for directions in layer.directions)
    file = io.BytesIO()
    torch.export.save(exported, file)
    file.seek(0)
    loaded = torch.export.load(file).module()
    for T, B in ((5, 3), (11, 2), (2, 7)):
        x, lengths = torch.randn(T, B, 3), torch.arange(B) % (T + 1)
        for got, want in zip(loaded(x, lengths), Model()(x, lengths), strict=True):
            assert torch.equal(got, want)


def transformed():
    torch.manual_seed(0)
    layer = Recurrent(RNN, 3, 4, dtype=torch.float64)
    parameters = {n: p.detach() for n, p in layer.named_parameters()}

    def loss(p, x):
        return functional_call(layer, p, (x,), {"lengths": torch.tensor([2, 1])})[0].pow(2).sum()

    x = torch.randn(3, 2, 2, 3, dtype=torch.float64)
    return layer, parameters, loss, x


def test_grad_inside_compile_is_the_plain_loop():
    layer, parameters, loss, x = transformed()
    got = compiled(grad(loss))(parameters, x[0])
    want = torch.autograd.grad(loss(dict(layer.named_parameters()), x[0]), list(layer.parameters()))
    for a, b in zip(got.values(), want, strict=True):
        assert error(a, b) < 1e-10
    # and after it the operator is back
    assert len(operators(graph_of(lambda x: layer(x)[0], x[0]))) == 1


def test_gradients_of_samples_inside_compile():
    _, parameters, loss, x = transformed()
    f = vmap(grad(loss), (None, 0))
    got, want = compiled(f)(parameters, x), f(parameters, x)
    assert all(error(got[n], want[n]) < 1e-10 for n in want)


def test_jvp_inside_compile():
    layer, _, _, x = transformed()
    x = x[0].clone()  # inside compile, torch's forward mode fails on a view
    f = lambda x: jvp(lambda x: layer(x)[0], (x,), (x + 1,))[1]  # noqa: E731
    assert error(compiled(f)(x), f(x)) < 1e-12


def test_autocast_inside_compile():
    layer, x = Recurrent(LSTM, 3, 16), torch.randn(6, 2, 3)

    def run(f):
        layer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            y = f(x)[0]
        y.float().pow(2).sum().backward()
        return [y.float(), *(p.grad.clone() for p in layer.parameters())]

    (y, *got), (eager, *want) = run(compiled(layer)), run(layer)
    assert error(y, eager) < 1e-2 and error(y, layer(x)[0]) > 0
    assert all(error(a, b) < 0.05 for a, b in zip(got, want, strict=True))


def test_the_operator_itself_is_the_reference():
    program = CELLS["gru-after"].program(3, 4)
    call = random_call(program, 5, 4, lengths="ragged", resets="some", reverse=True)
    from throughtime.engines.reference.forward import forward

    a, b = operator.run(program, call), forward(program, call)
    assert error(a.states[0], b.states[0]) < 1e-12 and error(a.final[0], b.final[0]) < 1e-12


@pytest.mark.parametrize("engine", [None, "cpu", "reference"])
def test_the_engine_that_is_named_runs_under_compile(engine):
    layer = Recurrent(LSTM, 3, 4, engine=engine)
    x, ran = torch.randn(5, 2, 3), []
    with only(Recorded(CPU(), ran, "cpu "), Recorded(Reference(), ran, "reference ")):
        y = compiled(layer)(x)[0]
        y.sum().backward()
    name = engine or "cpu"
    assert ran == [f"{name} compiled forward", f"{name} compiled backward"]
    torch.testing.assert_close(y, layer(x)[0])


@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`")
def test_an_engine_that_is_named_and_cannot_run_the_call_raises_under_compile():
    layer = Recurrent(LSTM, 3, 4, engine="cpu", dtype=torch.bfloat16)
    x = torch.randn(5, 2, 3, dtype=torch.bfloat16)
    for run in (layer, torch.compile(layer)):
        with pytest.raises(OptionError, match='engine is "cpu"; expected "reference" here because'):
            run(x)
