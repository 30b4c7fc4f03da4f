"""One step at a time: layers whose weights are packed once and whose states stay where they are."""

import numpy as np
import torch
from torch import Tensor

from throughtime.engines.call import Call
from throughtime.engines.engine import Stepper
from throughtime.engines.flat import flatten, layout, restore
from throughtime.engines.registry import able
from throughtime.program.program import Program


class OneStep:
    """Layers, each on what the one below puts out, one step at a time on the calling thread.

    - `layers`: for each its program and a call of one step. Its tensors are copied; of the
      inputs `(1, B, I)` only the shape is read, that of the first.
    - `rows`: whether x and y have an axis of rows.

    `step(x)` takes an array `(B, I)` or `(I,)` and returns `y`, written anew at each step;
    `begin()` begins with the states in `states`, for each layer `(B, width)`, and `leave()`
    writes them there. The first engine that can run the first layer runs all of them.
    """

    def __init__(self, layers: list[tuple[Program, Call]], rows: bool) -> None:
        self.programs = [program for program, _ in layers]
        self.calls: list[Call] = []
        x = torch.zeros_like(layers[0][1].x, memory_format=torch.contiguous_format)
        for program, call in layers:
            copied, _ = restore(layout(call), [_copied(t) for t in flatten(call)])
            self.calls.append(copied._replace(x=x))
            x = x.new_zeros(1, x.shape[1], program.states[program.output])
        self.states = [call.start for call in self.calls]
        self._x, self._y = self.calls[0].x[0], x[0]
        self.x_shape = tuple(self._x.shape[0 if rows else 1 :])
        self.y: np.ndarray = (self._y if rows else self._y[0]).numpy()
        self._engine = able(self.programs[0], self.calls[0])
        stepper = self._engine.one_step(self.programs, self.calls, self.x_shape, self.y)
        if stepper is None:  # then the states are in `Call.start` all the time
            stepper = Stepper(self._forward, lambda: None, lambda: None)
        self.step, self.begin, self.leave, self._alive = stepper

    def _forward(self, x: np.ndarray) -> np.ndarray:
        """A call of the engine's forward for each layer, where it has no quicker way."""
        fits = isinstance(x, np.ndarray) and x.shape == self.x_shape and x.dtype == self.y.dtype
        if not fits or not x.flags.c_contiguous:
            raise TypeError
        y = torch.from_numpy(x).reshape(1, *self._x.shape)
        with torch.no_grad():
            old, new = [self._y], []
            for program, call in zip(self.programs, self.calls, strict=True):
                result = self._engine.forward(program, call._replace(x=y))
                y = result.states[0]
                old += call.start
                new += result.final
            # one call: Ctrl-C leaves all of them changed or none
            torch._foreach_copy_(old, [y[0], *new])  # pyright: ignore[reportPrivateImportUsage]
        return self.y


def _copied(t: Tensor) -> Tensor:
    """A tensor as it is now, in memory of its own."""
    return t.detach().clone(memory_format=torch.contiguous_format)
