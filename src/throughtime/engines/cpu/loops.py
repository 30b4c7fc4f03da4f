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
