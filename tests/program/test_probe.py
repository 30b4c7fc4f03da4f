"""A probed program has a map of the input for every vector and state, and no vectors."""

import pytest
from catalogue import CELLS

from throughtime.program.probe import probed, state_map, vector_map


@pytest.mark.parametrize("name", CELLS)
def test_of_every_cell(name):
    program = CELLS[name].program(3, 4)
    made = probed(program)
    [x] = made.find("input")
    assert made.nodes[x].width == 3
    maps = {made.nodes[a].attributes["name"] for a in made.affines}
    wanted = {vector_map(v) for v in program.vectors} | {state_map(s) for s in program.states}
    assert all(made.parameters[f"{m}_x"].shape[1] == 3 for m in wanted)
    assert maps == wanted | {program.nodes[a].attributes["name"] for a in program.affines}
    assert made.vectors == ()
