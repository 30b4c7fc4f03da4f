"""A loop over time as data: the native loop that is made of it, and the text that it prints."""

import functools
import textwrap
from dataclasses import dataclass
from typing import Any

from throughtime.engines.cpu.instructions import (
    BLOCK,
    CONSTANT,
    NEXT,
    NUMBERS,
    STATE,
    STEP,
    TILE,
    Instruction,
    Register,
    Stage,
)
from throughtime.engines.cpu.native import compiled
from throughtime.engines.derived import weight_rows
from throughtime.program.program import Program

WIDTH = 100  # of a line
KEEP = "\N{NO-BREAK SPACE}"  # a space at which no line is broken
LIVES = {
    STATE: "state, before this step, for every row",
    NEXT: "next, after this step, for every row",
    CONSTANT: "constant, filled before the first step",
    STEP: "step, from one stage to another, for every row",
    TILE: "tile, scratch of a stage, all units of a few rows",
    BLOCK: "block, scratch of a stage, a block of units of a few rows",
}
OF_STATES = ("state", "start", "initial", "final", "dstate", "dfinal", "dinitial", "dstart")
SIDE_BY_SIDE = ("bias", "part", "saved", "dz", "dbias")  # arrays with the columns of many values
SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "lt": "<", "le": "<=",
         "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}  # fmt: skip
FORMULAS = {
    "copy": "{0}",
    "neg": "-{0}",
    "multiply_add": "{0} * {1} + {2}",
    "tanh_slope": "{0} * (1 - {1} * {1})",
    "sigmoid_slope": "{0} * ((1 - {1}) * {1})",
}


@dataclass(frozen=True, eq=False, repr=False)
class Lowered:
    """A loop over time. Printing it shows what each step reads, computes and writes.

    - `backward`: whether it is the loop backward of the program.
    - `tensors`: what it reads and writes, in the order in which the native loop is given them:
      the name of an array, and which of that name; see `throughtime.engines.lower`.
    - `arrays`: the columns of these that instructions name: the tensor and its first column.
    - `matrices`: weights, and whether each is transposed.
    - `registers`, `stages`: see `instructions.py`.
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
        return compiled().lower(
            [(register.width, register.life) for register in self.registers], lines, ends,
            matrices, self.constants, self.starts, self.restarts, self.finals, self.sums,
            self.arrays, self.backward,
        )  # fmt: skip

    def __str__(self) -> str:
        return "\n".join(_Text(self).lines())


@functools.cache
def _codes() -> dict[str, int]:
    """The number of each operation in the compiled module."""
    return {name: k for k, name in enumerate(compiled().operations())}


class _Text:
    """The arrays, the registers with their lives and widths, and the instructions by stage."""

    def __init__(self, lowered: Lowered) -> None:
        self.lowered = lowered
        self.names: dict[int, str] = {}
        gradient = "d" if lowered.backward else ""
        pairs = zip(lowered.program.states, lowered.starts, strict=True)
        for name, (register, _) in pairs:
            self.names[register], self.names[register + 1] = gradient + name, f"{gradient}{name}'"

    def lines(self) -> list[str]:
        lowered = self.lowered
        direction = "backward" if lowered.backward else "forward"
        lines = [f"{lowered.program.cell}: loop {direction}", "  arrays"]
        lines += _wrapped(", ".join(map(self.tensor, range(len(lowered.tensors)))))
        lines += ["  registers, and their widths"]
        lines += [line for text in self.registers() for line in _wrapped(text)]
        lines += ["  where a sequence begins, is reset and ends"]
        lines += [line for text in self.boundaries() for line in _wrapped(text)]
        for k, stage in enumerate(lowered.stages):
            lines.append(f"  stage {k + 1}, {_manner(stage)}")
            lines += [f"    {self.instruction(i)}" for i in stage.instructions]
        return lines

    def registers(self) -> list[str]:
        numbers, lines = dict(self.lowered.constants), []
        for life, words in LIVES.items():
            of_life = []
            for r, register in enumerate(self.lowered.registers):
                if register.life == life:
                    value = f" = {numbers[r]:g}" if r in numbers else ""
                    of_life.append(f"{self.register(r)}{KEEP}({register.width}){value}")
            if of_life:
                lines.append(f"{words}: {', '.join(of_life)}")
        return lines

    def boundaries(self) -> list[str]:
        lowered, lines = self.lowered, []
        rows = zip(lowered.starts, lowered.restarts, lowered.finals, strict=True)
        for (register, start), (_, restart), (_, final) in rows:
            name = self.register(register)
            reset = (f"{self.whole(restart)} += {name}' and {name}' = 0" if lowered.backward
                     else f"{name} = {self.whole(restart)}")  # fmt: skip
            lines.append(f"first {name} = {self.whole(start)}; at a reset {reset}; "
                         f"last {self.whole(final)} = {name}'")  # fmt: skip
        return lines

    def instruction(self, i: Instruction) -> str:
        to, read = self.register(i.to), [self.register(r) for r in i.sources]
        if i.op == "load":
            return f"{to} = {self.array(i.a, self.lowered.registers[i.to].width)}"
        if i.op == "previous":
            return f"{to} = {self.whole(i.a)} of the step before"
        if i.op == "store":
            return f"{self.array(i.a, self.lowered.registers[i.b].width)} = {read[0]}"
        if i.op == "accumulate":
            width, array = self.lowered.sums[i.a]
            return f"{self.array(array, width)} += sum of {read[0]} over rows"
        if i.op == "zero":
            return f"{to} = 0"
        if i.op == "product":
            weight, transposed = self.lowered.matrices[i.b]
            return f"{to} += {weight}{'ᵀ' * transposed}·{read[0]}"
        return f"{to} = {_formula(i, read)}"

    def register(self, r: int) -> str:
        return self.names.get(r, f"r{r}")

    def tensor(self, k: int) -> str:
        name, number = self.lowered.tensors[k]
        if name in OF_STATES:
            return f"{name}_{[*self.lowered.program.states][number]}"
        if name == "dvector":
            return f"d{self.lowered.program.vectors[number]}"
        if name == "known":
            node = self.lowered.program.nodes[number]
            return f"known_{node.name or node.attributes.get('name', number)}"
        return f"{name}_{number}" if name in ("part", "kept") else name

    def whole(self, array: int) -> str:
        return self.tensor(self.lowered.arrays[array][0])

    def array(self, array: int, width: int) -> str:
        tensor, first = self.lowered.arrays[array]
        columns = self.lowered.tensors[tensor][0] in SIDE_BY_SIDE
        return f"{self.tensor(tensor)}[{first}:{first + width}]" * columns or self.tensor(tensor)


def _wrapped(text: str) -> list[str]:
    lines = textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="      ")
    return [line.replace(KEEP, " ") for line in lines]


def _manner(stage: Stage) -> str:
    if stage.width:
        return f"block by block of {stage.width} unit{'s' * (stage.width > 1)}"
    return "all units at once"


def _formula(i: Instruction, read: list[str]) -> str:
    if i.op in FORMULAS:
        return FORMULAS[i.op].format(*read)
    if i.op in SIGNS:
        return f"{read[0]} {SIGNS[i.op]} {read[1]}"
    names = ("tanh",) if i.op == "gelu" else NUMBERS.get(i.op, ())
    numbers = [f"{name}={value:g}" for name, value in zip(names, (i.p, i.q), strict=False)]
    return f"{i.op}({', '.join(read + numbers)})"
