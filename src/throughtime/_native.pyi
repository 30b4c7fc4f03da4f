"""The CPU engine in C++: pointwise functions and the instruction sets they are built for.

Absent where the package was installed without a C++ compiler; `throughtime.engines` then runs
everything with torch.
"""

from typing import overload

import numpy as np
from numpy.typing import NDArray

@overload
def exp(x: NDArray[np.float32], instruction_set: str | None = None) -> NDArray[np.float32]: ...
@overload
def exp(x: NDArray[np.float64], instruction_set: str | None = None) -> NDArray[np.float64]:
    """e to the power of each number, within 4 units in the last place.

    **Arguments:**

    - `x`: C-contiguous, shape `(N,)`, float32 or float64; not changed.
    - `instruction_set`: one of `instruction_sets()`; `chosen_instruction_set()` if left out.

    **Returns:** a new array, shape `(N,)`, of the type of `x`.

    **Raises:** `TypeError` for another type or layout, `ValueError` for an instruction set that
    this machine does not run.
    """

@overload
def tanh(x: NDArray[np.float32], instruction_set: str | None = None) -> NDArray[np.float32]: ...
@overload
def tanh(x: NDArray[np.float64], instruction_set: str | None = None) -> NDArray[np.float64]:
    """Hyperbolic tangent of each number; arguments, result and errors as for `exp`."""

@overload
def sigmoid(x: NDArray[np.float32], instruction_set: str | None = None) -> NDArray[np.float32]: ...
@overload
def sigmoid(x: NDArray[np.float64], instruction_set: str | None = None) -> NDArray[np.float64]:
    """1 / (1 + exp(-x)) of each number; arguments, result and errors as for `exp`.

    Far left of zero the result keeps its relative precision; it is 0 where exp(-x) overflows.
    """

def instruction_sets() -> list[str]:
    """The instruction sets that this machine runs and the library was built for, best last.

    `"baseline"`, `"avx2"` (with FMA) and `"avx512"` (F, DQ, VL, BW) on x86-64, `"neon"` on
    aarch64, `"baseline"` elsewhere.
    """

def chosen_instruction_set() -> str:
    """The instruction set in use where a call names none.

    The one that the environment's `THROUGHTIME_INSTRUCTION_SET` names, else the last of
    `instruction_sets()`. Raises ValueError where this machine does not run the one named.
    """
