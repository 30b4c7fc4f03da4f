"""Symbols: what the equations of a cell see in place of tensors while they are traced.

A symbol stands for a row `(B, width)`. Arithmetic, comparisons and torch's own functions
(through `__torch_function__`) on symbols add nodes to a graph. What has no meaning in a
program raises `TraceError` with the line of the cell and what to write instead.
"""

import inspect
import linecache
import math
import sys
from collections.abc import Callable
from numbers import Real
from pathlib import Path
from typing import Any, NoReturn

import jaxtyping
import torch
import torch.nn.functional as F

from throughtime.errors import TraceError, nearest
from throughtime.program.graph import Graph
from throughtime.program.hints import HINTS
from throughtime.program.pointwise import (
    COMPOSED,
    CONDITION_ARGUMENTS,
    CONDITIONS,
    POINTWISE,
    Pointwise,
)

_HERE = Path(__file__).parent
_BETWEEN = [Path(str(module.__file__)).parent for module in (torch, jaxtyping)]


def line_of_the_cell() -> str:
    """`file:line: source` of the innermost frame that is neither tracing, torch nor type checks."""
    frame = sys._getframe(1)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        between = path.name.startswith("<@beartype") or any(b in path.parents for b in _BETWEEN)
        if path.parent != _HERE and not between:
            source = linecache.getline(str(path), frame.f_lineno).strip()
            return f"{path.name}:{frame.f_lineno}" + (f": `{source}`" if source else "")
        frame = frame.f_back
    return "the cell"


def refuse(fact: str, instead: str) -> NoReturn:
    raise TraceError(f"{line_of_the_cell()}: {fact}. {instead}")


class Symbol:
    """One row of a program being traced; `width` is its number of units."""

    __hash__ = object.__hash__

    def __init__(self, graph: Graph, index: int) -> None:
        self.graph = graph
        self.index = index

    @property
    def width(self) -> int:
        return self.graph.nodes[self.index].width

    def __repr__(self) -> str:
        node = self.graph.nodes[self.index]
        return f"Symbol({node.op}, width={node.width})"

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if kwargs.pop("inplace", False):
            refuse(f"{_name(function)}(inplace=True)", "A symbol cannot be changed; drop inplace.")
        if function in _SPELLINGS:
            return apply(_SPELLINGS[function], args, kwargs)
        if function in _FUNCTIONS:
            return _call(function, args, kwargs)
        name = _name(function)
        near = nearest(name, SUPPORTED)
        if any(isinstance(a, torch.Tensor) for a in args):
            refuse(
                f"{name} mixes a tensor with the symbols of the cell",
                'Write `affine("name", x)` for W·x + b and `parameter("name", size)` for a vector.',
            )
        hint = HINTS.get(name.removeprefix("linalg_"))
        if hint is not None:
            refuse(f"{name} cannot be traced", hint)
        refuse(
            f"{name} cannot be traced",
            (f"Did you mean {near}? " if near else "") + f"Known: {', '.join(SUPPORTED)}.",
        )

    def __bool__(self) -> bool:
        refuse(
            "the truth of a symbol is not known while the cell is traced",
            "Write `torch.where(condition, a, b)` instead of `if`, `and`, `or`, `not`.",
        )

    def _no_number(self, *args: Any, **kwargs: Any) -> NoReturn:
        refuse(
            "a symbol is not a number or an array",
            "Use torch's functions on it (`torch.tanh`, not `math.tanh` or `numpy.tanh`).",
        )

    __float__ = __int__ = __index__ = __array__ = _no_number  # type: ignore

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> "Symbol":
        """A number of numpy's before an operator comes here; an array or a function is refused."""
        operation = _UFUNCS.get(ufunc.__name__)
        if operation is None or not all(isinstance(i, Symbol | Real) for i in inputs):
            self._no_number()
        return apply(POINTWISE[operation], inputs, {})

    def _no_parts(self, *args: Any) -> NoReturn:
        refuse(
            "a symbol has no parts to select, count or loop over",
            'Write one `affine("name", ...)` for each part.',
        )

    __getitem__ = __setitem__ = __iter__ = __len__ = __contains__ = _no_parts

    def _no_operation(self, *args: Any) -> NoReturn:
        refuse(
            "a symbol has no @, //, %, ^ and the like",
            'Write `affine("name", x)` for W·x, and + - * / ** and comparisons of symbols.',
        )

    __matmul__ = __floordiv__ = __mod__ = __divmod__ = __xor__ = __round__ = _no_operation
    __rmatmul__ = __rfloordiv__ = __rmod__ = __rdivmod__ = __rxor__ = _no_operation

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in HINTS:
            refuse(f"a symbol has no attribute {name!r}", HINTS[name])
        near = nearest(name, [*SUPPORTED, "width"])
        refuse(
            f"a symbol has no attribute {name!r}",
            f"Did you mean {near!r}?" if near else "Its size is `.width`.",
        )


def symbol(value: Any, graph: Graph) -> Symbol:
    """A symbol as it is; a number, or a tensor that holds one, as a constant."""
    if isinstance(value, Symbol):
        if value.graph is not graph:
            refuse("a symbol of another cell is used here", "Use only what `step` was given.")
        return value
    if isinstance(value, torch.Tensor) and value.dim() == 0:
        value = value.item()
    if isinstance(value, Real):
        return Symbol(graph, graph.constant(float(value)))
    refuse(
        f"{type(value).__name__} among the equations",
        'A program holds numbers, symbols and `parameter("name", size)`.',
    )


def number(value: Any, graph: Graph) -> Symbol:
    """A symbol to reckon with: a condition as 1 where it holds and 0 elsewhere."""
    value = symbol(value, graph)
    is_condition = graph.nodes[value.index].op in CONDITIONS
    return torch.where(value, 1.0, 0.0) if is_condition else value  # type: ignore


def fit(widths: list[int], what: str) -> int:
    """The width of a result; a width of 1 fits every other."""
    width = max(widths)
    if any(w not in (1, width) for w in widths):
        refuse(
            f"{what} of widths {' and '.join(map(str, widths))}, which do not fit together",
            'Bring them to one width with `affine("name", ..., size=...)`.',
        )
    return width


def apply(operation: Pointwise, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Symbol:
    """Add a pointwise operation on symbols and numbers."""
    arrays = [*args[: operation.arity]]
    numbers = args[operation.arity :]
    for name in ("input", "other", "self", "exponent", "condition"):
        if len(arrays) < operation.arity and name in kwargs:
            arrays.append(kwargs.pop(name))
    graph = next((a.graph for a in arrays if isinstance(a, Symbol)), None)
    if operation.name in ("add", "sub") and kwargs.get("alpha", 1) == 1:
        kwargs.pop("alpha", None)
    given = dict(zip(operation.attributes, numbers, strict=False)) | kwargs
    wrong = [k for k in given if k not in operation.attributes]
    if graph is None or len(arrays) != operation.arity or wrong or len(numbers) > len(given):
        refuse(
            f"{operation.name} with {len(args)} arguments {wrong or ''}".rstrip(),
            f"It takes {operation.arity} and {', '.join(operation.attributes) or 'no options'}.",
        )
    attributes = operation.attributes | given
    if any(isinstance(v, Symbol | torch.Tensor) for v in attributes.values()):
        if operation.name == "clamp":
            return _clamp(arrays[0], **attributes)
        refuse(f"an option of {operation.name} is not a number", "Give a plain number.")
    if operation.name == "clamp" and attributes["min"] is None and attributes["max"] is None:
        refuse("clamp without a bound", "Give min, max or both.")
    conditions = CONDITION_ARGUMENTS.get(operation.name, 0)
    symbols = [(symbol if k < conditions else number)(a, graph) for k, a in enumerate(arrays)]
    if operation.name == "where" and graph.nodes[symbols[0].index].op not in CONDITIONS:
        symbols[0] = torch.ne(symbols[0], 0)  # type: ignore[arg-type]
    width = fit([s.width for s in symbols], operation.name)
    return Symbol(graph, graph.add(operation.name, [s.index for s in symbols], width, **attributes))


def _clamp(x: Any, min: Any, max: Any) -> Symbol:
    """As torch, unlike maximum: a tie gives x all the gradient, and what is nan none."""
    if min is not None:
        x = torch.where(x >= min, x, torch.where(x < min, min, math.nan))
    if max is not None:
        x = torch.where(x <= max, x, torch.where(x > max, max, math.nan))
    return x


def _reduce(op: str) -> Callable[..., Symbol]:
    def reduce(x: Symbol, dim: Any = None, keepdim: bool = False, **options: Any) -> Symbol:
        x = number(x, x.graph)
        if dim not in (-1, 1, (-1,), [-1], (1,), [1]) or not keepdim:
            refuse(
                f"{op} with dim={dim}, keepdim={keepdim}",
                f"A row is reduced over its units: `torch.{_SHORT[op]}(x, dim=-1, keepdim=True)`.",
            )
        attributes = {}
        if op == "variance":
            unbiased = options.pop("unbiased", True)
            attributes["correction"] = float(options.pop("correction", 1 if unbiased else 0))
            if x.width <= attributes["correction"]:
                refuse(
                    f"variance of {x.width} unit with correction={attributes['correction']:g}",
                    "Divide by the number of units: `torch.var(x, -1, correction=0, ...)`.",
                )
        if options:
            refuse(f"{op} with {', '.join(options)}", "It takes dim and keepdim.")
        return Symbol(x.graph, x.graph.add(op, [x.index], 1, **attributes))

    return reduce


def _layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    if tuple(normalized_shape) != (x.width,):
        refuse(f"layer_norm over {tuple(normalized_shape)}", f"A row has {x.width} units.")
    centred = x - torch.mean(x, dim=-1, keepdim=True)
    y = centred / torch.sqrt(torch.var(x, dim=-1, correction=0, keepdim=True) + eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


# what numpy calls the operators of Python
_UFUNCS = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "power": "pow"}
_SHORT = {"mean": "mean", "variance": "var", "sum": "sum"}
_FUNCTIONS: dict[Any, Callable[..., Any]] = {**COMPOSED, F.layer_norm: _layer_norm}
_FUNCTIONS[torch.rsub] = lambda x, y, alpha=1: y - x * alpha
for _op, _short in _SHORT.items():
    _FUNCTIONS[getattr(torch, _short)] = _FUNCTIONS[getattr(torch.Tensor, _short)] = _reduce(_op)


def _call(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Symbol:
    try:
        inspect.signature(_FUNCTIONS[function]).bind(*args, **kwargs)
    except TypeError as e:
        refuse(f"{_name(function)}: {e}", "Give its options by name.")
    return _FUNCTIONS[function](*args, **kwargs)


def _name(function: Any) -> str:
    return getattr(function, "__name__", str(function))


_SPELLINGS = {s: operation for operation in POINTWISE.values() for s in operation.spellings}
SUPPORTED = sorted({_name(f).lstrip("_") for f in [*_SPELLINGS, *_FUNCTIONS]})


def _method(function: Any) -> Callable[..., Any]:
    return lambda self, *args, **kwargs: Symbol.__torch_function__(
        function, (Symbol,), (self, *args), kwargs
    )


for _f in [*_SPELLINGS, *_FUNCTIONS]:
    if getattr(torch.Tensor, _name(_f), None) is not None:
        setattr(Symbol, _name(_f), _method(_f))


def _operator(operation: str, swap: bool = False) -> Callable[[Symbol, Any], Symbol]:
    def run(self: Symbol, other: Any) -> Symbol:
        return apply(POINTWISE[operation], (other, self) if swap else (self, other), {})

    return run


for _op, _dunder in {"add": "add", "sub": "sub", "mul": "mul", "div": "truediv"}.items():
    setattr(Symbol, f"__{_dunder}__", _operator(_op))
    setattr(Symbol, f"__r{_dunder}__", _operator(_op, swap=True))
for _op in ("pow", "lt", "le", "gt", "ge", "eq", "ne", "and", "or"):
    setattr(Symbol, f"__{_op}__", _operator(_op))
Symbol.__rpow__ = _operator("pow", swap=True)  # type: ignore[attr-defined]
Symbol.__pos__ = lambda self: self  # type: ignore
Symbol.__neg__ = lambda self: torch.neg(self)  # type: ignore
Symbol.__abs__ = lambda self: torch.abs(self)  # type: ignore
Symbol.__invert__ = lambda self: torch.logical_not(self)  # type: ignore
