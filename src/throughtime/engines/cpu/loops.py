"""The loops of a program for the native engine, each lowered once."""

import functools

from throughtime.engines import lower
from throughtime.engines.cpu.emitter import NativeEmitter
from throughtime.engines.cpu.lowered import Lowered
from throughtime.engines.derived import LoopMode
from throughtime.program.program import Program


@functools.lru_cache(maxsize=256)
def forward_loop(program: Program, loop_mode: LoopMode, save: bool, wanted: int) -> Lowered:
    """The loop forward, see `throughtime.engines.lower.forward_loop`."""
    emitter = NativeEmitter(program, backward=False)
    return lower.forward_loop(program, emitter, loop_mode, save=save, wanted=wanted)


@functools.lru_cache(maxsize=256)
def backward_loop(program: Program, loop_mode: LoopMode, over_time: tuple[bool, ...]) -> Lowered:
    """The loop backward, see `throughtime.engines.lower.backward_loop`."""
    emitter = NativeEmitter(program, backward=True)
    return lower.backward_loop(program, emitter, loop_mode, over_time)


def listing(
    program: Program, *, backward: bool = False, hoist: bool = False, recompute: bool = False
) -> str:
    """The loop over time that the CPU engine runs for a program, as text.

    It shows the arrays in memory, the registers with their widths, and what each step does, stage
    by stage. The compiled module is not needed for it.

    **Arguments:**

    - `program`: of a cell, such as `GRU().program(input_size, hidden_size)`, or of one direction
      of a layer, `layer.directions[0][0].program`.
    - `backward`: the loop backward; otherwise the loop forward, with what it stores for training.
    - `hoist`, `recompute`: see `LoopMode`. The engine chooses `hoist` by the shapes of a call;
      `Recurrent(..., recompute=True)` sets the other.
    """
    loop_mode = LoopMode(hoist, recompute)
    if backward:  # of a loss that reads the output of the cell at every step
        given = [name == program.output for name in program.states]
        return str(backward_loop(program, loop_mode, tuple(given)))
    return str(forward_loop(program, loop_mode, True, len(program.states)))
