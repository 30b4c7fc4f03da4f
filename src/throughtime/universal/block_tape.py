"""A bounded tape in many units, as the equations of a cell."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from throughtime.cells import Cell
from throughtime.program import affine, parameter


@dataclass(frozen=True)
class BlockTape(Cell):
    r"""A saturated-linear network with a memory of `blocks` units that it reads by address.

    `h` is the machine, the block of tape under its head included; `memory` holds one block of
    tape in each unit, in [0, 1). One step of the cell is one step of the machine, in layers that
    are each clip(sums) with clip(z) = min(max(z, 0), 1). All but two memory units stand still:
    the block that is entered leaves its unit, the one that is left goes to its own. The weights
    between memory and addresses are one for each unit, not a matrix.

    **Arguments:** `act`, `enter`: units of the inner layers.

    The idea of units of bounded precision with memory that holds the rest of the tape is of
    Chung and Siegelmann 2021, Turing completeness of bounded-precision recurrent neural
    networks, NeurIPS; there it is a stack, here it has addresses.
    """

    act: int
    enter: int
    blocks: int

    @property
    def states(self):
        return {"h": None, "memory": self.blocks}

    def step(self, x, h, memory):
        act = clip(affine("act", h, x, size=self.act))
        source = affine("source", act, size=1, bias=False)
        target = affine("target", act, size=1, bias=False)
        leaving = affine("leaving", act, size=1, bias=False)
        number = parameter("number", self.blocks)  # 1, 2, ..., blocks; address 0 is no block
        fetched = clip(memory - clip(target - number) - clip(number - target))
        written = clip(leaving - clip(source - number) - clip(number - source))
        block: Any = torch.sum(fetched, dim=-1, keepdim=True)  # of which one unit at most is not 0
        enter = clip(affine("enter", act, block, size=self.enter))
        return clip(affine("settle", act, enter)), clip(memory + written - fetched)


def clip(z: Any) -> Any:
    return F.hardtanh(z, 0.0, 1.0)
