"""Every pointwise operation against the torch function it stands for: values and derivatives.

Derivatives are those the adjoint is built from, run by the interpreter beside this file; what
they should be is autograd of torch's function, at the edges too.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from program.interpreter import OPERATIONS, backward, forward

from throughtime import adjoint
from throughtime.program import trace
from throughtime.program.pointwise import ACTIVATIONS, COMPOSED, CONDITIONS, POINTWISE

inf, nan = math.inf, math.nan
DTYPES = [torch.float64, torch.float32]
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)

UNARY = {
    "neg": torch.neg,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "sin": torch.sin,
    "cos": torch.cos,
    "erf": torch.erf,
    "abs": torch.abs,
    "sign": torch.sign,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "leaky_relu": F.leaky_relu,
    "leaky_relu-slope": lambda x: F.leaky_relu(x, 0.3),
    "leaky_relu-negative-slope": lambda x: F.leaky_relu(x, -0.5),
    "elu": F.elu,
    "elu-alpha": lambda x: F.elu(x, alpha=0.4),
    "selu": F.selu,
    "gelu": F.gelu,
    "gelu-tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "softplus": F.softplus,
    "softplus-options": lambda x: F.softplus(x, beta=0.5, threshold=1.5),
    "hardtanh": F.hardtanh,
    "hardtanh-range": lambda x: F.hardtanh(x, -0.5, 3.0),
    "clamp": lambda x: torch.clamp(x, -1.0, 0.5),
    "clamp-min": lambda x: torch.clamp(x, min=-1.0),
    "clamp-max": lambda x: torch.clamp(x, max=0.5),
    "clamp-nothing-between": lambda x: torch.clamp(x, 1.0, -1.0),
    "add-number": lambda x: x + 0.7,
    "sub-number": lambda x: 1.5 - x,
    "mul-number": lambda x: -2 * x,
    "div-number": lambda x: x / 3,
    "number-div": lambda x: 3 / x,
    **{f"pow-{b}": lambda x, b=b: x**b for b in (0, 1, 2, 0.5, -1, 3, -0.5, 2.5)},
    **{f"{a}-pow": lambda x, a=a: a**x for a in (2, 0.5, 0.0, -0.0, 1, -2.0)},
    "where-numbers": lambda x: torch.where(x > 0, x, 0.5),
    "where-other": lambda x: torch.where(x <= 0.5, -1.0, x * x),
    "where-both": lambda x: torch.where((x > -1) & (x < 1), x, 2 * x),
    "where-either": lambda x: torch.where((x == 1) | ~(x != -1), x * 3, x),
    "where-method": lambda x: x.where(x >= 0, -x),
    "square": torch.square,
    "reciprocal": torch.reciprocal,
    "rsqrt": torch.rsqrt,
    "softsign": F.softsign,
    "logsigmoid": F.logsigmoid,
    "mish": F.mish,
    "relu6": F.relu6,
    "tanhshrink": F.tanhshrink,
}
BINARY = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "pow": torch.pow,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "where-lt": lambda a, b: torch.where(a < b, a, b),
    "where-le": lambda a, b: torch.where(torch.le(a, b), a * b, b),
    "where-gt": lambda a, b: torch.where(a > b, b * 0.5, a),
    "where-ge": lambda a, b: torch.where(torch.ge(a, b), b, a),
    "where-eq": lambda a, b: torch.where(a == b, a, 2 * b),
    "where-ne": lambda a, b: torch.where(a != b, a, 2 * b),
    "clamp-min-symbol": lambda a, b: torch.clamp(a, min=b),
    "clamp-max-symbol": lambda a, b: torch.clamp(a, max=b),
    "lerp-number": lambda a, b: torch.lerp(a, b, 0.3),
    "lerp-far-number": lambda a, b: torch.lerp(a, b, 0.8),
    "lerp": lambda a, b: torch.lerp(a, b, torch.sigmoid(a * b)),
    "rsub": torch.rsub,
}


def edges(dtype):
    """Zeros, denormals, kinks of every operation, large and not finite numbers."""
    info = torch.finfo(dtype)
    tiny = info.smallest_normal
    kinks = [0.5, 1.0, 1.5, 3.0, 6.0, 2.0, 20.0]
    near = [k + s * info.eps * 4 for k in kinks for s in (-1, 1)]
    sizes = [tiny / 4, tiny, info.eps, 1e-4, 0.3, 7.0, 25.0, 40.0, 1e3, 1e30, info.max / 16]
    positive = [0.0, *kinks, *near, *sizes, inf]
    return torch.tensor([*positive, *(-v for v in positive), nan], dtype=dtype)


def points(dtype, arity):
    generator = torch.Generator().manual_seed(3)
    random = torch.randn(arity, 200, generator=generator, dtype=dtype) * 2
    edge = edges(dtype)
    if arity == 1:
        return [torch.cat([random[0], edge])]
    few = edge[:: 1 if dtype == torch.float64 else 3]
    a, b = torch.meshgrid(few, few, indexing="ij")
    return [torch.cat([random[0], a.flatten()]), torch.cat([random[1], b.flatten()])]


def program_of(function, n, arity):
    names = ("a", "b")[:arity]

    def step(x, *states):
        return function(*states), *states[1:]

    return trace(step, dict.fromkeys(names, n), cell="Function", input_size=1, hidden_size=n)


def ours(function, args, g):
    """The value and the gradients by the program and its adjoint."""
    n = len(g)
    program = program_of(function, n, len(args))
    states = {name: a[None] for name, a in zip(("a", "b"), args, strict=False)}
    values = forward(program, {}, g[None, :1], states)
    gradients = {name: torch.zeros_like(g)[None] for name in states} | {"a": g[None]}
    back = backward(adjoint(program), {}, values, gradients)
    zero = torch.zeros_like(g)
    derivatives = [back[f"dstate_{s}"][0] if f"dstate_{s}" in back else zero for s in states]
    return values[program.outputs["a"]][0], derivatives


def torchs(function, args, g):
    args = [a.clone().requires_grad_() for a in args]
    y = function(*args)
    if not y.requires_grad:
        return y, [torch.zeros_like(g) for _ in args]
    derivatives = torch.autograd.grad(y, args, g, allow_unused=True)
    return y.detach(), [torch.zeros_like(g) if f is None else f for f in derivatives]


# where torch rounds a sum that nearly cancels otherwise than we do, so many units of eps
CANCELS = {"tanh": 4, "gelu": 8, "gelu-tanh": 8, "mish": 4, "hardswish": 2, "lerp-number": 8,
           "lerp-far-number": 8, "lerp": 8}  # fmt: skip


def close(got, want, args, loose):
    """Not finite numbers exactly; others to some units in the last place."""
    info = torch.finfo(got.dtype)
    rtol = 1e-12 if got.dtype == torch.float64 else 2e-6
    atol = loose + 8 * info.tiny * info.eps
    finite = got.isfinite() & want.isfinite()
    same = (got == want) | (got.isnan() & want.isnan())
    wrong = ~same & ~(finite & ((got - want).abs() <= rtol * want.abs() + atol))
    rows = [(*(float(a[i]) for a in args), float(got[i]), float(want[i]))
            for i in wrong.nonzero()[:8, 0]]  # fmt: skip
    assert rows == [], "at, got, want"


def compare(name, function, dtype, arity, keep=lambda *args: ...):
    args = points(dtype, arity)
    args = [a[keep(*args)] for a in args]
    n = len(args[0])
    random = torch.randn(n, generator=torch.Generator().manual_seed(4), dtype=dtype)
    scale = CANCELS.get(name, 0) * torch.finfo(dtype).eps
    wild = torch.tensor([inf, -inf, nan, 0.0, 2.0], dtype=dtype).repeat(n // 5 + 1)[:n]
    gradients = [torch.ones(n, dtype=dtype), random]
    # what is composed of several operations may meet inf - inf or 0 * inf on the way
    gradients += [wild] if name not in CANCELS and name != "rsqrt" else []
    for g in gradients:
        y, derivatives = ours(function, args, g)
        wanted, auto = torchs(function, args, g)
        loose = scale * (sum(a.nan_to_num(0, 0, 0).abs() for a in args) + 1) if scale else 0.0
        close(y, wanted, args, loose)
        for d, w in zip(derivatives, auto, strict=True):
            close(d, w, args, loose * g.nan_to_num(0, 0, 0).abs() * 2 if scale else 0.0)


@every_dtype
@pytest.mark.parametrize("name", [*UNARY])
def test_of_one_argument(name, dtype):
    compare(name, UNARY[name], dtype, 1)


@every_dtype
def test_of_hardsigmoid(dtype):
    """torch rounds the slope, 1/6, to float32: ours is compared with the slope itself."""

    def hardsigmoid(x):
        if not isinstance(x, torch.Tensor):
            return F.hardsigmoid(x)
        inside = (x > -3) & (x < 3)
        return torch.where(inside, (x + 3) / 6, F.hardsigmoid(x).detach())

    compare("hardsigmoid", hardsigmoid, dtype, 1)


@every_dtype
@pytest.mark.parametrize("name", [*BINARY])
def test_of_two_arguments(name, dtype):
    compare(name, BINARY[name], dtype, 2)


@every_dtype
def test_of_hardswish(dtype):
    """Not at nan, which it passes on: the gradient of torch is 1 there, ours is nan."""
    compare("hardswish", F.hardswish, dtype, 1, keep=lambda x: x == x)


@every_dtype
def test_of_clamp_between_symbols(dtype):
    """Not where torch's gradient follows the bounds alone: equal ones, or x that is nan."""

    def clamp(a, b):
        return torch.clamp(a, min=b, max=0.5 * b)

    compare("clamp", clamp, dtype, 2, keep=lambda a, b: (b != b * 0.5) & (a == a))


def test_every_operation_is_compared():
    seen = set()
    for arity, functions in ((1, UNARY), (2, BINARY)):
        for function in functions.values():
            seen |= {node.op for node in program_of(function, 3, arity).nodes}
    assert {*POINTWISE} - seen == {"hardsigmoid"} - seen
    assert {*OPERATIONS} == {*POINTWISE}
    named = {getattr(f, "__name__", "") for f in [*UNARY.values(), *BINARY.values()]}
    composed = {f.__name__ for f in COMPOSED} - named
    assert composed == {"lerp", "where", "hardswish"}  # compared with options, above


@every_dtype
@pytest.mark.parametrize("name", [n for n in POINTWISE if n not in ("where", "clamp")])
def test_evaluation_takes_numbers_in_any_place(name, dtype):
    """As engines call it: bit for bit what torch gives for tensors."""
    operation = POINTWISE[name]
    x = points(dtype, 1)[0]
    given = operation.attributes
    assert_same(operation.evaluate(*[x] * operation.arity, **given),
                OPERATIONS[name](*[x] * operation.arity, **given))  # fmt: skip
    if operation.arity == 2 and operation.numbers:
        whole = torch.full_like(x, 0.75)
        close_to_tensors = [
            (operation.evaluate(x, 0.75), OPERATIONS[name](x, whole)),
            (operation.evaluate(0.75, x), OPERATIONS[name](whole, x)),
        ]
        for got, want in close_to_tensors:
            torch.testing.assert_close(got, want, equal_nan=True)


def assert_same(got, want):
    assert got.dtype == want.dtype
    if got.dtype.is_floating_point:
        torch.testing.assert_close(got, want, equal_nan=True)
    else:
        assert torch.equal(got, want)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_by_name_are_traced(name):
    compare(name, ACTIVATIONS[name], torch.float64, 1) if name != "hardsigmoid" else None


def test_conditions_have_no_derivative():
    assert {n for n, o in POINTWISE.items() if o.derivative is None} == {*CONDITIONS}
