"""The CPU engine, one step at a time."""

import numpy as np
import torch

from throughtime.engines.call import Call
from throughtime.engines.cpu import run
from throughtime.engines.cpu.ahead import ahead_of_loop, bias_of
from throughtime.engines.cpu.loops import forward_loop
from throughtime.engines.cpu.native import compiled
from throughtime.engines.derived import LoopMode
from throughtime.engines.engine import Stepper
from throughtime.engines.parameters import packed
from throughtime.program.program import Program

_MODE = LoopMode(hoist=False, recompute=False)


def stepper(
    programs: list[Program], calls: list[Call], x_shape: tuple[int, ...], y: np.ndarray
) -> Stepper:
    """Layers ready to be run one step at a time, see `Engine.one_step`."""
    _, batch, _ = calls[0].x.shape
    outputs = [*(call.x for call in calls[1:]), torch.from_numpy(y).view(1, batch, -1)]
    loops = [forward_loop(program, _MODE, False, 1) for program in programs]
    layers = []
    for program, call, lowered, output in zip(programs, calls, loops, outputs, strict=True):
        known, parts = ahead_of_loop(program, call, _MODE)
        nowhere = [None] * len(program.states)
        groups = {"x": (call.x,), "bias": (bias_of(program, call),), "part": parts,
                  "known": known, "state": (output,), "start": call.start, "final": nowhere,
                  "initial": nowhere}  # fmt: skip
        layers.append((lowered.native, run.tensors(lowered, groups), packed(call).weights))
    first = loops[0].tensors
    single = calls[0].x.dtype == torch.float32
    make = compiled().StreamFloat32 if single else compiled().StreamFloat64
    x_tensor = first.index(("x", 0)) if ("x", 0) in first else -1
    stream = make(layers, x_tensor, x_shape, batch, y)
    return Stepper(stream.step, stream.begin, stream.leave, layers)
