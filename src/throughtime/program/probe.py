"""Affine maps put into a program so that backward shows the gradient at every step.

An engine returns the gradient at the output of every affine map at every step, and sums the
others. Zero times the input plus a bias is an affine map too: put in place of a vector, or
added to the new value of a state, it changes no result and makes the gradient there visible.
"""

import functools

from throughtime.program.graph import Graph
from throughtime.program.parameters import Constant, Parameter
from throughtime.program.program import Program, rebuild


def vector_map(name: str) -> str:
    """The map that stands for a vector; its bias is the vector."""
    return f"vector {name}"


def state_map(name: str) -> str:
    """The map that is added to a state; its bias is 0."""
    return f"state {name}"


@functools.lru_cache(maxsize=256)
def probed(program: Program) -> Program:
    """The program with a map for every vector (`vector_map`) and state (`state_map`)."""
    graph, at = Graph(), {}
    shapes = dict(program.parameters)

    def probe(name: str, width: int) -> int:
        x = graph.add("input", width=program.input_size)
        shapes[f"{name}_x"] = Parameter((width, program.input_size), Constant(0.0))
        return graph.add("affine", [x], width, name=name, bias=True, weights=(f"{name}_x",))

    for i, node in enumerate(program.nodes):
        if node.op == "parameter":
            at[i] = probe(vector_map(node.attributes["name"]), node.width)
        else:
            at[i] = graph.add(node.op, [at[a] for a in node.args], node.width, **node.attributes)
    outputs = {}
    for name, i in program.outputs.items():
        width = program.states[name]
        outputs[name] = graph.add("add", [at[i], probe(state_map(name), width)], width)
    new = rebuild(program, graph, outputs, used=at.values())[0]
    return Program(
        program.cell,
        program.input_size,
        program.hidden_size,
        new.nodes,
        new.outputs,
        program.states,
        shapes,
    )
