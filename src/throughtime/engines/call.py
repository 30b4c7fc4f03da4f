"""The contract of an engine: what it is given and what it returns.

An engine runs a program over time, forward and backward, see `engine.py`. It knows programs,
never cells by name. It owns nothing: every tensor belongs to the caller.
"""

from typing import NamedTuple

from torch import Tensor


class Packed(NamedTuple):
    """The weights and biases of all affine maps, as the products of a schedule read them.

    - `weights`: one matrix for each product, `(sum of sizes, operand width)`.
    - `bias`: one vector over all affine maps, `(columns,)`, 0 where a map has none. None if no
      map has one.
    """

    weights: tuple[Tensor, ...]
    bias: Tensor | None


class SeparateParameters(NamedTuple):
    """The same weights and biases as a layer has them: one tensor for each parameter.

    - `biases`: vectors of any lengths. A packed bias `(columns,)` is the sum of their parts, and
      0 where no part is. Empty if no map has a bias.
    - `places`: of each part `(vector, its first number, its first column, how many numbers)`.
      The parts of a vector follow each other in it and leave no number out.
    - `columns`: how many columns the packed bias has.
    - `weights`: for each product the matrices that stand one below the other in its weight.
    """

    biases: tuple[Tensor, ...]
    places: tuple[tuple[int, int, int, int], ...]
    columns: int
    weights: tuple[tuple[Tensor, ...], ...]


class Call(NamedTuple):
    """What an engine is given beside the program. All tensors are of one dtype and device.

    - `x`: inputs `(T, B, I)`, any strides.
    - `start`: for each state, its value before the first step, `(B, width)`; where all are
      `(1, B, width)`, as torch.nn has them, so are `Result.final` and `Gradients.dstart`. A
      caller may give `(width,)`, one value for all sequences, which no engine sees.
    - `initial`: for each state, what a reset puts in its place, `(B, width)`; empty without
      resets.
    - `parameters`: the weights and biases, `Packed` or `SeparateParameters`.
    - `vectors`: the vector parameters in the order of the program, `(width,)`.
    - `randoms`: noise and masks in the order of the program: `(T, B, width)` for scope step,
      `(B, width)` for scope sequence.
    - `lengths`: real steps of each sequence, int64 `(B,)`, 0 to T; None: all have T.
    - `resets`: bool `(T, B)`: before step t forward and after it backward the state is
      `initial`; None: never.
    - `reverse`: whether time runs backward, each sequence from its own last real step.
    - `every_state`: whether the values over time of all states are wanted, or of the first,
      the output of the cell, alone.
    - `recompute`: whether backward computes the values inside the steps again, so that forward
      keeps little more than the states.
    """

    x: Tensor
    start: tuple[Tensor, ...]
    initial: tuple[Tensor, ...]
    parameters: Packed | SeparateParameters
    vectors: tuple[Tensor, ...]
    randoms: tuple[Tensor, ...] = ()
    lengths: Tensor | None = None
    resets: Tensor | None = None
    reverse: bool = False
    every_state: bool = True
    recompute: bool = False


class Result(NamedTuple):
    """What forward returns.

    - `states`: for each state its value after every step, `(T, B, width)`, 0 at steps past a
      sequence's length; the first alone unless `every_state`.
    - `final`: for each state its value after the last real step in the direction of time,
      `(B, width)`; `start` for a sequence of length 0.
    - `saved`: what backward needs beside the states, as the engine likes it; empty unless
      asked for.
    """

    states: tuple[Tensor, ...]
    final: tuple[Tensor, ...]
    saved: tuple[Tensor, ...] = ()


class Gradients(NamedTuple):
    """What backward returns.

    - `dz`: at the output of every affine map at every step, `(T, B, columns)`, packed as
      `bias`; 0 at steps past a length. The gradient of the replica of a weight at step t is
      `dz[t].T @ operand[t]` of the map's columns.
    - `operands`: of each product at every step, `(T, B, width)`.
    - `dx`, `dstart`, `dinitial`: as `x`, `start`, `initial`; None for what was not wanted.
    - `dvectors`: summed over time and rows, `(width,)`.
    - `dbias`: `dz` summed over time and rows, `(columns,)`; None without a bias.
    """

    dz: Tensor
    operands: tuple[Tensor, ...]
    dx: Tensor | None
    dstart: tuple[Tensor | None, ...]
    dinitial: tuple[Tensor, ...]
    dvectors: tuple[Tensor, ...]
    dbias: Tensor | None
