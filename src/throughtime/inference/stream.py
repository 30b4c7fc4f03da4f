"""A recurrent network one step at a time, as the data comes in."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from throughtime.engines.call import Call
from throughtime.engines.one_step import OneStep
from throughtime.errors import OptionError, ShapeError, whole
from throughtime.inference.programs import TORCH, like, programs
from throughtime.layers import Recurrent
from throughtime.program import Program


class Stream:
    """Runs a layer one step at a time: the same numbers as over the whole sequence.

    ```python
    stream = Stream(layer)      # weights packed once
    for x in source:            # float32, (I,)
        y = stream.step(x)      # (H,), written anew at the next step: copy what you keep
    ```

    Layers in eval mode, forward in time, their weights as they are now: one that is trained
    further is given to a new stream. Steps run on the calling thread, one at a time; several
    streams may run at once. Weights are packed once and states stay where they are, so that a
    step costs little more than its arithmetic.

    **Arguments:**

    - `layer`: a `Recurrent`, or an LSTM, GRU or RNN of `torch.nn` or `throughtime.nn`, on the
      CPU, of a dtype that numpy has: bfloat16 is none.
    - `batch`: how many streams side by side, then x is `(batch, I)` and y `(batch, H)`; one
      without that axis unless given.

    **Raises:** `OptionError` for another kind of layer, one of a dtype that numpy lacks, one that
    runs backward in time or a batch that is no whole number from 1 on.
    """

    def __init__(self, layer: torch.nn.Module, batch: int | None = None) -> None:
        if batch is not None:
            whole("Stream", "batch", batch, "Leave it out for one stream.")
        self._steps = OneStep(_layers(layer, batch or 1), rows=batch is not None)
        self._begin = [tuple(s.clone() for s in states) for states in self._steps.states]
        self._step = self._steps.step

    def step(self, x: np.ndarray) -> np.ndarray:
        """One step on.

        **Arguments:**

        - `x`: array `(I,)`, with a batch `(batch, I)`, C-contiguous, of the layer's dtype.

        **Returns:** the output `(H,)`, `(batch, H)`: a view of memory that the next step
        writes.

        **Raises:** `ShapeError` for an x of another shape, dtype or layout; no state has then
        changed.
        """
        try:
            return self._step(x)
        except TypeError:
            raise self._unfit(x) from None

    def reset(self) -> None:
        """Begin anew with the initial state of the layer."""
        self._put(self._begin)

    @property
    def state(self) -> tuple[dict[str, Tensor], ...]:
        """A copy of the states of each layer, by name, `(batch, width)`; 1 without a batch."""
        self._steps.leave()
        pairs = zip(self._steps.programs, self._steps.states, strict=True)
        return tuple(
            {name: s.clone() for name, s in zip(program.states, states, strict=True)}
            for program, states in pairs
        )

    @state.setter
    def state(self, state: Sequence[Mapping[str, Tensor]]) -> None:
        programs, ordered = self._steps.programs, []
        layers = list(state) if isinstance(state, Sequence) else []
        if len(layers) != len(programs):
            raise ShapeError(
                f"`Stream`: state has {len(layers)} layers; expected {len(programs)}. Give one as "
                "`stream.state` returned it."
            )
        for k, (program, named) in enumerate(zip(programs, layers, strict=True)):
            own = self._steps.states[k]
            for name, mine in zip(program.states, own, strict=True):
                got = named.get(name) if isinstance(named, Mapping) else None
                if not isinstance(got, Tensor) or got.shape != mine.shape:
                    what = tuple(got.shape) if isinstance(got, Tensor) else type(got).__name__
                    raise ShapeError(
                        f"`Stream`: state[{k}][{name!r}] has {what}; expected a tensor "
                        f"{tuple(mine.shape)}. Give one as `stream.state` returned it."
                    )
            ordered.append([named[name] for name in program.states])
        self._put(ordered)

    def _put(self, states: Sequence[Sequence[Tensor]]) -> None:
        for own, given in zip(self._steps.states, states, strict=True):
            for to, value in zip(own, given, strict=True):
                to.copy_(value)
        self._steps.begin()

    def _unfit(self, x: Any) -> ShapeError:
        shape, dtype = self._steps.x_shape, self._steps.y.dtype
        want = f"a C-contiguous numpy array {shape} of {dtype}"
        if not isinstance(x, np.ndarray):
            return ShapeError(
                f"`Stream.step`: x is a {type(x).__name__}; expected {want}. "
                f"Write `np.asarray(x, dtype=np.{dtype})`."
            )
        layout = "" if x.flags.c_contiguous else ", not C-contiguous"
        return ShapeError(
            f"`Stream.step`: x has shape {x.shape} and dtype {x.dtype}{layout}; expected {want}. "
            f"Write `np.ascontiguousarray(x, dtype=np.{dtype})`, with {shape[-1]} numbers a row."
        )


def _layers(layer: torch.nn.Module, batch: int) -> list[tuple[Program, Call]]:
    """The program and a call of one step for each layer."""
    if not isinstance(layer, (Recurrent, *TORCH)):
        raise OptionError(
            f"`Stream`: layer is a {type(layer).__name__}; expected a Recurrent, or an LSTM, GRU "
            "or RNN of torch.nn. Give the recurrent layer alone, `model.recurrent` of a Model."
        )
    one = like(layer)
    if one.device.type != "cpu":
        raise OptionError(
            f"`Stream`: layer is on {one.device}; expected it on the CPU. Write `layer.cpu()`."
        )
    try:
        one.new_empty(0).numpy()
    except TypeError:
        raise OptionError(
            f"`Stream`: layer has dtype {one.dtype}; expected torch.float32, torch.float64 or "
            "torch.float16, because a step takes and returns numpy arrays. Write "
            "`copy.deepcopy(layer).float()`, which computes with the same weights."
        ) from None
    direction = getattr(layer, "direction", "both" if getattr(layer, "bidirectional", 0) else "")
    if direction in ("backward", "both"):
        raise OptionError(
            f'`Stream`: layer runs in direction {direction!r}; expected "forward", because a '
            "step backward in time waits for the end. Train one that runs forward."
        )
    return programs(layer, batch=batch)
