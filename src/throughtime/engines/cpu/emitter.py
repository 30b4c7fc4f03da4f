"""The emitter of the native engine: a step of a loop becomes instructions on registers."""

from collections.abc import Sequence
from dataclasses import replace

from throughtime.engines.cpu.fuse import fuse
from throughtime.engines.cpu.instructions import (
    CONSTANT,
    FROM_MEMORY,
    NEXT,
    NOWHERE,
    STATE,
    Instruction,
    Register,
    spelled,
)
from throughtime.engines.cpu.lowered import Lowered
from throughtime.engines.cpu.stages import share, stages
from throughtime.engines.emitter import Columns
from throughtime.program.graph import REDUCTIONS, Node
from throughtime.program.program import Program


class NativeEmitter:
    """Writes down a step for the native engine, see `throughtime.engines.emitter.Emitter`.

    A value is the number of a register. Registers are as many as there are values; `finish` cuts
    the step into stages, gives each register its life, and lets registers share memory.
    """

    def __init__(self, program: Program, *, backward: bool) -> None:
        self.program, self.backward = program, backward
        self.registers: list[Register] = []
        self.instructions: list[Instruction] = []
        self.tensors: dict[tuple[str, int], int] = {}
        self.arrays: dict[tuple[int, int], int] = {}  # (tensor, column)
        self.matrices: dict[tuple[str, bool], int] = {}  # (weight, transposed)
        self.starts: list[tuple[int, int]] = []  # (register, array)
        self.restarts: list[tuple[int, int]] = []
        self.finals: list[tuple[int, int]] = []
        self.sums: list[tuple[int, int]] = []  # (width, array)
        self.constants: dict[tuple[str, int], int] = {}
        self.filled: list[tuple[int, float]] = []
        self.expanded: dict[tuple[int, int], int] = {}
        self.states: dict[str, int] = {}

    def state(self, name: str, start: str, restart: str, final: str) -> int:
        """The register of a state. The next register holds its value after the step."""
        k = [*self.program.states].index(name)
        register = self.states[name] = self._register(self.program.states[name], STATE)
        self._register(self.program.states[name], NEXT)
        self.starts.append((register, self._array(Columns(start, k))))
        self.restarts.append((register, self._array(Columns(restart, k))))
        self.finals.append((register, self._array(Columns(final, k))))
        return register

    def previous(self, name: str) -> int:
        k = [*self.program.states].index(name)
        to = self._register(self.program.states[name])
        state, start, initial = (
            self._array(Columns(array, k)) for array in ("state", "start", "initial")
        )
        self.instructions.append(Instruction("previous", to, state, start, initial))
        return to

    def load(self, place: Columns, width: int) -> int:
        to = self._register(width)
        self.instructions.append(Instruction("load", to, self._array(place)))
        return to

    def constant(self, value: float, width: int) -> int:
        key = repr(value), width  # repr, because 0.0 == -0.0
        if key not in self.constants:
            self.constants[key] = self._register(width, CONSTANT)
            self.filled.append((self.constants[key], value))
        return self.constants[key]

    def expand(self, value: int, width: int) -> int:
        if self.registers[value].width == width:
            return value
        if (value, width) not in self.expanded:
            self.expanded[value, width] = self._emit("expand", width, value)
        return self.expanded[value, width]

    def pointwise(self, node: Node, arguments: list[int]) -> int:
        if node.op in REDUCTIONS:
            correction = node.attributes.get("correction", 0)
            return self._emit(node.op, 1, arguments[0], p=correction)
        if node.op == "expand":
            return arguments[0]
        op, p, q = spelled(node)
        return self._emit(op, node.width, *arguments, p=p, q=q)

    def begin_sum(self, width: int, value: int | None = None) -> int:
        return self._emit("zero", width) if value is None else self._emit("copy", width, value)

    def product(self, total: int, operand: int, weight: str, *, transposed: bool) -> int:
        matrix = self.matrices.setdefault((weight, transposed), len(self.matrices))
        self.instructions.append(Instruction("product", total, operand, matrix, reads=("a",)))
        return total

    def store(self, place: Columns, value: int) -> None:
        array = self._array(place)
        self.instructions.append(Instruction("store", NOWHERE, array, value, reads=("b",)))

    def accumulate(self, place: Columns, value: int) -> None:
        number = len(self.sums)
        self.sums.append((self.registers[value].width, self._array(place)))
        self.instructions.append(Instruction("accumulate", NOWHERE, number, value, reads=("b",)))

    def leave(self, new: dict[str, int]) -> None:
        moved: dict[int, int] = {}
        operands = {i.a for i in self.instructions if i.op == "product"}
        loaded = {i.to for i in self.instructions if i.op in FROM_MEMORY}
        for name, value in new.items():
            after = self.states[name] + 1
            own = self.registers[value].life not in (STATE, CONSTANT)
            if own and value not in loaded and value not in operands and value not in moved:
                self._rename(value, after)  # it is computed where the next step looks for it
                moved[value] = after
            else:
                copied = moved.get(value, value)
                self.instructions.append(Instruction("copy", after, copied, reads=("a",)))

    def fuse(self, nodes: Sequence[Node], private: set[int]) -> tuple[Sequence[Node], set[int]]:
        return fuse(nodes, private)

    def finish(self) -> Lowered:
        registers = [replace(register) for register in self.registers]
        cut = stages(self.instructions, registers)
        shared, registers, number = share(cut, registers)

        def renumbered(states: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
            return tuple((number[register], array) for register, array in states)

        return Lowered(
            self.program,
            self.backward,
            tuple(self.tensors),
            tuple(self.arrays),
            tuple(self.matrices),
            tuple(registers),
            tuple(shared),
            tuple((number[r], value) for r, value in self.filled if r in number),
            renumbered(self.starts),
            renumbered(self.restarts),
            renumbered(self.finals),
            tuple(self.sums),
        )

    def _register(self, width: int, life: int | None = None) -> int:
        self.registers.append(Register(width) if life is None else Register(width, life))
        return len(self.registers) - 1

    def _array(self, place: Columns) -> int:
        tensor = self.tensors.setdefault((place.array, place.number), len(self.tensors))
        return self.arrays.setdefault((tensor, place.first), len(self.arrays))

    def _emit(self, op: str, width: int, *sources: int, p: float = 0.0, q: float = 0.0) -> int:
        to = self._register(width)
        read = dict(zip("abc", sources, strict=False))
        self.instructions.append(Instruction(op, to, **read, p=p, q=q, reads=tuple(read)))
        return to

    def _rename(self, old: int, new: int) -> None:
        def renamed(i: Instruction) -> Instruction:
            reads = {name: new for name in i.reads if getattr(i, name) == old}
            return replace(i, to=new if i.to == old else i.to, **reads)

        self.instructions = [renamed(i) for i in self.instructions]
