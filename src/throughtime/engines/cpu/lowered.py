"""A loop over time as data, and the native loop that is made of it."""

import functools
from dataclasses import dataclass
from typing import Any

from throughtime.engines.cpu.native import native
from throughtime.engines.cpu.stages import Register, Stage
from throughtime.engines.derived import weight_rows
from throughtime.program.program import Program


@dataclass(frozen=True, eq=False, repr=False)
class Lowered:
    """A loop over time. Printing it shows what each step reads, computes and writes.

    - `backward`: whether it is the loop backward of the program.
    - `tensors`: what it reads and writes, in the order in which the native loop is given them:
      the name of an array, and which of that name; see `throughtime.engines.lower`.
    - `arrays`: the columns of these that instructions name: the tensor and its first column.
    - `matrices`: weights, and whether each is transposed.
    - `registers`, `stages`: see `stages.py`.
    - `constants`: registers and the number in each.
    - `starts`, `restarts`, `finals`: of each state its register and an array.
    - `sums`: the width and the array of each `accumulate`.
    """

    program: Program
    backward: bool
    tensors: tuple[tuple[str, int], ...]
    arrays: tuple[tuple[int, int], ...]
    matrices: tuple[tuple[str, bool], ...]
    registers: tuple[Register, ...]
    stages: tuple[Stage, ...]
    constants: tuple[tuple[int, float], ...]
    starts: tuple[tuple[int, int], ...]
    restarts: tuple[tuple[int, int], ...]
    finals: tuple[tuple[int, int], ...]
    sums: tuple[tuple[int, int], ...]

    @functools.cached_property
    def native(self) -> Any:
        """The same in the compiled module."""
        codes, lines, ends = _codes(), [], []
        for stage in self.stages:
            begin = len(lines)
            lines += [(codes[i.op], max(i.to, 0), i.a, i.b, i.c, float(i.p), float(i.q))
                      for i in stage.instructions]  # fmt: skip
            ends.append((begin, len(lines), stage.width))
        matrices = []
        for weight, transposed in self.matrices:
            k, rows = weight_rows(self.program)[weight]
            out, in_ = self.program.parameters[weight].shape
            shape = (in_, out) if transposed else (out, in_)
            matrices.append((k, rows.start, transposed, *shape))
        return native().lower(
            [(register.width, register.life) for register in self.registers], lines, ends,
            matrices, self.constants, self.starts, self.restarts, self.finals, self.sums,
            self.arrays, self.backward,
        )  # fmt: skip

    def __str__(self) -> str:
        from throughtime.engines.cpu.listing import text_of

        return text_of(self)


@functools.cache
def _codes() -> dict[str, int]:
    """The number of each operation in the compiled module."""
    return {name: k for k, name in enumerate(native().operations())}
