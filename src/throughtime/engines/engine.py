"""What an engine is: a way to run programs over time, forward and backward."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from throughtime.engines.call import Call, Gradients, Result
from throughtime.program.program import Program


class Stepper(NamedTuple):
    """Layers that run one step at a time, each on what the one below puts out.

    - `step`: one step on. It raises `TypeError` for an x of another shape, dtype or layout.
    - `begin`: begin with the states that stand in `Call.start`.
    - `leave`: write the states to `Call.start`.
    - `alive`: what has to live as long as these.
    """

    step: Callable[[np.ndarray], np.ndarray]
    begin: Callable[[], None]
    leave: Callable[[], None]
    alive: Any = None


class Engine(ABC):
    """A way to run programs over time. To add one, derive from this class and put an object of it
    into `ENGINES` of `registry.py`; the first one there that can run a call is chosen.

    An engine decides what it does by the shapes and dtypes of a call, never by timing, so that
    results repeat bit for bit. It keeps nothing between calls. The parameters of a call may be
    `Packed` or `SeparateParameters`; `parameters.pack(call)` makes the second into the first.
    A traceable engine is given packed ones.

    - `name`: what a person writes, `Recurrent(engine=name)`.
    - `traceable`: whether its forward consists of torch operations alone, so that autograd,
      forward-mode differentiation, the transforms of torch.func and autocast follow it. An
      engine that is not traceable has a backward of its own and is one node of autograd's graph.
    - `fresh`: whether the tensors that its forward returns are contiguous and share memory
      neither with each other nor with the call, as torch asks of an operator. Otherwise the
      operator copies them.
    """

    name: str
    traceable: bool = False
    fresh: bool = False

    @abstractmethod
    def why_never(
        self, program: Program, device: str, dtype: torch.dtype, autocast: torch.dtype | None
    ) -> str | None:
        """Why no call of a program can run here whose tensors are all of one device and dtype, or
        None if some can.

        This is all that is asked while torch.compile traces, as tensors have neither numbers nor
        addresses then, and their sizes may be open.

        - `device`: the type of the device, "cpu" or "cuda".
        - `autocast`: the dtype that torch.autocast is active with, or None.
        """

    @abstractmethod
    def why_not(self, program: Program, call: Call) -> str | None:
        """Why a call cannot run here, or None if it can. Of a reason a sentence is made: "... here
        because `reason`."."""

    @abstractmethod
    def forward(self, program: Program, call: Call, *, save: bool = False) -> Result:
        """Run a program over time, see `Call` and `Result`.

        `save`: whether `Result.saved` has what `backward` needs.
        """

    @abstractmethod
    def backward(
        self,
        program: Program,
        call: Call,
        result: Result,
        dstates: Sequence[Tensor | None],
        dfinal: Sequence[Tensor | None],
        *,
        dx: bool = True,
        dstart: bool = True,
    ) -> Gradients:
        """The gradients of a loss through `forward`, see `Gradients`.

        - `result`: the `states` and `saved` that `forward(save=True)` returned for this call. Of
          `final` nothing may be read.
        - `dstates`, `dfinal`: the gradient at `Result.states` and `Result.final`; None for none.
        - `dx`, `dstart`: whether these are wanted. Otherwise they may be None.
        """

    @abstractmethod
    def weight_gradients(self, program: Program, gradients: Gradients) -> tuple[Tensor, ...]:
        """The gradient of each packed weight: its replicas summed over time and rows."""

    @abstractmethod
    def result_like(self, program: Program, call: Call) -> Result:
        """Tensors without numbers, of the shapes and dtypes of those that `forward(save=True)`
        returns, for torch.compile: the tensors of the call may have no numbers either."""

    def forward_both(self, runs: Sequence[tuple[Program, Call]]) -> tuple[Tensor, list[Result]]:
        """Directions over the same steps, of which no gradient is wanted, and their outputs side by
        side, `(T, B, widths)`. An engine that can run them at once overrides this."""
        results = [self.forward(program, call) for program, call in runs]
        return torch.cat([result.states[0] for result in results], -1), results

    def one_step(
        self, programs: list[Program], calls: list[Call], x_shape: tuple[int, ...], y: np.ndarray
    ) -> Stepper | None:
        """Layers ready to be run one step at a time, or None if this engine knows no quicker way
        than a call of `forward` for each step.

        - `calls`: one of one step for each layer, with memory of its own. `start` is where the
          states are between steps; x of each but the first is where the layer below writes.
        - `x_shape`, `y`: the shape of what a step is given, and the memory of what it returns.
        """
        return None

    def compiled(self) -> "Engine":
        """The engine as torch.compile's operator runs it. What it saves has a shape that follows
        from T, B and the program in one way for all T and B."""
        return self

    def fixed(self, program: Program, call: Call) -> "Engine":
        """The engine with all that it chooses by shape chosen as for this call. Then `backward` may
        be given what `forward` has saved with more rows than it had."""
        return self
