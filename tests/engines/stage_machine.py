"""What the stages of a lowered loop compute, unit by unit, in symbols.

A machine as unkind as the native engine may be: blocks are one unit wide, and scratch registers
forget everything between two blocks of a stage. `straight` runs the instructions as they were
emitted, one after the other on whole registers; `staged` as they were cut. Both return what they
store, accumulate and leave for the next step, as expressions. A read of what was not written
raises.
"""

from collections.abc import Sequence

from throughtime.engines.cpu.emitter import NativeEmitter
from throughtime.engines.cpu.instructions import (
    BLOCK,
    CONSTANT,
    MIXING,
    NEXT,
    STATE,
    TILE,
    Instruction,
    Register,
)
from throughtime.engines.cpu.lowered import Lowered

REDUCTIONS = ("sum", "mean", "variance")


class _Machine:
    def __init__(self, registers: Sequence[Register]) -> None:
        self.registers = registers
        self.values: list[list[object]] = [[None] * r.width for r in registers]
        for k, r in enumerate(registers):
            if r.life in (STATE, CONSTANT):
                before = sum(q.life == r.life for q in registers[:k])  # the same before and after
                self.values[k] = [("begins", r.life, before, u) for u in range(r.width)]
        self.out: dict[object, object] = {}

    def read(self, r: int, unit: int) -> object:
        value = self.values[r][unit] if unit < self.registers[r].width else None
        if value is None:
            raise AssertionError(f"unit {unit} of register {r} is read and was not written")
        return value

    def whole(self, r: int) -> tuple[object, ...]:
        return tuple(self.read(r, unit) for unit in range(self.registers[r].width))

    def run(self, i: Instruction, units: list[int] | None) -> None:
        """One instruction on some units; None: on all of the register that it is about."""
        about = i.sources[0] if i.op in ("store", "accumulate") else i.to
        width = self.registers[about].width
        whole = units is None or (i.op in ("load", "previous") and
                                  self.registers[i.to].life == TILE)  # fmt: skip
        for unit in range(width) if whole else units or ():
            if i.op in ("store", "accumulate"):
                self.out[i.op, i.a, unit] = self.read(i.b, unit)
                continue
            assert unit < width, f"{i.op} to unit {unit} of register {i.to} of width {width}"
            if i.op in ("load", "previous"):
                value: object = (i.op, i.a, i.b, i.c, unit)
            elif i.op == "product":
                value = hash((self.read(i.to, unit), "plus", i.b, self.whole(i.a)))
            elif i.op == "expand":
                value = self.read(i.a, 0)
            elif i.op in REDUCTIONS:
                value = hash((i.op, i.p, self.whole(i.a)))
            elif i.op == "copy":
                value = self.read(i.a, unit)
            else:
                value = hash((i.op, i.p, i.q, *(self.read(r, unit) for r in i.sources)))
            self.values[i.to][unit] = value

    def left(self) -> dict[object, object]:
        """What was stored, and the states after the step, in their order."""
        last = [self.whole(k) for k, r in enumerate(self.registers) if r.life == NEXT]
        return self.out | dict(enumerate(last))


def straight(emitter: NativeEmitter) -> dict[object, object]:
    machine = _Machine(emitter.registers)
    for i in emitter.instructions:
        machine.run(i, None)
    return machine.left()


def staged(lowered: Lowered) -> dict[object, object]:
    machine = _Machine(lowered.registers)
    for stage in lowered.stages:
        assert stage.instructions
        for unit in range(stage.width) if stage.width else (None,):
            for k, r in enumerate(lowered.registers):
                if r.life in (BLOCK, TILE):
                    machine.values[k] = [None] * r.width
            for i in stage.instructions:
                assert not (stage.width and i.op in MIXING)
                machine.run(i, None if unit is None else [unit])
    return machine.left()
