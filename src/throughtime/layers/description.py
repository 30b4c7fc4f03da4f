"""A layer as data: what to build it from again, without its weights and the code of its cells."""

from collections.abc import Mapping
from typing import Any

import torch

from throughtime.cells import Cell
from throughtime.errors import RunError
from throughtime.layers import parametrised
from throughtime.layers.direction import Direction
from throughtime.layers.recurrent import Recurrent
from throughtime.program import Program

OPTIONS = ("direction", "merge", "dropout", "variational_dropout", "zoneout", "weight_drop",
           "batch_first")  # fmt: skip
"""The options of `Recurrent` that it keeps as attributes of the same name."""
ADDED = {"batch_first": False, "recompute": False, "engine": None}
"""The options that earlier versions did not write down, and what they mean without them."""


class RecordedCell(Cell):
    """A cell read from a file: its programs, without the code that they came from.

    **Arguments:**

    - `shown`: how the cell printed itself.
    - `programs`: one for each layer that the cell runs in.
    """

    def __init__(self, shown: str, programs: list[Program]) -> None:
        self.shown = shown
        self.recorded = {(p.input_size, p.hidden_size): p for p in programs}

    def program(self, input_size: int, hidden_size: int) -> Program:
        return self.recorded[input_size, hidden_size]

    def __repr__(self) -> str:
        return self.shown


def describe(layer: Recurrent) -> dict[str, Any]:
    """Every option of a layer and the programs of its cells, as JSON can hold them.

    The device and the dtype are those of the weights, which are saved beside this.
    """
    first = layer.directions[0][0]
    learned = "learned" if list(first.initial.parameters()) else "zeros"
    given = [name.removesuffix("0") for name, _ in first.initial.named_buffers()]
    zoneout = layer.zoneout
    return {
        "input_size": layer.input_size,
        "hidden_size": layer.hidden_size,
        "layers": len(layer.directions),
        **{name: getattr(layer, name) for name in OPTIONS},
        "zoneout": dict(zoneout) if isinstance(zoneout, Mapping) else zoneout,
        "recompute": first.recompute,
        "engine": first.engine,
        "initial_state": {"given": given} if given else learned,
        "cells": [
            [repr(direction.cell) for direction in directions] for directions in layer.directions
        ],
        "programs": [
            [direction.cell_program.json for direction in directions]
            for directions in layer.directions
        ],
        "parametrised": [
            [parametrised.recorded(direction) for direction in directions]
            for directions in layer.directions
        ],
    }


def from_description(data: Mapping[str, Any], cell: Cell | type[Cell] | None = None) -> Recurrent:
    """The layer that `describe` described, with new weights.

    - `cell`: the user's cell, to check that its equations are still those of the layer; needed
      where its `constrain` registers parametrisations that are code.

    **Raises:** `RunError` if they are not, or it is needed.
    """
    programs = [[Program.from_json(text) for text in row] for row in data["programs"]]
    if cell is not None:
        _same_equations(cell, [program for row in programs for program in row])
    of_directions = zip(*programs, strict=True)  # for each direction, its program in each layer
    cells: list[Any] = [
        RecordedCell(shown, list(programs_of_layers))
        for shown, programs_of_layers in zip(data["cells"][0], of_directions, strict=True)
    ]
    initial = data["initial_state"]
    if isinstance(initial, Mapping):  # the values are with the weights
        initial = {name: torch.zeros(()) for name in initial["given"]}
    options = {name: data[name] for name in (*OPTIONS, "layers") if name not in ADDED}
    options |= {name: data.get(name, otherwise) for name, otherwise in ADDED.items()}
    layer = Recurrent(
        tuple(cells) if len(cells) == 2 else cells[0],
        data["input_size"],
        data["hidden_size"],
        initial_state=initial,
        **options,
    )
    # which early descriptions did not have, nor their layers
    for directions, those in zip(layer.directions, data.get("parametrised", ()), strict=False):
        for direction, own in zip(directions, those, strict=True):
            _constrain(direction, own, cell)
    return layer


def _constrain(
    direction: Direction, recorded: Mapping[str, list[Any]], cell: Cell | type[Cell] | None
) -> None:
    """Give a layer and direction its parametrisations again."""
    code = parametrised.code_in(recorded)
    if code is None:
        return parametrised.restore(direction, recorded)
    if cell is None:
        raise RunError(
            f"a layer of {direction.cell_program.cell} has the parametrisation {code}, which is "
            "code and not in the run folder; expected `cell=`. Load with the cell whose "
            "`constrain` registers it."
        )
    (cell() if isinstance(cell, type) else cell).constrain(direction)
    own = parametrised.recorded(direction)
    if own != recorded:
        raise RunError(
            f"cell={cell!r} has the parametrisations {own}; expected those of the run folder, "
            f"{recorded}. Load with the cell as it was."
        )


def _same_equations(cell: Cell | type[Cell], programs: list[Program]) -> None:
    own = cell() if isinstance(cell, type) else cell
    for program in programs:
        if own.program(program.input_size, program.hidden_size).json != program.json:
            raise RunError(
                f"cell={own!r} has other equations than the model was trained with; expected "
                f"those of {program.cell} in the run folder. Leave cell out to use what was saved."
            )
