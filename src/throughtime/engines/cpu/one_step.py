"""One step at a time: layers whose weights are packed once and whose states stay where they are."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from throughtime.engines.call import Call
from throughtime.engines.cpu import run as cpu
from throughtime.engines.cpu.loops import forward_loop
from throughtime.engines.derived import LoopMode
from throughtime.engines.reference import forward as reference
from throughtime.program.program import Program

_MODE = LoopMode(hoist=False, recompute=False)


class Steps:
    """Layers, each on what the one below puts out, one step at a time on the calling thread.

    - `layers`: for each its program and a call of one step. Its tensors are copied; of the
      inputs `(1, B, I)` only the shape is read, that of the first.
    - `rows`: whether x and y have an axis of rows.

    `step(x)` takes an array `(B, I)` or `(I,)` and returns `y`, written anew at each step;
    `begin()` begins with the states in `states`, for each layer `(B, width)`, and `leave()`
    writes them there.
    """

    def __init__(self, layers: list[tuple[Program, Call]], rows: bool) -> None:
        self.programs = [program for program, _ in layers]
        self.calls: list[Call] = []
        x = torch.zeros_like(layers[0][1].x, memory_format=torch.contiguous_format)
        for program, call in layers:
            copied = {name: _copied(getattr(call, name)) for name in call._fields}
            self.calls.append(call._replace(**{**copied, "x": x}))
            x = x.new_zeros(1, x.shape[1], program.states[program.output])
        self.states = [call.start for call in self.calls]
        self._x, self._y = self.calls[0].x[0], x[0]
        self.x_shape = tuple(self._x.shape[0 if rows else 1 :])
        self.y: np.ndarray = (self._y if rows else self._y[0]).numpy()
        found = self if cpu.why_not(self.calls[0]) else self._native()
        self.step, self.begin, self.leave = found.step, found.begin, found.leave

    def _native(self) -> Any:
        native, layers, self._alive = cpu.native(), [], []
        outputs = [*(call.x for call in self.calls[1:]), self._y.unsqueeze(0)]
        loops = [forward_loop(program, _MODE, False, 1) for program in self.programs]
        each = zip(self.programs, self.calls, loops, outputs, strict=True)
        for program, call, lowered, y in each:
            known, parts = cpu.ahead_of_loop(program, call, _MODE)
            nowhere = [None] * len(program.states)
            groups = {"x": (call.x,), "bias": (cpu.whole_bias(program, call),), "part": parts,
                      "known": known, "state": (y,), "start": call.start, "final": nowhere,
                      "initial": nowhere}  # fmt: skip
            tensors = cpu.tensors(lowered, groups)
            layers.append((lowered.native, tensors, call.weights))
            self._alive.append((tensors, call.weights))
        first = loops[0].tensors
        make = native.StreamFloat32 if self._x.dtype == torch.float32 else native.StreamFloat64
        x_tensor = first.index(("x", 0)) if ("x", 0) in first else -1
        return make(layers, x_tensor, self.x_shape, self._x.shape[0], self.y)

    def step(self, x: np.ndarray) -> np.ndarray:
        """On the reference engine, where the CPU engine cannot run the layers."""
        fits = isinstance(x, np.ndarray) and x.shape == self.x_shape and x.dtype == self.y.dtype
        if not fits or not x.flags.c_contiguous:
            raise TypeError
        y = torch.from_numpy(x).reshape(1, *self._x.shape)
        with torch.no_grad():
            old, new = [self._y], []
            for program, call in zip(self.programs, self.calls, strict=True):
                result = reference.forward(program, call._replace(x=y))
                y = result.states[0]
                old += call.start
                new += result.final
            # one call: Ctrl-C leaves all of them changed or none
            torch._foreach_copy_(old, [y[0], *new])  # pyright: ignore[reportPrivateImportUsage]
        return self.y

    def begin(self) -> None: ...

    def leave(self) -> None: ...


def _copied(t: Any) -> Any:
    """Tensors as they are now, in memory of their own."""
    if isinstance(t, Tensor):
        return t.detach().clone(memory_format=torch.contiguous_format)
    return tuple(_copied(each) for each in t) if isinstance(t, tuple) else t
