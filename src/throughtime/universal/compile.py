"""From a machine to the weights of a layer."""

from collections.abc import Hashable

import torch

from throughtime.cells import RNN
from throughtime.errors import OptionError
from throughtime.layers import Recurrent
from throughtime.universal.block_tape import BlockTape
from throughtime.universal.computer import Computer
from throughtime.universal.equations import ONE, Blocks, Equations, Layer, equations
from throughtime.universal.machine import Machine
from throughtime.universal.precision import BITS, capacity


def compile_machine(
    machine: Machine,
    *,
    dtype: torch.dtype = torch.float64,
    cells: int | tuple[int, int] | None = None,
    engine: str | None = None,
) -> Computer:
    """The network of a machine.

    Without `cells` it is `Recurrent(RNN("saturated_linear"), 1, H)`: a step of the machine is two
    of its steps, each side of the tape is one unit, and what a float holds is
    `Computer.capacity`. The layer's initial state is the empty tape.

    **Arguments:**

    - `dtype`: float64 or float32.
    - `cells`: the tape may reach so many cells to either side of where it begins, or
      `(left, right)`: it lies in blocks, one in a unit, and the layer is
      `Recurrent(BlockTape(...), 1, H)`, one step of which is one of the machine.
    - `engine`: as of `Recurrent`.

    **Raises:** `OptionError` for a dtype or cells that cannot be, or more cells than units can be
    numbered in the dtype.
    """
    if dtype not in BITS:
        raise OptionError(
            f"`compile_machine`: dtype is {dtype}; expected torch.float32 or torch.float64. "
            "Leave it out for float64."
        )
    blocks = None if cells is None else _blocks(machine, cells, dtype)
    units = equations(machine, blocks)
    if blocks is None:
        layer = _plain(units, dtype, engine)
    else:
        layer = _bounded(units, blocks, dtype, engine)
    computer = Computer(machine, layer, units, blocks)
    with torch.no_grad():
        for name, value in computer.start([""])[0][0].items():
            layer.directions[0][0].initial.get_buffer(f"{name}0").copy_(value[0])
    return computer


def _blocks(machine: Machine, cells: int | tuple[int, int], dtype: torch.dtype) -> Blocks:
    sides = (cells, cells) if isinstance(cells, int) else tuple(cells)
    if len(sides) != 2 or not all(isinstance(n, int) and 0 <= n <= 10**7 for n in sides):
        raise OptionError(
            f"`compile_machine`: cells is {cells}; expected a whole number from 0 to 10000000, or "
            "two of them, (left, right). Give fewer."
        )
    width = capacity(machine, dtype)
    if width < 2:
        raise OptionError(
            f"`compile_machine`: cells is given, but a number of {dtype} holds {width} cell of "
            f"{len(machine.symbols)} symbols; expected two or more. Use float64."
        )
    left, right = sides
    before = -(-left // width)
    after = -(-max(right - (width - 1), 0) // width)
    return Blocks(width, before, before + 1 + after)


def _plain(units: Equations, dtype: torch.dtype, engine: str | None) -> Recurrent:
    names = [*units.settle, *units.act]
    H = len(names)
    layer = Recurrent(
        RNN("saturated_linear"), 1, H, initial_state=torch.zeros(H), engine=engine, dtype=dtype
    )
    _fill(layer, "transition", units.settle | units.act, {"h": names})
    return layer


def _bounded(units: Equations, blocks: Blocks, dtype: torch.dtype, engine: str | None) -> Recurrent:
    H = len(units.settle)
    zeros = {"h": torch.zeros(H), "memory": torch.zeros(blocks.count)}
    cell = BlockTape(len(units.act), len(units.enter), blocks.count)
    layer = Recurrent(cell, 1, H, initial_state=zeros, engine=engine, dtype=dtype)
    act, enter = list(units.act), list(units.enter)
    _fill(layer, "act", units.act, {"h": list(units.settle)})
    for name in ("source", "target", "leaving"):
        _fill(layer, name, {name: units.addresses[name]}, {"0": act})
    _fill(layer, "enter", units.enter, {"0": act, "1": ["fetched"]})
    _fill(layer, "settle", units.settle, {"0": act, "1": enter})
    with torch.no_grad():
        layer.directions[0][0].number.copy_(torch.arange(1, blocks.count + 1))
    return layer


@torch.no_grad()
def _fill(layer: Recurrent, map_name: str, rows: Layer, columns: dict[str, list[Hashable]]) -> None:
    """The weights of one affine map from its sums; `columns`: the units of each operand."""
    parameters = dict(layer.directions[0][0].named_parameters())
    for name, p in parameters.items():
        if name.startswith(f"{map_name}_"):
            p.zero_()
    place = {u: (operand, k) for operand, units in columns.items() for k, u in enumerate(units)}
    for r, sums in enumerate(rows.values()):
        for unit, weight in sums.items():
            if unit == ONE:
                parameters[f"{map_name}_bias"][r] = float(weight)
            else:
                operand, k = place[unit]
                parameters[f"{map_name}_{operand}"][r, k] = float(weight)
