"""The pointwise operations: how torch spells them, evaluates them, and their derivatives.

One table, read by everything else: tracing looks a torch function up in it, the reference
engine calls `evaluate`, the adjoint is built from `derivative`. A derivative is written on
symbols: from the gradient g at the result y and the arguments it gives the gradient at each
argument (None: there is none), with torch's own conventions at kinks and ties.
"""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F

aten = torch.ops.aten


@dataclass(frozen=True)
class Pointwise:
    """One operation; `attributes` are its numbers by name with torch's defaults."""

    name: str
    arity: int
    evaluate: Callable[..., Any]
    derivative: Callable[..., tuple[Any, ...]] | None = None
    spellings: tuple[Any, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    numbers: bool = True  # whether `evaluate` takes Python numbers beside tensors


def where(condition: Any, a: Any, b: Any) -> Any:
    """`torch.where` on whatever is being traced."""
    return torch.where(condition, a, b)


def _pow(g, y, a, b):
    if isinstance(b, float):
        return (None if b == 0 else g * (b * a ** (b - 1))), None
    if isinstance(a, float):
        log = math.log(a) if a > 0 else -math.inf if a == 0 else math.nan
        power = y * log
        return None, g * (where(b >= 0, 0.0, power) if a == 0 else power)
    base = where(b == 0, 0.0, g * (b * a ** (b - 1)))
    return base, g * where((a == 0) & (b >= 0), 0.0, y * torch.log(a))


def _extreme(g, a, b, loses):
    """A tie shares the gradient between both arguments."""
    return where(loses, 0.0, where(a == b, g * 0.5, g))


def _gelu(g, y, x, approximate):
    if approximate == "none":
        density = torch.exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))
        return (g * ((torch.erf(x * math.sqrt(0.5)) + 1) * 0.5 + x * density),)
    inner = (x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)
    slope = (x * x * (3 * 0.044715) + 1) * math.sqrt(2 / math.pi)
    tanh = torch.tanh(inner)
    return (g * ((tanh + 1) * 0.5 + x * 0.5 * (1 - tanh * tanh) * slope),)


def _silu(g, y, x):
    gate = torch.sigmoid(x)
    return (g * (gate * (x * (1 - gate) + 1)),)


def _softplus(g, y, x, beta, threshold):
    return (where(x * beta > threshold, g, g * torch.sigmoid(x * beta)),)


def _clamp(g, y, x, min, max):
    if min is None or max is None:
        inside = x <= max if min is None else x >= min
    else:
        inside = (x >= min) & (x <= max)
    return (where(inside, g, 0.0),)


def _hardsigmoid(x):
    """torch's own has 1/6 in float32 in its derivative, and no second derivative."""
    return F.hardtanh(x + 3, 0.0, 6.0) / 6


T = torch.Tensor
_OPERATIONS = (
    Pointwise("add", 2, torch.add, lambda g, y, a, b: (g, g), (torch.add, T.add)),
    Pointwise("sub", 2, torch.sub, lambda g, y, a, b: (g, -g), (torch.sub, T.sub)),
    Pointwise("mul", 2, torch.mul, lambda g, y, a, b: (g * b, g * a), (torch.mul, T.mul)),
    Pointwise("div", 2, torch.div, lambda g, y, a, b: (g / b, -g * (y / b)), (torch.div, T.div)),
    Pointwise("pow", 2, torch.pow, _pow, (torch.pow, T.pow)),
    Pointwise("neg", 1, torch.neg, lambda g, y, x: (-g,), (torch.neg, torch.negative, T.neg)),
    Pointwise("exp", 1, torch.exp, lambda g, y, x: (g * y,), (torch.exp, T.exp)),
    Pointwise("log", 1, torch.log, lambda g, y, x: (g / x,), (torch.log, T.log)),
    Pointwise("sqrt", 1, torch.sqrt, lambda g, y, x: (g / (y * 2),), (torch.sqrt, T.sqrt)),
    Pointwise("sin", 1, torch.sin, lambda g, y, x: (g * torch.cos(x),), (torch.sin, T.sin)),
    Pointwise("cos", 1, torch.cos, lambda g, y, x: (-g * torch.sin(x),), (torch.cos, T.cos)),
    Pointwise(
        "erf",
        1,
        torch.erf,
        lambda g, y, x: (g * (torch.exp(-(x * x)) * (2 / math.sqrt(math.pi))),),
        (torch.erf, T.erf, torch.special.erf),
    ),
    Pointwise("abs", 1, torch.abs, lambda g, y, x: (g * torch.sign(x),), (torch.abs, T.abs)),
    Pointwise("sign", 1, torch.sign, lambda g, y, x: (None,), (torch.sign, T.sign)),
    Pointwise("tanh", 1, torch.tanh, lambda g, y, x: (g * (1 - y * y),), (torch.tanh, T.tanh)),
    Pointwise(
        "sigmoid",
        1,
        torch.sigmoid,
        lambda g, y, x: (g * ((1 - y) * y),),
        (torch.sigmoid, T.sigmoid, torch.special.expit),
    ),
    Pointwise(
        "relu",
        1,
        torch.relu,
        lambda g, y, x: (where(y <= 0, 0.0, g),),
        (torch.relu, T.relu, F.relu),
    ),
    Pointwise(
        "leaky_relu",
        1,
        F.leaky_relu,
        lambda g, y, x, negative_slope: (where(x > 0, g, g * negative_slope),),
        (F.leaky_relu,),
        {"negative_slope": 0.01},
    ),
    Pointwise(
        "elu",
        1,
        aten.elu,
        lambda g, y, x, alpha, scale: (
            where(x <= 0, g * (torch.exp(x) * (alpha * scale)), g * scale),
        ),
        (F.elu, aten.elu),
        {"alpha": 1.0, "scale": 1.0},
    ),
    Pointwise("gelu", 1, F.gelu, _gelu, (F.gelu,), {"approximate": "none"}),
    Pointwise("silu", 1, F.silu, _silu, (F.silu,)),
    Pointwise(
        "softplus", 1, F.softplus, _softplus, (F.softplus,), {"beta": 1.0, "threshold": 20.0}
    ),
    Pointwise(
        "hardsigmoid",
        1,
        _hardsigmoid,
        lambda g, y, x: (where((x > -3.0) & (x < 3.0), g * (1 / 6), 0.0),),
        (F.hardsigmoid,),
    ),
    Pointwise(
        "hardtanh",
        1,
        F.hardtanh,
        lambda g, y, x, min_val, max_val: (where((x <= min_val) | (x >= max_val), 0.0, g),),
        (F.hardtanh,),
        {"min_val": -1.0, "max_val": 1.0},
    ),
    Pointwise("clamp", 1, torch.clamp, _clamp, (torch.clamp, T.clamp), {"min": None, "max": None}),
    Pointwise(
        "maximum",
        2,
        torch.maximum,
        lambda g, y, a, b: (_extreme(g, a, b, a < b), _extreme(g, a, b, a > b)),
        (torch.maximum, T.maximum),
        numbers=False,
    ),
    Pointwise(
        "minimum",
        2,
        torch.minimum,
        lambda g, y, a, b: (_extreme(g, a, b, a > b), _extreme(g, a, b, a < b)),
        (torch.minimum, T.minimum),
        numbers=False,
    ),
    Pointwise(
        "where",
        3,
        torch.where,
        lambda g, y, c, a, b: (None, where(c, g, 0.0), where(c, 0.0, g)),
        (torch.where,),
        numbers=False,
    ),
    Pointwise("lt", 2, operator.lt, None, (torch.lt, T.lt)),
    Pointwise("le", 2, operator.le, None, (torch.le, T.le)),
    Pointwise("gt", 2, operator.gt, None, (torch.gt, T.gt)),
    Pointwise("ge", 2, operator.ge, None, (torch.ge, T.ge)),
    Pointwise("eq", 2, operator.eq, None, (torch.eq, T.eq)),
    Pointwise("ne", 2, operator.ne, None, (torch.ne, T.ne)),
    Pointwise("and", 2, torch.logical_and, None, (torch.logical_and,), numbers=False),
    Pointwise("or", 2, torch.logical_or, None, (torch.logical_or,), numbers=False),
    Pointwise("not", 1, torch.logical_not, None, (torch.logical_not,)),
)

POINTWISE = {operation.name: operation for operation in _OPERATIONS}
# how many of an operation's arguments, the first ones, are conditions
CONDITION_ARGUMENTS = {"where": 1, "and": 2, "or": 2, "not": 1}
CONDITIONS = ("lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not")


def _lerp(a, b, weight):
    """From the end that is nearer, as torch: exact at both."""
    near_a, near_b = a + weight * (b - a), b - (b - a) * (1 - weight)
    if isinstance(weight, int | float):
        return near_a if abs(weight) < 0.5 else near_b
    return where(torch.abs(weight) < 0.5, near_a, near_b)


# torch functions that are a few of the above
COMPOSED: dict[Any, Callable[..., Any]] = {
    torch.square: lambda x: x * x,
    torch.reciprocal: lambda x: 1 / x,
    torch.rsqrt: lambda x: 1 / torch.sqrt(x),
    torch.lerp: _lerp,
    T.where: lambda a, condition, b: where(condition, a, b),
    # F.elu has no scale
    F.selu: lambda x, inplace=False: aten.elu(
        x, 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
    ),
    F.softsign: lambda x: x / (torch.abs(x) + 1),
    # beyond 40, exp(-x) is below the precision of float64 beside x
    F.logsigmoid: lambda x: -F.softplus(-x, 1.0, 40.0),
    F.hardswish: lambda x, inplace=False: x * F.hardsigmoid(x),
    F.mish: lambda x, inplace=False: x * torch.tanh(F.softplus(x)),
    F.relu6: lambda x, inplace=False: F.hardtanh(x, 0.0, 6.0),
    F.tanhshrink: lambda x: x - torch.tanh(x),
}
COMPOSED[torch.selu] = COMPOSED[F.selu]
for _name in ("square", "reciprocal", "rsqrt", "lerp"):
    COMPOSED[getattr(T, _name)] = COMPOSED[getattr(torch, _name)]

# the activations a person may name
ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "hardsigmoid": F.hardsigmoid,
    "hardtanh": F.hardtanh,
    "saturated_linear": lambda x: F.hardtanh(x, 0.0, 1.0),
    "identity": lambda x: x,
    "abs": torch.abs,
    "sin": torch.sin,
    "cos": torch.cos,
    "exp": torch.exp,
}
