"""Regularisation of a recurrence, written into its program, so that every engine runs it."""

from collections.abc import Mapping
from dataclasses import replace

from throughtime.errors import OptionError
from throughtime.program.graph import Graph, Node
from throughtime.program.pointwise import POINTWISE
from throughtime.program.program import Program, rebuild


def expected(program: Program) -> Program:
    """The program in eval mode: every mask and noise in place of its mean, no randomness."""
    graph, at = Graph(), {}
    for i, node in enumerate(program.nodes):
        if node.op == "random":
            mean = graph.constant(node.attributes["probability"])
            at[i] = graph.add("expand", [mean], node.width)
        else:
            at[i] = _copy(graph, node, at)
    return _finish(program, graph, at)


def variational(program: Program, p: float) -> Program:
    """One dropout mask for a whole sequence, over x and over the output state, wherever they
    enter an affine map.

    Gal and Ghahramani, A theoretically grounded application of dropout in recurrent neural
    networks, 2016, arXiv 1512.05287 (the tied form, eq. 7).

    **Raises:** `OptionError` if the output enters no affine map.
    """
    graph, at = Graph(), {}
    masked: dict[int, int] = {}  # what an affine map sees in place of a node
    heard = False
    for i, node in enumerate(program.nodes):
        if node.op == "affine":
            args = [masked[a] if a in masked else at[a] for a in node.args]
            at[i] = graph.add("affine", args, node.width, **node.attributes)
            continue
        at[i] = _copy(graph, node, at)
        if node.op == "input" or node.attributes.get("name") == program.output:
            name = "x" if node.op == "input" else program.output
            kept = _mask(graph, f"variational_{name}", node.width, 1 - p, "sequence")
            scaled = graph.add("mul", [kept, graph.constant(1 / (1 - p))], node.width)
            masked[i] = graph.add("mul", [at[i], scaled], node.width)
            heard |= node.op == "state"
        elif node.op in POINTWISE and any(a in masked for a in node.args):
            args = [masked[a] if a in masked else at[a] for a in node.args]
            masked[i] = graph.add(node.op, args, node.width, **node.attributes)
    if not heard or not _recurrent(program):
        raise OptionError(
            f"`{program.cell}`: variational_dropout is {p}; expected 0, because no affine map of "
            "this cell sees its output. Use zoneout."
        )
    return _finish(program, graph, at)


def zoneout(program: Program, p: float | Mapping[str, float]) -> Program:
    """Each unit of a state keeps its old value with probability p, anew at each step.

    Krueger et al., Zoneout: regularizing RNNs by randomly preserving hidden activations,
    2017, arXiv 1606.01305. What the cell computes within the step is not affected; in eval
    mode the state is the mean of both.
    """
    graph, at = Graph(), {}
    rates = dict(p) if isinstance(p, Mapping) else dict.fromkeys(program.states, p)
    if unknown := [name for name in rates if name not in program.states]:
        raise OptionError(
            f"`{program.cell}`: zoneout has {unknown[0]!r}; expected a state of the cell, "
            f"{', '.join(program.states)}. Name one of these."
        )
    for i, node in enumerate(program.nodes):
        at[i] = _copy(graph, node, at)
    leaves = {program.nodes[i].attributes["name"]: i for i in program.find("state")}
    outputs = {name: at[i] for name, i in program.outputs.items()}
    for name, rate in rates.items():
        if rate == 0:
            continue
        width, old, new = program.states[name], at[leaves[name]], outputs[name]
        keep = _mask(graph, f"zoneout_{name}", width, rate, "step")
        gone = graph.add("sub", [old, new], width)
        outputs[name] = graph.add("add", [new, graph.add("mul", [keep, gone], width)], width)
    return _finish(program, graph, at, outputs)


def _copy(graph: Graph, node: Node, at: dict[int, int]) -> int:
    i = graph.add(node.op, [at[a] for a in node.args], node.width, **node.attributes)
    if node.name and graph.nodes[i].name is None and graph.nodes[i].op == node.op:
        graph.nodes[i] = replace(graph.nodes[i], name=node.name)
    return i


def _mask(graph: Graph, name: str, width: int, probability: float, scope: str) -> int:
    return graph.add(
        "random",
        width=width,
        name=name,
        distribution="bernoulli",
        probability=probability,
        scope=scope,
    )


def _finish(program: Program, graph: Graph, at: dict[int, int], outputs=None) -> Program:
    outputs = outputs or {name: at[i] for name, i in program.outputs.items()}
    return rebuild(program, graph, outputs, used=graph.declared())[0]


def _recurrent(program: Program) -> bool:
    from throughtime.program.schedule import schedule

    return bool(schedule(program).recurrent)
