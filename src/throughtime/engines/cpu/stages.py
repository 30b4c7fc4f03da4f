"""Where a step is cut into stages, and which registers can share their memory.

`native/program.h` says what a stage is. A product reads its operand whole, so what it reads
stands in an earlier stage. Within a stage all registers are of one width and are worked on
block by block; where widths or units mix, the products run first, block by block, and the rest
sees whole tiles.
"""

from collections.abc import Sequence
from dataclasses import replace

from throughtime.engines.cpu.instructions import (
    BLOCK,
    CONSTANT,
    FROM_MEMORY,
    MIXING,
    NEXT,
    NOWHERE,
    STATE,
    STEP,
    TILE,
    Instruction,
    Register,
    Stage,
)


def stages(instructions: Sequence[Instruction], registers: list[Register]) -> list[Stage]:
    """Cut a step into stages, and give every register its life, which changes `registers`."""
    cut: list[Stage] = []
    for segment in _segments(instructions):
        cut += _cut(segment, registers)
    cut = _load_operands_in_each(cut)
    _lives(cut, registers)
    return cut


def _load_operands_in_each(cut: list[Stage]) -> list[Stage]:
    """Operands of products that come from memory, loaded in each stage that reads them, once.

    A product reads its operand whole, and a stage by units leaves for another stage no more than
    its own block of each register. So such an operand is scratch of a stage, never kept for the
    next. The memory does not change during a step: loading again gives the same numbers.
    """
    everything = [i for stage in cut for i in stage.instructions]
    operands = {i.a for i in everything if i.op == "product"}
    loads = {i.to: i for i in everything if i.op in FROM_MEMORY and i.to in operands}
    for i in everything:
        if i.op not in FROM_MEMORY:
            loads.pop(i.to, None)  # it is computed with, and left for other stages as it is
    again = [replace(stage, instructions=_loaded(stage, loads)) for stage in cut]
    return [stage for stage in again if stage.instructions]


def _loaded(stage: Stage, loads: dict[int, Instruction]) -> tuple[Instruction, ...]:
    """The instructions of a stage, each register of `loads` loaded where it is first read."""
    instructions: list[Instruction] = []
    already_loaded: set[int] = set()
    for i in stage.instructions:
        if i.to in loads:
            continue
        for r in i.sources:
            if r in loads and r not in already_loaded:
                instructions.append(loads[r])
                already_loaded.add(r)
        instructions.append(i)
    return tuple(instructions)


def _segments(instructions: Sequence[Instruction]) -> list[list[Instruction]]:
    """A new one begins where a product reads what this one has computed."""
    segments: list[list[Instruction]] = [[]]
    computed: set[int] = set()
    for ins in instructions:
        if ins.op == "product" and ins.a in computed:
            segments.append([])
            computed = set()
        segments[-1].append(ins)
        if ins.to != NOWHERE and ins.op not in FROM_MEMORY:
            computed.add(ins.to)
    return [s for s in segments if s]


def _cut(segment: list[Instruction], registers: list[Register]) -> list[Stage]:
    """One stage by units where all is of one width; else products first, by units, and the rest
    by whole tiles."""
    operands = {i.a for i in segment if i.op == "product"}
    loads = [i for i in segment if i.op in FROM_MEMORY and i.to in operands]
    work = [i for i in segment if i not in loads]
    touched = {r for i in work for r in ((i.to,) if i.to != NOWHERE else i.sources)}
    widths = {registers[r].width for r in touched}
    if len(widths) == 1 and not any(i.op in MIXING for i in segment):
        return [Stage(tuple(segment), widths.pop())]
    ready = _ready_at_once(work)
    sums = {i.to for i in ready}
    cut = []
    for width in sorted({registers[r].width for r in sums}):
        of_width = {r for r in sums if registers[r].width == width}
        read = {i.a for i in ready if i.op == "product" and i.to in of_width}
        first = [i for i in loads if i.to in read]
        cut.append(Stage((*first, *(i for i in ready if i.to in of_width)), width))
    rest = [i for i in segment if i.to not in sums]
    return cut + ([Stage(tuple(rest), 0)] if rest else [])


def _ready_at_once(work: list[Instruction]) -> list[Instruction]:
    """The products of sums that begin from memory or zero and get nothing but products, with what
    these begin from."""
    sums = {i.to for i in work if i.op == "product"}
    begun = {i.to for i in work if i.op in ("load", "zero")}
    other = {i.to for i in work if i.op not in ("load", "zero", "product")}
    return [i for i in work if i.to in (sums & begun) - other]


def _lives(cut: list[Stage], registers: list[Register]) -> None:
    """What one stage leaves for another is kept for every row; the rest is scratch."""
    written: set[int] = set()
    for stage in cut:
        operands = {i.a for i in stage.instructions if i.op == "product"}
        here: set[int] = set()
        for i in stage.instructions:
            read = (*i.sources, *((i.to,) if i.op == "product" else ()))
            touched = (*read, *i.targets)
            for r in touched:
                if registers[r].life not in (BLOCK, TILE):
                    continue
                if r in read and r not in here and r in written:
                    registers[r].life = STEP
                elif not stage.width or r in operands:
                    registers[r].life = TILE
            here.update(i.targets)
        written |= here


def share(
    cut: list[Stage], registers: list[Register]
) -> tuple[list[Stage], list[Register], dict[int, int]]:
    """Renumber registers so that those whose values are never needed at once share a number.

    Only scratch of a stage is shared.

    **Returns:** the stages and registers, and the new number of each old one.
    """
    instructions = [i for stage in cut for i in stage.instructions]
    last_use = {r: k for k, i in enumerate(instructions) for r in (*i.sources, *i.targets)}
    shared: list[Register] = []
    number: dict[int, int] = {}

    def add(r: int) -> None:
        number[r] = len(shared)
        shared.append(registers[r])

    for r, register in enumerate(registers):
        if register.life in (STATE, NEXT, CONSTANT):  # `next` stays just behind its state
            add(r)
    free: dict[tuple[int, int], list[int]] = {}  # numbers by width and life
    for k, i in enumerate(instructions):
        for r in dict.fromkeys(i.sources):
            register = registers[r]
            if register.life in (BLOCK, TILE) and last_use[r] == k and r != i.to:
                free.setdefault((register.width, register.life), []).append(number[r])
        if i.to != NOWHERE and i.to not in number:
            register = registers[i.to]
            unused = free.get((register.width, register.life))
            if unused and i.op != "product" and i.op not in MIXING:
                number[i.to] = unused.pop()
            else:
                add(i.to)

    def renumbered(i: Instruction) -> Instruction:
        new = {name: number[getattr(i, name)] for name in i.reads}
        return replace(i, to=number.get(i.to, NOWHERE), **new)

    return [replace(stage, instructions=tuple(map(renumbered, stage.instructions)))
            for stage in cut], shared, number  # fmt: skip
