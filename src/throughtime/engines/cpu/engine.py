"""The CPU engine as one object, see `Engine`.

What depends on the input alone is part of the loop in C++, or, where few rows go through time or
few units read a wide input, one product ahead of it; what no step waits for is done after the
loop. See `lower.py` for what the loops do and `derived.py` for what they keep.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from throughtime.engines.call import Call, Gradients, Result
from throughtime.engines.cpu import backward, forward, one_step, products
from throughtime.engines.cpu.native import native
from throughtime.engines.cpu.settings import Settings, Split, hoisted
from throughtime.engines.derived import operand_states, stored_columns
from throughtime.engines.engine import Engine, Stepper
from throughtime.engines.flat import flatten
from throughtime.engines.time_order import steady
from throughtime.program.program import Program

DTYPES = (torch.float32, torch.float64)
_PLAIN = (Tensor, torch.nn.Parameter)
_MISSING = "the compiled module is missing: throughtime was installed without a C++ compiler"


class CPU(Engine):
    """Runs float32 and float64 on the CPU.

    Results do not depend on the arguments, but for rounding: they are for tests.

    - `hoist`, `split`, `views`: see `Settings`.
    """

    name = "cpu"

    def __init__(
        self, *, hoist: bool | None = None, split: Split | None = None, views: bool = True
    ) -> None:
        self.settings, self.fresh = Settings(hoist, split, views), not views

    def why_never(
        self, program: Program, device: str, dtype: torch.dtype, autocast: torch.dtype | None
    ) -> str | None:
        if native() is None:
            return _MISSING
        if autocast is not None:
            return "autocast is active"
        if device != "cpu":
            return "not all tensors are on the CPU"
        return None if dtype in DTYPES else _unknown({dtype})

    def why_not(self, program: Program, call: Call) -> str | None:
        module = native()
        if module is None:
            return _MISSING
        tensors = flatten(call)
        mode = torch._C._len_torch_dispatch_stack()
        if not mode and not torch.is_autocast_enabled("cpu") and module.all_plain(tensors):
            if any([t.is_neg() for t in tensors]):  # a view that torch negates as it is read
                return "a tensor is a negated view: call resolve_neg() on it"
            return None
        if mode or any(type(t) not in _PLAIN for t in tensors):
            return "tensors are not plain: a torch mode or subclass is active"
        if torch.is_autocast_enabled("cpu"):
            return "autocast is active"
        if not all(t.is_cpu for t in tensors):
            return "not all tensors are on the CPU"
        dtypes = {t.dtype for t in tensors}
        if len(dtypes) > 1 or call.x.dtype not in DTYPES:
            return _unknown(dtypes)
        return "not all tensors are dense"

    def forward(self, program: Program, call: Call, *, save: bool = False) -> Result:
        return forward.forward(program, call, self.settings, save=save)

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
        return backward.backward(
            program, call, self.settings, result, dstates, dfinal, dx=dx, dstart=dstart
        )

    def weight_gradients(self, program: Program, gradients: Gradients) -> tuple[Tensor, ...]:
        return products.weight_gradients(program, gradients)

    def result_like(self, program: Program, call: Call) -> Result:
        x, widths = call.x, [*program.states.values()]
        T, B = x.shape[:2]
        states = [x.new_empty(T, B, width) for width in widths]
        columns = stored_columns(program, self.settings.loop_mode(program, call))[1]
        shown = len(states) if call.every_state else 1
        saved = [x.new_empty(T, B, columns), *states[shown:]]
        if self.settings.views and steady(call):
            saved += [torch.empty_like(states[k]) for k in operand_states(program)]
        final = tuple(torch.empty_like(s) for s in call.start)
        return Result(tuple(states[:shown]), final, tuple(saved))

    def forward_both(self, runs: Sequence[tuple[Program, Call]]) -> tuple[Tensor, list[Result]]:
        return forward.forward_both(runs, self.settings)

    def one_step(
        self, programs: list[Program], calls: list[Call], x_shape: tuple[int, ...], y: np.ndarray
    ) -> Stepper:
        return one_step.stepper(programs, calls, x_shape, y)

    def compiled(self) -> "CPU":
        """Every shape in one way, so that none is a constant of the graph."""
        return CPU(hoist=False, split=self.settings.split, views=False)

    def fixed(self, program: Program, call: Call) -> "CPU":
        settings = self.settings
        hoist = hoisted(program, call) if settings.hoist is None else settings.hoist
        return CPU(hoist=hoist, split=settings.split, views=settings.views)


def _unknown(dtypes: set[torch.dtype]) -> str:
    return f"the dtypes are {', '.join(sorted(map(str, dtypes)))}, not one of torch.float32 and " \
           "torch.float64"  # fmt: skip
