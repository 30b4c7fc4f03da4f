"""How the CPU engine runs a call: chosen by shape, or set."""

import functools
from typing import NamedTuple

from throughtime.engines.call import Call
from throughtime.engines.cpu import products
from throughtime.engines.derived import LoopMode, plan
from throughtime.program.program import Program

MANY = 512  # steps of rows, for a product ahead of the loop to pay

Split = tuple[int, bool, int, int, int]
"""(threads, by_units, tile_rows, block, together), see `Split` in native/engine.h."""


class Settings(NamedTuple):
    """What the CPU engine does in the same way for every call; None: chosen by the shape of each.

    - `hoist`: see `LoopMode`.
    - `split`: how a call is cut up for threads and caches.
    - `views`: whether the states over time and what stands before each step may be views of one
      tensor. torch does not allow it of an operator.
    """

    hoist: bool | None = None
    split: Split | None = None
    views: bool = True

    def loop_mode(self, program: Program, call: Call) -> LoopMode:
        """How a call is run, the same forward and backward."""
        hoist = self.hoist if self.hoist is not None else hoisted(program, call)
        return LoopMode(hoist, call.recompute)


def hoisted(program: Program, call: Call) -> bool:
    """Whether what depends on the input alone is computed before the loop: a function of shapes."""
    T, B = call.x.shape[:2]
    # with few rows a step costs as much as reading the weights, which many steps can share
    few = T * B > 4 and program.input_size >= 64 * B * B
    return few or (T * B >= MANY and call.lengths is None and _is_wide(program))


@functools.lru_cache(maxsize=256)
def _is_wide(program: Program) -> bool:
    """Whether the input is much wider than what products make of it, and that is narrow: side by
    side its columns have less padding than one map after the other, and there is less to move."""
    nodes, first = program.nodes, plan(program).ahead
    if any(nodes[i].op != "constant" for i in first.nodes):  # made of the input, and as wide
        return False
    columns = sum(nodes[a].width for a in program.affines
                  for arg in nodes[a].args if nodes[arg].op == "input")  # fmt: skip
    return columns <= products.NARROW and program.input_size >= 4 * columns
