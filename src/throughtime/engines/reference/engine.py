"""The reference engine as one object, see `Engine`."""

from collections.abc import Sequence

import torch
from torch import Tensor

from throughtime.engines.call import Call, Gradients, Result
from throughtime.engines.engine import Engine
from throughtime.engines.reference import backward, forward
from throughtime.program.program import Program


class Reference(Engine):
    """Runs every call, on any device and in any dtype; what is slow about it is Python's loop."""

    name = "reference"
    traceable = True

    def why_never(
        self, program: Program, device: str, dtype: torch.dtype, autocast: torch.dtype | None
    ) -> str | None:
        return None

    def why_not(self, program: Program, call: Call) -> str | None:
        return None

    def forward(self, program: Program, call: Call, *, save: bool = False) -> Result:
        return forward.forward(program, call, save=save)

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
        return backward.backward(program, call, result, dstates, dfinal)

    def weight_gradients(self, program: Program, gradients: Gradients) -> tuple[Tensor, ...]:
        return backward.weight_gradients(program, gradients)

    def result_like(self, program: Program, call: Call) -> Result:
        """From one step, as autocast has its own rules for the dtypes of values."""
        T, B = call.x.shape[:2]
        one_step = call._replace(
            x=call.x[:1],
            randoms=tuple(r[:1] if r.dim() == 3 else r for r in call.randoms),
            resets=None if call.resets is None else call.resets[:1],
        )
        result = self.forward(program, one_step, save=True)

        def over_time(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return tuple(t.new_empty(T, B, t.shape[-1]) for t in tensors)

        final = tuple(torch.empty_like(f) for f in result.final)
        return Result(over_time(result.states), final, over_time(result.saved))
