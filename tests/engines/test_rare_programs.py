"""Programs on which the CPU engine was wrong once, against autograd through the reference engine:
what is known before the loop, what backward keeps of it, and layers without a parameter."""

import pytest
import torch

from throughtime import Cell, Recurrent, affine, mask, noise, parameter
from throughtime.bptt import Checkpointed, Full, Truncated, backward
from throughtime.engines.cpu.loops import forward_loop
from throughtime.engines.cpu.native import native
from throughtime.engines.cpu.run import tensors
from throughtime.engines.derived import LoopMode
from throughtime.inference import Stream
from throughtime.program import trace


class ByParameter(Cell):
    states = ("h",)

    def step(self, x, h):
        return torch.where(parameter("p") > 0, torch.tanh(affine("a", h, x)), h)


class ByInput(Cell):
    states = ("h",)

    def step(self, x, h):
        a = torch.tanh(affine("a", h, x))
        return torch.where(affine("b", x) > 0, a, -a)


class ByMask(Cell):
    states = ("h",)

    def step(self, x, h):
        return torch.where(mask(0.5) > 0, h, -h) + 0.1 * torch.tanh(affine("a", h, x))


class ByAllOfThem(Cell):
    states = ("h",)

    def step(self, x, h):
        known = (affine("b", x) > 0) & (noise() < 0.3)
        drawn = ~known | (mask(0.5, fixed=True) > parameter("p"))
        a = affine("a", h, x)
        return torch.where(drawn, torch.tanh(a), torch.sin(a) * torch.sin(affine("c", x)))


class NumbersAlone(Cell):
    """Forward values made of a number are computed again after the loop."""

    states = ("h",)

    def step(self, x, h):
        gated = torch.tanh(affine("q", x)) * (1 - torch.sigmoid(affine("r", x)))
        return torch.tanh(affine("t", h, gated))


class LastInput(Cell):
    """The second state is known before the loop."""

    states = ("h", "last")

    def step(self, x, h, last):
        return torch.tanh(affine("t", h, last)), torch.tanh(affine("q", x))


class ReadTwice(Cell):
    """A value known ahead is a new state, and an operand within the step."""

    states = ("h", "last")

    def step(self, x, h, last):
        seen = torch.tanh(affine("q", x))
        return torch.tanh(affine("t", h, seen) * last), seen


class MapOfAMap(Cell):
    """A new state that is known ahead is what another map ahead is made of."""

    states = ("h", "seen")

    def step(self, x, h, seen):
        first = affine("first", x, bias=False)
        return h * 0.5 + torch.tanh(affine("t", seen)), torch.tanh(affine("second", first)) + first


class Mapped(Cell):
    states = ("first", "second")

    def step(self, x, first, second):
        first = affine("first", x, bias=False)
        return first, torch.sigmoid(affine("second", mask(0.7, fixed=True) + first))


class ByVariance(Cell):
    """What is made of forward values alone is needed within the loop backward and after it."""

    states = ("h",)

    def step(self, x, h):
        spread = torch.var(x, dim=-1, correction=0, keepdim=True)
        return affine("a", torch.where(spread > 0.5, h, x.mean(-1, keepdim=True) * spread))


class TwoWidths(Cell):
    """The gradient at `a` is a product as wide as it, and one of width 1 for all its units."""

    states = ("h",)

    def step(self, x, h):
        a = affine("a", h, x)
        total = a.sum(-1, keepdim=True)
        return affine("b", a + 0.25, total)


class Accumulator(Cell):
    states = ("h",)

    def step(self, x, h):
        return h + x


CELLS = [ByParameter, ByInput, ByMask, ByAllOfThem, NumbersAlone, LastInput, ReadTwice, MapOfAMap,
         Mapped, ByVariance, TwoWidths]  # fmt: skip


def run(layer, x, wants):
    torch.manual_seed(3)
    x = x.clone().requires_grad_(wants)
    y, state = layer(x)
    weight = torch.linspace(0.5, 1.5, y.numel(), dtype=y.dtype).reshape(y.shape)
    (y * weight).sum().backward()
    gradients = {n: p.grad for n, p in layer.named_parameters() if p.grad is not None}
    return y.detach(), gradients | ({"x": x.grad} if wants else {})


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("wants", [False, True])
@pytest.mark.parametrize("batch, inputs", [(1, 64), (3, 64), (3, 4), (1, 3)])
@pytest.mark.parametrize("cell", CELLS)
def test_agrees(cell, batch, inputs, wants, recompute):
    torch.manual_seed(0)
    layer = Recurrent(cell, inputs, 4, recompute=recompute, engine="cpu", dtype=torch.float64)
    truth = Recurrent(cell, inputs, 4, engine="reference", dtype=torch.float64)
    truth.load_state_dict(layer.state_dict())
    x = torch.randn(6, batch, inputs, dtype=torch.float64)
    y, gradients = run(layer, x, wants)
    expected, wanted = run(truth, x, wants)
    torch.testing.assert_close(y, expected)
    for name, gradient in wanted.items():
        torch.testing.assert_close(gradients[name], gradient, msg=name)


def test_a_condition_of_a_parameter_by_hand():
    class Signs(Cell):
        states = ("h",)

        def step(self, x, h):
            return torch.where(parameter("p") > 0, x, -x)

    layer = Recurrent(Signs, 4, 4, engine="cpu")
    with torch.no_grad():
        layer.directions[0][0].p.copy_(torch.tensor([1.0, -1.0, -1.0, 1.0]))
    y, _ = layer(torch.ones(3, 2, 4))
    assert y.tolist() == [[[1.0, -1.0, -1.0, 1.0]] * 2] * 3


def test_a_sequence_alone_is_as_in_a_batch():
    torch.manual_seed(0)
    layer = Recurrent(ByInput, 64, 5)
    x = torch.randn(7, 3, 64)
    together, _ = layer(x)
    for k in range(3):
        torch.testing.assert_close(layer(x[:, k : k + 1])[0], together[:, k : k + 1])


def test_numbers_of_another_kind_are_refused():
    """A loop would read booleans as floats, past their end."""
    program = trace(
        lambda x, h: torch.where(parameter("p") > 0, h, x), {"h": 4}, cell="C", input_size=4,
        hidden_size=4,
    )  # fmt: skip
    module, mode = native(), LoopMode(hoist=True)
    loop = forward_loop(program, mode, False, 1)
    x, h = torch.ones(2, 1, 4), torch.ones(1, 4)
    groups = {"x": (x,), "bias": (torch.zeros(0),), "part": {}, "state": (x,), "start": (h,),
              "final": (h,), "initial": (h,)}  # fmt: skip
    for known in (torch.ones(4) > 0, torch.ones(4, dtype=torch.float64)):
        [condition] = [i for name, i in loop.tensors if name == "known"]
        given = tensors(loop, {**groups, "known": {condition: known}})
        with pytest.raises(TypeError, match="numbers of another kind than the call"):
            module.run([(loop.native, given, (), (), False, 0)], False, 2, 1, 0, 0, 1)


@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
@pytest.mark.parametrize("engine", [None, "cpu", "reference"])
def test_a_layer_without_any_parameter(direction, engine):
    """The accumulator of every lecture."""
    layer = Recurrent(Accumulator, 3, 3, direction=direction, engine=engine, dtype=torch.float64,
                      initial_state="zeros")  # fmt: skip
    assert list(layer.parameters()) == [] and layer.state_dict() == {}
    x = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    y, _ = layer(x)
    sums = {"forward": x.cumsum(0), "backward": x.flip(0).cumsum(0).flip(0)}
    sums["both"] = torch.cat([*sums.values()], -1)
    torch.testing.assert_close(y, sums[direction])
    y.sum().backward()
    steps = torch.arange(5, 0, -1, dtype=torch.float64)
    count = {"forward": steps, "backward": steps.flip(0), "both": torch.full((5,), 6.0)}[direction]
    torch.testing.assert_close(x.grad, count[:, None, None].double().expand(5, 2, 3))


def test_a_layer_without_any_parameter_goes_on_as_others():
    layer = Recurrent(Accumulator, 3, 3, initial_state="zeros").to(torch.float64)
    x = torch.randn(6, 1, 3, dtype=torch.float64)
    stream = Stream(layer)
    total = [stream.step(row.numpy()).copy() for row in x[:, 0]][-1]
    torch.testing.assert_close(torch.from_numpy(total), x[:, 0].sum(0))
    for mode, reach in ((Full(), [6, 5, 4, 3, 2, 1]), (Truncated(2), [2, 1, 2, 1, 2, 1]),
                        (Checkpointed(2), [6, 5, 4, 3, 2, 1])):  # fmt: skip
        given = x.clone().requires_grad_()
        value, _ = backward(mode, layer, given, read=lambda total, y, start: total + y.sum()
                            if total is not None else y.sum())  # fmt: skip
        torch.testing.assert_close(value, x.cumsum(0).sum())
        assert given.grad is not None
        assert given.grad[:, 0, 0].tolist() == reach


@pytest.mark.parametrize("engine", ["cpu", "reference"])
@pytest.mark.parametrize("width", [1, 3])
def test_a_new_state_that_is_a_number(width, engine):
    class Constant(Cell):
        states = {"h": width, "C": width}

        def step(self, x, h, C):
            return 2.0, torch.tanh(affine("a", h, x, size=width))

    layer = Recurrent(Constant, 3, width, engine=engine)
    y, [[state]] = layer(torch.randn(4, 2, 3))
    assert y.tolist() == [[[2.0] * width] * 2] * 4
    assert state["h"].tolist() == [[2.0] * width] * 2
    state["C"].sum().backward()
    assert layer.directions[0][0].a_h.grad.abs().sum() > 0


class Larger(Cell):
    """The state C is often what it is compared with: where x is negative, `v` is the same at each
    step."""

    states = ("h", "C")

    def step(self, x, h, C):
        v = affine("v", affine("u", torch.relu(x)), bias=False)
        new = v + (h > 0)
        return affine("a", new, torch.maximum(C, v)), new


@pytest.mark.parametrize("recompute", [False, True])
def test_a_gradient_goes_one_way_where_equal_values_are_compared(recompute):
    """Computed twice with other rounding, each side could take the other one for the larger."""
    for seed in range(20):
        torch.manual_seed(seed)
        layer = Recurrent(Larger, 1, 8, recompute=recompute, engine="cpu", dtype=torch.float64,
                          initial_state="zeros")  # fmt: skip
        truth = Recurrent(Larger, 1, 8, engine="reference", dtype=torch.float64,
                          initial_state="zeros")  # fmt: skip
        truth.load_state_dict(layer.state_dict())
        x = torch.randn(4, 3, 1, dtype=torch.float64)
        _, gradients = run(layer, x, True)
        _, wanted = run(truth, x, True)
        for name, gradient in wanted.items():
            torch.testing.assert_close(gradients[name], gradient, msg=f"{name}, seed {seed}")


@pytest.mark.parametrize("engine", ["cpu", "reference"])
@pytest.mark.parametrize("steps, batch", [(0, 2), (3, 0)])
def test_a_variance_of_no_row_says_nothing(steps, batch, engine):
    """torch warns of it; a warning is an error in these tests."""
    x = torch.randn(steps, batch, 64, requires_grad=True)
    y, _ = Recurrent(ByVariance, 64, 3, engine=engine)(x)
    assert y.shape == (steps, batch, 3)
    if y.requires_grad:
        y.sum().backward()
