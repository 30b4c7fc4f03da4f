"""Registers and instructions of a loop, as they are written down, and the native loop they make."""

import functools
import math
from dataclasses import dataclass
from typing import Any

from throughtime.engines.cpu.stages import (
    CONSTANT,
    NEXT,
    NOWHERE,
    STATE,
    Instruction,
    Register,
    share,
    stages,
)
from throughtime.engines.derived import weight_rows
from throughtime.program.graph import Node
from throughtime.program.program import Program

# the numbers of an operation, in the order of p and q
NUMBERS = {
    "variance": ("correction",), "leaky_relu": ("negative_slope",), "elu": ("alpha", "scale"),
    "softplus": ("beta", "threshold"), "hardtanh": ("min_val", "max_val"),
}  # fmt: skip
NAMES = {"and": "logical_and", "or": "logical_or", "not": "logical_not"}


@dataclass(frozen=True)
class Lowered:
    """A native loop, and what it is to be given.

    - `tensors`: the keys of what it reads and writes, in order: a name, and which of that name.
    """

    native: Any
    tensors: tuple[tuple[str, int], ...]


class Emitter:
    """Collects registers, instructions and the keys of arrays and matrices."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.registers: list[Register] = []
        self.instructions: list[Instruction] = []
        self.tensors: dict[tuple[Any, ...], int] = {}
        self.arrays: dict[tuple[int, int], int] = {}  # tensor, column
        self.matrices: dict[tuple[str, bool], int] = {}
        self.shapes: list[tuple[int, int]] = []
        self.filled: list[tuple[int, float]] = []
        self.starts: list[tuple[int, int]] = []
        self.restarts: list[tuple[int, int]] = []
        self.finals: list[tuple[int, int]] = []
        self.sums: list[tuple[int, int]] = []
        self.constants: dict[tuple[str, int], int] = {}
        self.expanded: dict[tuple[int, int], int] = {}
        self.states: dict[str, int] = {}

    def register(self, width: int, life: int | None = None) -> int:
        self.registers.append(Register(width) if life is None else Register(width, life))
        return len(self.registers) - 1

    def array(self, key: tuple[Any, ...], column: int = 0) -> int:
        tensor = self.tensors.setdefault(key, len(self.tensors))
        return self.arrays.setdefault((tensor, column), len(self.arrays))

    def emit(self, op: str, to: int, *sources: int, p: float = 0.0, q: float = 0.0) -> int:
        abc = dict(zip("abc", sources, strict=False))
        self.instructions.append(Instruction(op, to, **abc, p=p, q=q, reads=tuple(abc)))
        return to

    def load(self, array: int, width: int, to: int | None = None) -> int:
        to = self.register(width) if to is None else to
        self.instructions.append(Instruction("load", to, array))
        return to

    def previous(self, name: str) -> int:
        """A state before this step, in the loop backward."""
        to, k = self.register(self.program.states[name]), [*self.program.states].index(name)
        state, start, initial = (self.array((kind, k)) for kind in ("state", "start", "initial"))
        self.instructions.append(Instruction("previous", to, state, start, initial))
        return to

    def store(self, array: int, register: int) -> None:
        self.instructions.append(Instruction("store", NOWHERE, array, register, reads=("b",)))

    def accumulate(self, array: int, register: int) -> None:
        self.sums.append((self.registers[register].width, array))
        self.instructions.append(
            Instruction("accumulate", NOWHERE, len(self.sums) - 1, register, reads=("b",))
        )

    def constant(self, value: float, width: int) -> int:
        key = repr(value), width
        if key not in self.constants:
            self.constants[key] = self.register(width, CONSTANT)
            self.filled.append((self.constants[key], value))
        return self.constants[key]

    def product(self, to: int, operand: int, weight: str, transposed: bool) -> None:
        key = (weight, transposed)
        if key not in self.matrices:
            self.matrices[key] = len(self.matrices)
            out, in_ = self.program.parameters[weight].shape
            self.shapes.append((in_, out) if transposed else (out, in_))
        self.instructions.append(
            Instruction("product", to, operand, self.matrices[key], reads=("a",))
        )

    def state(self, name: str, start: str, initial: str, final: str) -> int:
        """The register of a state, `next` behind it; the kinds of its arrays."""
        k = [*self.program.states].index(name)
        register = self.states[name] = self.register(self.program.states[name], STATE)
        self.register(self.program.states[name], NEXT)
        self.starts.append((register, self.array((start, k))))
        self.restarts.append((register, self.array((initial, k))))
        self.finals.append((register, self.array((final, k))))
        return register

    def expand(self, register: int, width: int) -> int:
        """A register as wide as its use."""
        if self.registers[register].width == width:
            return register
        if (register, width) not in self.expanded:
            to = self.emit("expand", self.register(width), register)
            self.expanded[register, width] = to
        return self.expanded[register, width]

    def pointwise(self, node: Node, args: list[int]) -> int:
        """A node that is no leaf and no product; `args` are as wide as it uses them."""
        if node.op in ("sum", "mean", "variance"):
            correction = node.attributes.get("correction", 0)
            return self.emit(node.op, self.register(1), args[0], p=correction)
        if node.op == "expand":
            return args[0]
        op, p, q = _spelled(node)
        return self.emit(op, self.register(node.width), *args, p=p, q=q)

    def leave(self, new: dict[str, int]) -> None:
        """The values of the states after the step."""
        moved: dict[int, int] = {}
        operands = {i.a for i in self.instructions if i.op == "product"}
        for name, value in new.items():
            next_ = self.states[name] + 1
            plain = self.registers[value].life not in (STATE, CONSTANT)
            loaded = any(i.to == value and i.op in ("load", "previous") for i in self.instructions)
            if plain and not loaded and value not in operands and value not in moved:
                self._rename(value, next_)  # computed where it is to stand
                moved[value] = next_
            else:
                self.emit("copy", next_, moved.get(value, value))

    def _rename(self, old: int, new: int) -> None:
        def renamed(i: Instruction) -> Instruction:
            reads = {n: new if getattr(i, n) == old else getattr(i, n) for n in i.reads}
            values = {n: getattr(i, n) for n in "abc"} | reads
            to = new if i.to == old else i.to
            return Instruction(i.op, to, **values, p=i.p, q=i.q, reads=i.reads)

        self.instructions = [renamed(i) for i in self.instructions]

    def finish(self, native: Any, backward: bool) -> Lowered:
        cut, registers = stages(self.instructions, self.registers), self.registers
        cut, registers, number = share(cut, registers)
        codes = _codes(native)
        lines, ends = [], []
        for stage in cut:
            begin = len(lines)
            lines += [(codes[i.op], max(i.to, 0), i.a, i.b, i.c, float(i.p), float(i.q))
                      for i in stage.instructions]  # fmt: skip
            ends.append((begin, len(lines), stage.width))
        matrices = []
        for (weight, transposed), shape in zip(self.matrices, self.shapes, strict=True):
            product, rows_of_weight = weight_rows(self.program)[weight]
            matrices.append((product, rows_of_weight.start, transposed, *shape))

        def rows(states: list[tuple[int, int]]) -> list[tuple[int, int]]:
            return [(number[r], a) for r, a in states]

        made = native.lower(
            [(r.width, r.life) for r in registers], lines, ends, matrices,
            [(number[r], v) for r, v in self.filled if r in number], rows(self.starts),
            rows(self.restarts), rows(self.finals), self.sums, list(self.arrays), backward,
        )  # fmt: skip
        return Lowered(
            made, tuple((key[0], key[-1] if len(key) > 1 else 0) for key in self.tensors)
        )


def _spelled(node: Node) -> tuple[str, float, float]:
    attributes = node.attributes
    if node.op == "clamp":
        low, high = attributes["min"], attributes["max"]
        return "hardtanh", -math.inf if low is None else low, math.inf if high is None else high
    if node.op == "gelu":
        return "gelu", float(attributes["approximate"] == "tanh"), 0.0
    numbers = [attributes[n] for n in NUMBERS.get(node.op, ())] + [0.0, 0.0]
    return NAMES.get(node.op, node.op), numbers[0], numbers[1]


@functools.cache
def _codes(native: Any) -> dict[str, int]:
    return {name: k for k, name in enumerate(native.operations())}
