"""A third engine, written here in a few lines, is one more object in the list: all that the others
do it does, and no file of the package knows of it."""

import pytest
import torch
from catalogue import CELLS
from engines.calls import error
from engines.recorded import only

from throughtime import GRU, LSTM, Recurrent, nn
from throughtime.diagnose import diagnose
from throughtime.engines import ENGINES, Engine, Result
from throughtime.engines.parameters import pack
from throughtime.engines.reference import Reference
from throughtime.errors import OptionError
from throughtime.inference import Stream

LIMIT = 8
REFERENCE = Reference()


class Toy(Engine):
    """No more than `LIMIT` steps, in float64; its own layout of what is saved: upside down."""

    name = "toy"

    def __init__(self):
        self.ran = []

    def why_never(self, program, device, dtype, autocast):
        return None if dtype == torch.float64 else f"{dtype} is too coarse for a toy"

    def why_not(self, program, call):
        T = len(call.x)
        if T > LIMIT:
            return f"a toy runs {LIMIT} steps and x has {T}"
        return self.why_never(program, call.x.device.type, call.x.dtype, None)

    def forward(self, program, call, *, save=False):
        self.ran.append("forward")
        with torch.no_grad():
            states, final, saved = REFERENCE.forward(program, pack(call), save=save)
        return Result(states, final, tuple(t.neg() for t in saved))

    def backward(self, program, call, result, dstates, dfinal, *, dx=True, dstart=True):
        self.ran.append("backward")
        saved = tuple(t.neg() for t in result.saved)
        result = Result(result.states, (), saved)
        return REFERENCE.backward(program, pack(call), result, dstates, dfinal)

    def weight_gradients(self, program, gradients):
        return REFERENCE.weight_gradients(program, gradients)

    def result_like(self, program, call):
        return REFERENCE.result_like(program, call)


@pytest.fixture
def toy():
    with only(Toy(), *ENGINES) as (toy, *_):
        yield toy


def outputs_and_gradients(run, layer, x, **options):
    layer.zero_grad()
    torch.manual_seed(1)  # the same noise
    x = x.clone().requires_grad_()
    y, state = run(x, **options)
    loss = y.sin().sum() + sum(s.cos().sum() for way in state[-1] for s in way.values())
    return [y, x.grad, *torch.autograd.grad(loss, [x, *layer.parameters()])]


def same(got, want):
    for a, b in zip(got, want, strict=True):
        assert (a is None) == (b is None)
        assert a is None or (error(a, b) < 1e-11 and bool(b.any()))


def layer_and_x(cell=LSTM, **options):
    torch.manual_seed(0)
    layer = Recurrent(cell, 3, 4, dtype=torch.float64, **options)
    return layer, torch.randn(6, 2, 3, dtype=torch.float64)


@pytest.mark.parametrize("engine", [None, "toy"])
@pytest.mark.parametrize("name", CELLS)
def test_forward_and_backward(toy, name, engine):
    layer, x = layer_and_x(CELLS[name], direction="both", engine=engine)
    got = outputs_and_gradients(layer, layer, x, lengths=[6, 4])
    assert toy.ran == ["forward"] * 2 + ["backward"] * 2
    with only(REFERENCE):
        for direction in layer.directions[0]:
            direction.engine = None
        same(got, outputs_and_gradients(layer, layer, x, lengths=[6, 4]))


def test_a_drop_in(toy):
    """Of torch's GRU one bias has its numbers in two places."""
    torch.manual_seed(0)
    ours, x = nn.GRU(3, 4, dtype=torch.float64), torch.randn(6, 2, 3, dtype=torch.float64)
    theirs = torch.nn.GRU(3, 4, dtype=torch.float64)
    theirs.load_state_dict(ours.state_dict())
    for module in (ours, theirs):
        module(x)[0].sin().sum().backward()
    assert toy.ran == ["forward", "backward"]
    same([p.grad for p in ours.parameters()], [p.grad for p in theirs.parameters()])


def test_inference_of_both_directions_and_of_a_stream(toy):
    layer, x = layer_and_x(GRU, direction="both")
    with torch.no_grad():
        layer(x)
    assert toy.ran == ["forward"] * 2
    layer, x = layer_and_x(GRU, layers=2)
    toy.ran.clear()
    steps = [torch.from_numpy(Stream(layer.eval(), 2).step(x[0].numpy()).copy())]
    assert toy.ran == ["forward"] * 2
    same(steps, [layer(x)[0][0]])


def test_gradients_of_gradients(toy):
    layer, x = layer_and_x(GRU)
    assert torch.autograd.gradgradcheck(lambda x: layer(x)[0], x.requires_grad_())


def test_a_diagnosis(toy):
    layer, x = layer_and_x()
    (got,) = diagnose(layer, x, loss=lambda out: out[0][-1].sin().sum())
    assert {*toy.ran} == {"forward", "backward"}
    with only(REFERENCE):
        (want,) = diagnose(layer, x, loss=lambda out: out[0][-1].sin().sum())
    assert want.flow.jacobian.norms.nansum() > 0
    torch.testing.assert_close(got.flow.jacobian.norms, want.flow.jacobian.norms, equal_nan=True)


@pytest.mark.parametrize("engine", [None, "toy"])
def test_inside_torch_compile(toy, engine, types_unchecked):
    torch._dynamo.reset()
    layer, x = layer_and_x(GRU, engine=engine)
    want = outputs_and_gradients(layer, layer, x)
    toy.ran.clear()
    run = torch.compile(layer, fullgraph=True, backend="aot_eager")
    same(outputs_and_gradients(run, layer, x), want)
    assert toy.ran == ["forward", "backward"]
    torch._dynamo.reset()


def test_inside_torch_compile_the_next_that_can(toy, types_unchecked):
    torch._dynamo.reset()
    layer = Recurrent(GRU, 3, 4)
    x = torch.randn(6, 2, 3)
    y = torch.compile(layer, fullgraph=True, backend="aot_eager")(x)[0]
    assert toy.ran == [] and error(y, layer(x)[0]) < 1e-6
    torch._dynamo.reset()


def test_what_it_refuses(toy):
    layer, x = layer_and_x(engine="toy")
    with pytest.raises(
        OptionError,
        match='^`LSTM`: engine is "toy"; expected "cpu" here because a toy runs 8 steps and x has '
        "12. Leave engine out to let throughtime choose.$",
    ):
        layer(torch.cat([x, x]))
    with pytest.raises(OptionError, match='expected "reference" here because a torch.func'):
        torch.func.vmap(lambda x: layer(x)[0])(x[:, :, None].transpose(0, 1))
    free, _ = layer_and_x()
    free(torch.cat([x, x]))
    assert toy.ran == []


def test_its_name_is_known_only_while_it_is_there():
    with pytest.raises(OptionError, match="engine is 'toy'; expected 'cpu' or 'reference', or"):
        Recurrent(LSTM, 3, 4, engine="toy")
    with (
        only(Toy(), *ENGINES),
        pytest.raises(
            OptionError, match="engine is 'top'; expected 'toy' or 'cpu' or 'reference', or"
        ),
    ):
        Recurrent(LSTM, 3, 4, engine="top")
