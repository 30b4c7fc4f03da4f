"""Half types on the reference engine: sums over a row are float32, the rest as the call has it."""

import pytest
import torch
import torch.nn.functional as F
from catalogue import CELLS
from engines.calls import error, leaves, random_call

from throughtime import Recurrent, affine
from throughtime.cells import Cell
from throughtime.diagnose.passage import passages
from throughtime.engines.call import Call
from throughtime.engines.flat import flatten, layout, restore
from throughtime.engines.reference.backward import backward, weight_gradients
from throughtime.engines.reference.forward import forward

pytestmark = pytest.mark.usefixtures("types_unchecked")

TOLERANCE = {torch.float16: 0.05, torch.bfloat16: 0.25}  # relative to the largest value
half_types = pytest.mark.parametrize("dtype", TOLERANCE)


class Normalised(Cell):
    states = ("h",)

    def step(self, x, h):
        return torch.tanh(F.layer_norm(x, (x.width,)) + affine("b", h))


class OfSums(Cell):
    """What is made of sums over rows alone is read by a map, is a state, and is a condition."""

    states = {"h": None, "level": 1}

    def step(self, x, h, level):
        spread = torch.var(affine("v", x, h, size=h.width + 7), dim=-1, keepdim=True)
        mean = torch.mean(h, dim=-1, keepdim=True)
        total = torch.sum(x, dim=-1, keepdim=True)
        size = torch.where(total > 0, torch.sqrt(spread + 1), total)
        scale = affine("scale", size, total, mean, size=1)
        return torch.tanh(affine("b", h, spread) * scale + level), size


MORE = CELLS | {"of-sums": OfSums()}


def halved(call: Call, dtype: torch.dtype) -> Call:
    """The call in a half type; its numbers are those of the other, rounded."""

    row = [t.detach().to(dtype).requires_grad_(t.requires_grad) for t in flatten(call)]
    return restore(layout(call), row)[0]


@half_types
@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_layer_norm_of_a_large_row_is_that_of_torch(dtype, scale):
    """Its variance, a million, is no number of float16."""
    torch.manual_seed(0)
    x = (torch.randn(3, 2, 8) * scale).to(dtype)
    layer = Recurrent(Normalised, 8, 8, initial_state="zeros", dtype=dtype)
    torch.nn.init.zeros_(layer.get_parameter("directions.0.0.b_h"))
    torch.nn.init.zeros_(layer.get_parameter("directions.0.0.b_bias"))
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    y, want = layer(ours)[0], torch.tanh(F.layer_norm(theirs, (8,)))
    g = torch.randn(y.shape).to(dtype)
    y.backward(g)
    want.backward(g)
    assert ours.grad is not None and theirs.grad is not None and y.dtype == dtype
    assert error(y.float(), want.float()) < TOLERANCE[dtype] / 10
    assert theirs.grad.abs().max() > 0
    assert error(ours.grad.float() * scale, theirs.grad.float() * scale) < TOLERANCE[dtype]


@half_types
def test_layer_norm_under_autocast(dtype):
    """Maps give half types there, with rows as large."""
    torch.manual_seed(0)
    layer = Recurrent(CELLS["lstm-layer-norm"], 4, 6)
    x = torch.randn(5, 3, 4)
    with torch.no_grad():
        for name, p in layer.named_parameters():
            if name.endswith("_x"):
                p.normal_(std=1000.0)
    want = layer(x)[0]
    with torch.autocast("cpu", dtype):
        y = layer(x)[0]
    assert error(y.float(), want) < TOLERANCE[dtype]


@half_types
@pytest.mark.parametrize("name, sizes", [(name, (3, 5)) for name in MORE] + [("of-sums", (1, 1))])
def test_forward_backward_and_autograd_are_those_of_float64(name, sizes, dtype):
    program = MORE[name].program(*sizes)
    call = random_call(program, 5, 4, lengths="ragged", resets="some")
    low = halved(call, dtype)
    call = halved(low, torch.float64)
    results = []
    for each in (call, low):
        torch.manual_seed(1)
        result = forward(program, each)
        outputs = [*result.states, *result.final]
        given = [torch.randn(o.shape, dtype=torch.float64).to(o.dtype) for o in outputs]
        auto = torch.autograd.grad(outputs, leaves(each), given, allow_unused=True)
        n = len(result.states)
        with torch.no_grad():
            kept = forward(program, each, save=True)
            back = backward(program, each, kept, given[:n], given[n:])
            dweights = weight_gradients(program, back)
        bias = [] if back.dbias is None else [back.dbias]
        own = [back.dx, *back.dstart, *back.dinitial, *dweights, *bias, *back.dvectors]
        tensors = [*outputs, *[a for a in auto if a is not None], *own, back.dz]
        assert {t.dtype for t in tensors if t is not None} == {each.x.dtype}
        results.append(tensors)
    for want, got in zip(*results, strict=True):
        assert error(got.double(), want) < TOLERANCE[dtype]


@half_types
def test_a_map_of_sums_is_valued_over_all_steps(dtype):
    torch.manual_seed(0)
    layer = Recurrent(OfSums, 3, 5, dtype=dtype)
    x = torch.randn(4, 2, 3).to(dtype)
    (passage,) = passages(layer, x)
    values, y = passage.values, layer(x)[0]
    program = passage.program
    assert error(values[program.outputs["h"]].double(), y.double()) < TOLERANCE[dtype]
