"""The CPU engine in C++: loops over time, products around them, memory, pointwise functions, and
the instruction sets that they are built for.

Absent where the package was installed without a C++ compiler; `throughtime.engines` then runs
everything with torch.
"""

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

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

class Lowered:
    """A loop over time as `lower` has taken it, without tensors."""

def operations() -> list[str]:
    """The names of the operations; an instruction names one by its place in this list."""

def lower(
    registers: Sequence[tuple[int, int]],
    instructions: Sequence[tuple[int, int, int, int, int, float, float]],
    stages: Sequence[tuple[int, int, int]],
    matrices: Sequence[tuple[int, int, bool, int, int]],
    constants: Sequence[tuple[int, float]],
    starts: Sequence[tuple[int, int]],
    restarts: Sequence[tuple[int, int]],
    finals: Sequence[tuple[int, int]],
    sums: Sequence[tuple[int, int]],
    arrays: Sequence[tuple[int, int]],
    backward: bool,
) -> Lowered:
    """A loop from plain data, see `native/program.h`.

    **Arguments:**

    - `registers`: width and life of each.
    - `instructions`: operation, target, a, b, c, p, q of each.
    - `stages`: first instruction, the one behind the last, and the width of each.
    - `matrices`: of each the weight, its first row there, whether it is transposed, and the
      numbers of its outputs and inputs.
    - `constants`: register and value.
    - `starts`, `restarts`, `finals`: state register and array.
    - `sums`: width and array of each sum over steps and rows.
    - `arrays`: tensor and first column.
    - `backward`: whether a reset comes after a step and adds to `restarts`.
    """

def run(
    directions: Sequence[
        tuple[Lowered, list[Any], tuple[Any, ...], Sequence[tuple[int, int]], bool, int]
    ],
    is_double: bool,
    steps: int,
    batch: int,
    lengths: int,
    restart: int,
    threads: int,
    split: tuple[int, bool, int, int, int] | None = None,
    instruction_set: str | None = None,
) -> None:
    """Run loops over the same steps at once.

    **Arguments:**

    - `directions`: of each loop what `lower` made; its tensors; its weights, each a tensor or a
      tuple of tensors one below the other; pairs of a state and its start among the tensors,
      where the start is written beside the state over time; whether time runs backward; and at
      which step after step t the resets of t are looked up.
    - `is_double`: whether all tensors are float64; otherwise float32.
    - `lengths`, `restart`: addresses of int64 `(batch,)` and bool `(steps, batch)`; 0 for none.
    - `split`: how the work is cut up, see `split`; chosen if left out.

    **Raises:** `TypeError` for tensors of another type, and what a signal handler raises.
    """

def split(
    lowered: Lowered, is_double: bool, steps: int, batch: int, threads: int
) -> tuple[int, bool, int, int, int]:
    """How `run` would cut up a call: the threads, whether they share each step by units, the rows
    of a tile, the units of a block, and the rows that go through time together."""

def panel(is_double: bool, /) -> int:
    """The outputs of a product that are computed together: two vectors of numbers."""

def affine(
    is_double: bool,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    to: Tensor,
    threads: int,
) -> None:
    """Write x times the transposed weight plus the bias into `to`.

    **Arguments:** `x (rows, in)`, `weight (out, in)`, `bias (out,)`, `to (rows, out)`, or `to`
    with the rows on several axes; neighbouring columns are neighbours in memory.
    """

def outer(
    is_double: bool,
    dz: Tensor,
    products: list[tuple[int, int, Tensor, Tensor, int]],
    threads: int,
) -> None:
    """Write gradients of weights: products of `dz (T, B, columns)` with operands, summed over
    steps and rows.

    **Arguments:** `products`: of each the first column of `dz` and how many; the operand
    `(T, B, width)`; the gradient `(rows, width)`; and the first row in it.
    """

def all_plain(tensors: list[Tensor]) -> bool:
    """Whether all are plain dense tensors on the CPU, all of float32 or all of float64."""

def set_parts(
    to: Tensor, vectors: tuple[Tensor, ...], places: Sequence[tuple[int, int, int, int]]
) -> None:
    """Write a vector that is a sum of parts of others, and 0 where there is no part.

    **Arguments:** `places`: of each part the vector, its first number there, the first number in
    `to`, and how many.
    """

def empty_float32(count: int) -> Tensor:
    """A new tensor `(count,)`, not filled, of memory that is kept for the next call."""

def empty_float64(count: int) -> Tensor:
    """As `empty_float32`."""

def memory_kept() -> int:
    """The bytes that are free and kept for the next call."""

def release_memory() -> None:
    """Give the kept memory back to the system."""

def threads_from() -> str:
    """The OpenMP runtime that the threads belong to; empty for threads of throughtime's own."""

class StreamFloat32:
    """Layers of float32 that go one step at a time, each on what the one below puts out.

    **Arguments:**

    - `layers`: of each what `lower` made, its tensors and its weights, see `run`. They have to
      live as long as the stream.
    - `x_tensor`: which tensor of the first layer is x; -1 if it reads none.
    - `x_shape`: the shape of x at each step.
    - `batch`: how many rows.
    - `y`: what `step` returns, the memory that the last layer writes.
    """

    def __init__(
        self,
        layers: Sequence[tuple[Lowered, list[Any], tuple[Any, ...]]],
        x_tensor: int,
        x_shape: Sequence[int],
        batch: int,
        y: object,
    ) -> None: ...
    def step(self, x: NDArray[np.float32]) -> Any:
        """Go one step on and return y. **Raises:** `TypeError` for x of another shape or type."""

    def begin(self) -> None:
        """Take the states from the tensors of the layers."""

    def leave(self) -> None:
        """Write the states into the tensors of the layers."""

class StreamFloat64:
    """As `StreamFloat32`, of float64."""

    def __init__(
        self,
        layers: Sequence[tuple[Lowered, list[Any], tuple[Any, ...]]],
        x_tensor: int,
        x_shape: Sequence[int],
        batch: int,
        y: object,
    ) -> None: ...
    def step(self, x: NDArray[np.float64]) -> Any: ...
    def begin(self) -> None: ...
    def leave(self) -> None: ...

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
