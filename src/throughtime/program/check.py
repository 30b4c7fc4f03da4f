"""Whether a program can run. One from a file is data from outside: everything is looked at.

What passes can be scheduled, differentiated, printed and run on any engine without an error
of its own; nothing in it is executed to find that out.
"""

from collections import Counter
from typing import Any

from throughtime.program.graph import DECLARED, Node
from throughtime.program.parameters import starts_after
from throughtime.program.pointwise import CONDITION_ARGUMENTS, CONDITIONS, POINTWISE
from throughtime.program.structure import Structure

_ADJOINT = ("saved", "gradient", "transposed")


def check(program: Structure) -> None:
    """**Raises:** `ValueError` with what is wrong."""
    _require(isinstance(program.cell, str), "cell is not a name")
    for name in ("input_size", "hidden_size"):
        _require(_count(getattr(program, name)), f"{name} is not a whole number")
    for name, width in program.states.items():
        _require(_count(width), f"the state {name} has width {width!r}")
    before: dict[str, Any] = {}
    for name, p in program.parameters.items():
        fine = len(p.shape) in (1, 2) and all(_count(n) for n in p.shape)
        _require(fine, f"the parameter {name} has shape {p.shape}")
        kinds = [type(v) for v in vars(p.init).values()]
        fine = all(k in (float, int, str, type(None)) for k in kinds)
        _require(fine and _numbers(p.init), f"the parameter {name} has init {p.init}")
        starts_after(p, before)
        before[name] = p
    for i, node in enumerate(program.nodes):
        try:
            _node(program, i, node)
        except ValueError as e:
            raise ValueError(f"node {i} ({node.op}): {e}") from None
    for name, i in program.outputs.items():
        _require(_index(i) and i < len(program.nodes), f"the output {name} is not a node")
        _require(program.nodes[i].op not in CONDITIONS, f"the output {name} is a condition")
    ops = {node.op for node in program.nodes}
    if "state" in ops:
        _of_a_cell(program, ops)
    else:
        _of_an_adjoint(program, ops)


def _node(program: Structure, i: int, node: Node) -> None:
    _require(all(_index(a) and a < i for a in node.args), f"takes {node.args}, not earlier nodes")
    _require(_count(node.width), f"has width {node.width!r}")
    _require(node.name is None or isinstance(node.name, str), f"is named {node.name!r}")
    args = [program.nodes[a] for a in node.args]
    logical = CONDITION_ARGUMENTS.get(node.op, 0)
    _require(all(a.op not in CONDITIONS for a in args[logical:]), "reckons with a condition")
    given = node.attributes
    if node.op in POINTWISE:
        operation = POINTWISE[node.op]
        fine = len(args) == operation.arity and {*given} == {*operation.attributes}
        _require(fine, "has other arguments")
        _require(any(a.op != "constant" for a in args), "has numbers alone")
        _require(all(_option(node.op, k, v) for k, v in given.items()), f"has options {given}")
        _require(node.op != "clamp" or {*given.values()} != {None}, "has no bound")
        _require(node.op != "where" or args[0].op in CONDITIONS, "has no condition")
        widths = {a.width for a in args}
        _require(node.width == max(widths) and widths <= {1, node.width}, f"joins widths {widths}")
        return
    _require(node.op in _NODES, "is an unknown operation")
    types, arity, fits = _NODES[node.op]
    _require({k: type(v) for k, v in given.items()} == types, f"has attributes {given}")
    _require(arity is None or len(args) == arity, f"has {len(args)} arguments")
    _require(fits(program, node, args), "does not fit what it names")


def _affine(program: Structure, node: Node, args: list[Node]) -> bool:
    bias, weights = node.attributes["bias"], node.attributes["weights"]
    shapes = [(node.width, a.width) for a in args]
    return (
        len(args) > 0
        and [_shape(program, w) for w in weights] == shapes
        and (not bias or _shape(program, f"{node.attributes['name']}_bias") == (node.width,))
        and all(a.op != "constant" for a in args)
    )


def _random(program: Structure, node: Node, args: list[Node]) -> bool:
    return (
        node.attributes["distribution"] in ("normal", "bernoulli")
        and node.attributes["scope"] in ("step", "sequence")
        and 0 <= node.attributes["probability"] <= 1
    )


def _transposed(program: Structure, node: Node, args: list[Node]) -> bool:
    shapes = [(a.width, node.width) for a in args]
    return len(args) > 0 and [_shape(program, w) for w in node.attributes["weights"]] == shapes


_NODES: dict[str, tuple[dict[str, type], int | None, Any]] = {
    "input": ({}, 0, lambda p, n, a: n.width == p.input_size),
    "state": ({"name": str}, 0, lambda p, n, a: n.width == p.states.get(n.attributes["name"])),
    "parameter": ({"name": str}, 0, lambda p, n, a: _shape(p, n.attributes["name"]) == (n.width,)),
    "constant": ({"value": float}, 0, lambda p, n, a: n.width == 1),
    "random": (
        {"name": str, "distribution": str, "probability": float, "scope": str}, 0, _random,
    ),
    "affine": ({"name": str, "bias": bool, "weights": tuple}, None, _affine),
    "mean": ({}, 1, lambda p, n, a: n.width == 1 and a[0].op != "constant"),
    "sum": ({}, 1, lambda p, n, a: n.width == 1 and a[0].op != "constant"),
    "variance": (
        {"correction": float}, 1,
        lambda p, n, a: n.width == 1 and 0 <= n.attributes["correction"] < a[0].width
        and a[0].op != "constant",
    ),
    "expand": ({}, 1, lambda p, n, a: a[0].width in (1, n.width)),
    "saved": ({"node": int}, 0, lambda p, n, a: _index(n.attributes["node"])),
    "gradient": ({"name": str}, 0, lambda p, n, a: n.width == p.states.get(n.attributes["name"])),
    "transposed": ({"weights": tuple}, None, _transposed),
}  # fmt: skip


def _of_a_cell(program: Structure, ops: set[str]) -> None:
    _require(ops.isdisjoint(_ADJOINT), "is neither a cell nor an adjoint")
    states = [program.nodes[i].attributes["name"] for i in program.find("state")]
    _require(states == [*program.states] and states != [], f"has the states {states}")
    _require({*program.outputs} == {*states}, f"has the outputs {[*program.outputs]}")
    for name, i in program.outputs.items():
        fine = program.nodes[i].width == program.states[name] and program.nodes[i].op != "constant"
        _require(fine, f"the new {name} has width {program.nodes[i].width}")
    used = Counter(program.vectors)
    for i in program.affines:
        given = program.nodes[i].attributes
        used.update(given["weights"])
        used.update([f"{given['name']}_bias"] * given["bias"])
    _require(used == Counter([*program.parameters]), "does not use each parameter once")


def _of_an_adjoint(program: Structure, ops: set[str]) -> None:
    _require(ops.isdisjoint(DECLARED), "is neither a cell nor an adjoint")
    widths = {"dx": program.input_size}
    widths |= {f"dstate_{name}": width for name, width in program.states.items()}
    widths |= {f"dparameter_{n}": p.shape[0] for n, p in program.parameters.items()}
    for name, i in program.outputs.items():
        width = program.nodes[i].width
        fine = name.startswith("dz_") or widths.get(name) == width
        _require(fine, f"has an output {name} of width {width}")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def _count(value: Any) -> bool:
    return type(value) is int and value > 0


def _index(value: Any) -> bool:
    return type(value) is int and value >= 0


def _option(op: str, name: str, value: Any) -> bool:
    if name == "approximate":
        return value in ("none", "tanh")
    return type(value) in (int, float) or (op == "clamp" and value is None)


def _numbers(init: Any) -> bool:
    """Whether what an initialiser computes with are numbers: only a name may be text."""
    texts = {k for k, v in vars(init).items() if isinstance(v, str)}
    absent = {k for k, v in vars(init).items() if v is None}
    return texts <= {"of", "name"} and absent <= {"bound", "function"}


def _shape(program: Structure, name: Any) -> tuple[int, ...] | None:
    p = program.parameters.get(name) if isinstance(name, str) else None
    return None if p is None else p.shape
