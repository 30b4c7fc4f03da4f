"""Where a step is cut into stages, and which registers can share their memory.

`native/program.h` says what a stage is. A product reads its operand whole, so what it reads
stands in an earlier stage. Within a stage all registers are of one width and are worked on
block by block; where widths or units mix, the products run first, block by block, and the rest
sees whole tiles.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

BLOCK, TILE, STEP, STATE, NEXT, CONSTANT = range(6)  # Life in native/program.h
MIXING = ("sum", "mean", "variance", "expand")


@dataclass(frozen=True)
class Instruction:
    """One line of `native/program.h`; `reads` are its registers among a, b and c."""

    op: str
    to: int | None
    a: int = 0
    b: int = 0
    c: int = 0
    p: float = 0.0
    q: float = 0.0
    reads: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[int, ...]:
        return tuple(getattr(self, name) for name in self.reads)


@dataclass
class Register:
    width: int
    life: int = BLOCK


@dataclass(frozen=True)
class Stage:
    """`width`: of every register it writes, block by block; 0: whole tiles."""

    instructions: tuple[Instruction, ...]
    width: int


def stages(instructions: Sequence[Instruction], registers: list[Register]) -> list[Stage]:
    """Cut a step into stages, and give every register its life."""
    found: list[Stage] = []
    for segment in _segments(instructions):
        found += [replace(s, instructions=_once(s)) for s in _cut(segment, registers)]
    _lives(found, registers)
    return found


def _once(stage: Stage) -> tuple[Instruction, ...]:
    """Every product loads its operand; once in a stage is enough."""
    found: dict[tuple, Instruction] = {}
    for k, i in enumerate(stage.instructions):
        found.setdefault(("load", i.to) if i.op == "load" else (k,), i)
    return tuple(found.values())


def _segments(instructions: Sequence[Instruction]) -> list[list[Instruction]]:
    """A new one begins where a product reads what this one has computed."""
    segments: list[list[Instruction]] = [[]]
    computed: set[int] = set()
    for ins in instructions:
        if ins.op == "product" and ins.a in computed:
            segments.append([])
            computed = set()
        segments[-1].append(ins)
        if ins.to is not None and ins.op not in ("load", "previous"):
            computed.add(ins.to)
    return [s for s in segments if s]


def _cut(segment: list[Instruction], registers: list[Register]) -> list[Stage]:
    operands = {i.a for i in segment if i.op == "product"}

    def widths(some: list[Instruction]) -> set[int]:
        touched = {r for i in some for r in ((i.to,) if i.to is not None else i.sources)
                   if r not in operands or registers[r].life in (STATE, NEXT)}  # fmt: skip
        return {registers[r].width for r in touched}

    one = widths(segment)
    if len(one) == 1 and not any(i.op in MIXING for i in segment):
        return [Stage(tuple(segment), one.pop())]
    ready = _ready_at_once(segment)
    found = []
    for width in sorted({registers[i.to].width for i in ready if i.op == "product"}):
        mine = {i.to for i in ready if i.op == "product" and registers[i.to].width == width}
        mine |= {i.a for i in ready if i.op == "product" and i.to in mine}
        found.append(Stage(tuple(i for i in ready if i.to in mine), width))
    done = {id(i) for stage in found for i in stage.instructions if i.to not in operands}
    rest = [i for i in segment if id(i) not in done]
    needed = {i.a for i in rest if i.op == "product"}
    rest = [i for i in rest if i.op != "load" or i.to not in operands or i.to in needed]
    return found + ([Stage(tuple(rest), 0)] if rest else [])


def _ready_at_once(segment: list[Instruction]) -> list[Instruction]:
    """Products that start from memory or zero, with the instructions that load for them."""
    sums = {i.to for i in segment if i.op == "product"}
    begun = {i.to for i in segment if i.op in ("load", "zero")}
    other = {i.to for i in segment if i.op not in ("load", "zero", "product")}
    sums = (sums & begun) - other
    operands = {i.a for i in segment if i.op == "product" and i.to in sums}
    found, first = [], set()
    for i in segment:
        loads = i.op in ("load", "zero") and i.to in sums | operands and i.to not in first
        if loads or (i.op == "product" and i.to in sums):
            found.append(i)
            first.add(i.to)
    return found


def _lives(found: list[Stage], registers: list[Register]) -> None:
    """What one stage leaves for another is kept for every row; the rest is scratch."""
    written: set[int] = set()
    for stage in found:
        operands = {i.a for i in stage.instructions if i.op == "product"}
        here: set[int] = set()
        for i in stage.instructions:
            read = (*i.sources, *((i.to,) if i.op == "product" else ()))
            touched = (*read, *(() if i.to is None else (i.to,)))
            for r in touched:
                if registers[r].life not in (BLOCK, TILE):
                    continue
                if r in read and r not in here and r in written:
                    registers[r].life = STEP
                elif not stage.width or r in operands:
                    registers[r].life = TILE
            here.update(() if i.to is None else (i.to,))
        written |= here


def share(
    found: list[Stage], registers: list[Register]
) -> tuple[list[Stage], list[Register], dict[int, int]]:
    """Registers renumbered so that scratch which is never needed at once shares a number.

    **Returns:** the stages and registers, and the new number of each old one.
    """
    last: dict[int, int] = {}
    everything = [i for stage in found for i in stage.instructions]
    for k, i in enumerate(everything):
        for r in (*i.sources, *(() if i.to is None else (i.to,))):
            last[r] = k
    kept: list[Register] = []
    number: dict[int, int] = {}
    for r, register in enumerate(registers):
        if register.life in (STATE, NEXT, CONSTANT):  # `next` stays just behind its state
            number[r] = len(kept)
            kept.append(register)
    free: dict[tuple[int, int], list[int]] = {}
    for k, i in enumerate(everything):
        sources = [r for r in i.sources if registers[r].life in (BLOCK, TILE)]
        for r in dict.fromkeys(sources):
            if last[r] == k and r != i.to:
                register = registers[r]
                free.setdefault((register.width, register.life), []).append(number[r])
        if i.to is not None and i.to not in number:
            register = registers[i.to]
            pool = free.get((register.width, register.life))  # of BLOCK and TILE only
            if pool and i.op != "product" and i.op not in MIXING:
                number[i.to] = pool.pop()
            else:
                number[i.to] = len(kept)
                kept.append(register)

    def renumbered(i: Instruction) -> Instruction:
        new = {name: number[getattr(i, name)] for name in i.reads}
        return replace(i, to=None if i.to is None else number[i.to], **new)

    cut = [Stage(tuple(map(renumbered, stage.instructions)), stage.width) for stage in found]
    return cut, kept, number
