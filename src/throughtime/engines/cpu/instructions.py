"""Instructions, registers and stages of a native loop as data. `native/program.h` explains them."""

import math
from dataclasses import dataclass

from throughtime.program.graph import Node

BLOCK, TILE, STEP, STATE, NEXT, CONSTANT = range(6)  # Life in native/program.h
NOWHERE = -1
MIXING = ("sum", "mean", "variance", "expand")
FROM_MEMORY = ("load", "previous")
# the numbers of an operation, in the order of p and q
NUMBERS = {
    "variance": ("correction",), "leaky_relu": ("negative_slope",), "elu": ("alpha", "scale"),
    "softplus": ("beta", "threshold"), "hardtanh": ("min_val", "max_val"),
}  # fmt: skip
NAMES = {"and": "logical_and", "or": "logical_or", "not": "logical_not"}


@dataclass(frozen=True)
class Instruction:
    """One line of `native/program.h`; `reads` are its registers among a, b and c."""

    op: str
    to: int  # NOWHERE: it writes no register
    a: int = 0
    b: int = 0
    c: int = 0
    p: float = 0.0
    q: float = 0.0
    reads: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[int, ...]:
        return () if self.to == NOWHERE else (self.to,)

    @property
    def sources(self) -> tuple[int, ...]:
        return tuple(getattr(self, name) for name in self.reads)


@dataclass
class Register:
    """`life`: where its numbers are kept and for how long, see `Life` in `native/program.h`."""

    width: int
    life: int = BLOCK


@dataclass(frozen=True)
class Stage:
    """`width`: of every register it writes, block by block; 0: whole tiles."""

    instructions: tuple[Instruction, ...]
    width: int


def spelled(node: Node) -> tuple[str, float, float]:
    """The operation of a node as `native/program.h` names it, and its numbers p and q."""
    attributes = node.attributes
    if node.op == "clamp":
        low, high = attributes["min"], attributes["max"]
        return "hardtanh", -math.inf if low is None else low, math.inf if high is None else high
    if node.op == "gelu":
        return "gelu", float(attributes["approximate"] == "tanh"), 0.0
    numbers = [attributes[name] for name in NUMBERS.get(node.op, ())] + [0.0, 0.0]
    return NAMES.get(node.op, node.op), numbers[0], numbers[1]
