"""Network: how it is built, the equations of its cells, and where each state begins."""

from collections.abc import Iterator, Mapping
from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup

from throughtime.bptt.watch import directions
from throughtime.report import given
from throughtime.report.drawing import folded, unrolled
from throughtime.report.equations import mathml
from throughtime.report.markup import paragraphs, rendered
from throughtime.report.rounding import rounded, thinned
from throughtime.report.section import Figure, Part, TestedRun
from throughtime.report.style import figure, line, plain
from throughtime.training import Model, Run

name, title = "network", "Network"


def measure(tested: TestedRun) -> Mapping[str, Any]:
    return {}  # the model of a run has all of it


def write(run: Run, measured: object) -> Iterator[Part]:
    programs = {where: direction.cell_program for where, direction in directions(run.model).items()}
    places: dict[str, list[str]] = {}  # equations in MathML: the layers and directions with them
    for where, program in programs.items():
        places.setdefault(mathml(program), []).append(where)
    yield rendered(
        "network.html",
        drawings={"Folded": Markup(folded(run.model)), "Unrolled": Markup(unrolled(run.model))},
        cells=[
            (", ".join(there), Markup(math), dict.fromkeys(str(programs[w]) for w in there))
            for math, there in places.items()
        ],
    )
    values = initial_values(run.model)
    if values:
        says = where_states_begin(values)
        yield Figure("initial", "The initial state", says, initial_state(run.model))
    else:
        yield paragraphs(["Every state begins at 0: no initial state is learned."])


def initial_values(model: Model) -> dict[str, list[float]]:
    """Of each learned or given initial state, in order; empty where all begin at 0."""
    values = {}
    for where, direction in directions(model).items():
        named = [*direction.initial.named_parameters(), *direction.initial.named_buffers()]
        for state, vector in named:
            values[f"{where}: {state.removesuffix('0')}"] = sorted(vector.detach().cpu().tolist())
    return values


def where_states_begin(values: dict[str, list[float]]) -> str:
    """Which initial state has the unit that is farthest from 0."""
    far = max(values, key=lambda state: max(map(abs, values[state])))
    return (
        f"Where each state begins, learned from 0. The farthest from it: {plain(far)}, "
        f"{max(map(abs, values[far])):.3g}."
    )


def initial_state(model: Model) -> go.Figure:
    """Where each state begins: its units, ordered by value.

    **Raises:** `CallError` for anything but a model.
    """
    given.module("initial_state", model)
    drawn = figure(300)
    for k, (state, values) in enumerate(initial_values(model).items()):
        at = thinned(len(values))
        dash = ("solid", "dash", "dot")[k % 3]
        drawn.add_trace(line(at, rounded([values[i] for i in at]), state, k, dash=dash))
    drawn.update_xaxes(title="units, ordered by value")
    drawn.update_yaxes(title="value at the start", zeroline=True)
    return drawn
