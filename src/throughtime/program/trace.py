"""From the equations of a cell to its program: `step` runs once on symbols.

The four functions a cell may call beside torch's own are here: `affine`, `parameter`,
`noise` and `mask`.
"""

import contextvars
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from throughtime.errors import OptionError, TraceError
from throughtime.program.graph import Graph
from throughtime.program.parameters import Initialiser, Parameter, initialiser, starts_after
from throughtime.program.program import Program, rebuild
from throughtime.program.symbol import Symbol, line_of_the_cell, number, refuse

_tracing: contextvars.ContextVar["_Tracing | None"] = contextvars.ContextVar(
    "_tracing", default=None
)

Init = str | float | Initialiser | Callable[..., Any]


class _Tracing:
    """What the functions below need while a `step` runs."""

    def __init__(self, hidden_size: int) -> None:
        self.graph = Graph()
        self.hidden_size = hidden_size
        self.parameters: dict[str, Parameter] = {}

    def declare(self, name: str, shape: tuple[int, ...], init: Any) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            refuse(f"a parameter is named {name!r}", "Use letters, digits and underscores.")
        if name in self.parameters:
            refuse(f"the parameter {name!r} is there already", "Give each its own name.")
        try:
            new = Parameter(shape, initialiser(init))
            starts_after(new, self.parameters)
        except OptionError as e:
            raise TraceError(f"{line_of_the_cell()}: the parameter {name!r}: {e}") from None
        self.parameters[name] = new


def _current(call: str) -> _Tracing:
    tracing = _tracing.get()
    if tracing is None:
        raise TraceError(f"`{call}`: is outside of a cell. Call it in the `step` of a Cell only.")
    return tracing


def _size(size: Any, tracing: _Tracing, call: str) -> int:
    size = tracing.hidden_size if size is None else size
    if not isinstance(size, int) or size < 1:
        refuse(f"{call} has size={size!r}", "Give a whole number of units, 1 or more.")
    return size


def affine(
    name: str,
    *operands: Any,
    size: int | None = None,
    bias: bool = True,
    init: Init | Mapping[str, Init] = "uniform",
    bias_init: Init = "uniform",
) -> Any:
    """W·stack(operands) + b, with one weight for each operand.

    **Arguments:**

    - `name`: of the map; the weight of the operand `h` is `<name>_h`, of an operand that is an
      expression `<name>_<its place>`; the bias is `<name>_bias`.
    - `operands`: symbols of any width.
    - `size`: width of the result; the layer's `hidden_size` unless given.
    - `init`: `"uniform"` (1/sqrt(hidden_size), as torch), `"orthogonal"`, `"identity"`, a
      number, an initialiser or a function that fills a tensor; or a mapping from operand to one.

    **Returns:** a symbol of width `size`.

    **Raises:** `TraceError` on anything else, with the line of the cell.
    """
    tracing = _current("affine")
    if not isinstance(name, str):
        refuse("affine without a name", 'Write `affine("keep", h, x)`: the name comes first.')
    if not operands:
        refuse(f"affine({name!r}) has no operand", f'Write `affine("{name}", h, x)`.')
    width = _size(size, tracing, f"affine({name!r})")
    symbols = [number(o, tracing.graph) for o in operands]
    labels = []
    for k, s in enumerate(symbols):
        node = tracing.graph.nodes[s.index]
        if node.op == "constant":
            refuse(f"affine({name!r}) of a number", "Leave it out: the bias does the same.")
        label = "x" if node.op == "input" else node.attributes["name"] if node.op == "state" else k
        labels.append(str(k if str(label) in labels else label))
    inits = dict(init) if isinstance(init, Mapping) else dict.fromkeys(labels, init)
    if unknown := [k for k in inits if k not in labels]:
        refuse(
            f"affine({name!r}) has init for {unknown[0]!r}",
            f"Its operands are {', '.join(labels)}.",
        )
    for label, s in zip(labels, symbols, strict=True):
        tracing.declare(f"{name}_{label}", (width, s.width), inits.get(label, "uniform"))
    if bias:
        tracing.declare(f"{name}_bias", (width,), bias_init)
    index = tracing.graph.add(
        "affine",
        [s.index for s in symbols],
        width,
        name=name,
        bias=bias,
        weights=tuple(f"{name}_{label}" for label in labels),
    )
    return Symbol(tracing.graph, index)


def parameter(name: str, size: int | None = None, init: Init = "uniform") -> Any:
    """A learned vector of width `size` (`hidden_size` unless given): a peephole, a gain."""
    tracing = _current("parameter")
    width = _size(size, tracing, f"parameter({name!r})")
    tracing.declare(name, (width,), init)
    return Symbol(tracing.graph, tracing.graph.add("parameter", width=width, name=name))


def noise(size: int | None = None) -> Any:
    """Standard normal noise, drawn anew for each step, row and unit; 0 in eval mode."""
    return _random("noise", size, "normal", 0.0, "step")


def mask(probability: float, size: int | None = None, *, fixed: bool = False) -> Any:
    """1 with `probability`, else 0, for each row and unit; `probability` in eval mode.

    Drawn anew at each step, or with `fixed` once for a whole sequence.
    """
    if not 0 <= probability <= 1:
        refuse(f"mask has probability={probability}", "Give a number from 0 to 1.")
    return _random("mask", size, "bernoulli", float(probability), "sequence" if fixed else "step")


def _random(call: str, size: Any, distribution: str, probability: float, scope: str) -> Symbol:
    tracing = _current(call)
    count = sum(node.op == "random" for node in tracing.graph.nodes)
    index = tracing.graph.add(
        "random",
        width=_size(size, tracing, call),
        name=f"{call}{count}",
        distribution=distribution,
        probability=probability,
        scope=scope,
    )
    return Symbol(tracing.graph, index)


def trace(
    step: Callable[..., Any],
    states: Mapping[str, int],
    *,
    cell: str,
    input_size: int,
    hidden_size: int,
) -> Program:
    """The program of `step(x, *states)`, which returns the new value of each state.

    **Raises:** `TraceError` for what cannot be a program, with the line of the cell.
    """
    for name in states:
        if not name.isidentifier() or name in ("x", "bias"):
            raise TraceError(
                f"`{cell}`: a state is named {name!r}; expected a name other than x and bias, of "
                'letters, digits and underscores. Rename it, as in `states = ("h", "C")`.'
            )
    tracing = _Tracing(hidden_size)
    graph = tracing.graph
    x = Symbol(graph, graph.add("input", width=input_size))
    old = [Symbol(graph, graph.add("state", width=w, name=n)) for n, w in states.items()]
    try:
        inspect.signature(step).bind(x, *old)
    except TypeError:
        raise TraceError(
            f"`{cell}.step`: does not take {', '.join(['x', *states])}; expected x and one "
            f"argument for each of `states`. Write `def step(self, {', '.join(['x', *states])})`."
        ) from None
    token = _tracing.set(tracing)
    try:
        result, names = _call(step, x, *old)
    finally:
        _tracing.reset(token)
    new = result if isinstance(result, tuple | list) else (result,)
    where = f"`{cell}.step`"
    if len(new) != len(states):
        raise TraceError(
            f"{where}: returns {len(new)} value{'s' * (len(new) != 1)}; expected {len(states)}, "
            f"the new {', '.join(states)}. Return one for each of `states`, in their order."
        )
    outputs = {}
    for (name, width), value in zip(states.items(), new, strict=True):
        if not isinstance(value, Symbol | int | float):
            raise TraceError(
                f"{where}: returns {type(value).__name__} as the new {name}; expected a symbol. "
                "Return what was computed from x and the states."
            )
        value = number(value, graph)
        if value.width not in (1, width):
            raise TraceError(
                f"{where}: the new {name} has width {value.width}; expected {width}, the width "
                f"of the state. Give its affine map `size={name}.width`, or `states` that width."
            )
        wide = value.width == width and graph.nodes[value.index].op != "constant"
        outputs[name] = value.index if wide else graph.add("expand", [value.index], width)
    for i, name in names.items():
        graph.nodes[i] = replace(graph.nodes[i], name=name)
    blank = Program(cell, input_size, hidden_size, (), {}, dict(states), tracing.parameters)
    return rebuild(blank, graph, outputs, used=graph.declared())[0]


def _call(step: Callable[..., Any], *args: Symbol) -> tuple[Any, dict[int, str]]:
    """Run `step` and learn which of its variables names which node, for printing."""
    code = inspect.unwrap(getattr(step, "__func__", step))
    code = getattr(code, "__code__", None)
    names: dict[int, str] = {}

    def learn(frame):
        for name, value in frame.f_locals.items():
            if isinstance(value, Symbol):
                names.setdefault(value.index, name)

    before: Any = sys.getprofile()
    # that of Python 3.11's cProfile is an object in C, no function that could be set again
    paused = before if hasattr(before, "enable") else None
    if paused:
        paused.disable()
    # a lambda, as every call in `step` passes here and checking its types would take seconds
    sys.setprofile(
        lambda frame, event, _: event == "return" and frame.f_code is code and learn(frame)
    )
    try:
        return step(*args), names
    finally:
        sys.setprofile(None if paused else before)
        if paused:
            paused.enable()
