"""The construction: each unit of the network as a sum over others, exactly.

A machine is in one case at a time: its state and the symbol under its head. One unit for each
case is 1 where the machine is in it. The tape on either side of the head is a stack, the
symbol next to the head on top, kept as a number in one unit: with the base B, a power of two
and at least 2k for k symbols, the symbols a1, a2, ... from the top down are

    2 a1 / B  +  2 a2 / B^2  +  ...        in [0, 1); blank is 0, so an empty stack is 0.

Only even digits occur: where the top is a, B times the number lies in [2a, 2a + 1). So

    top >= j    is    clip(B x - (2j - 1))        0 or 1, never between
    pop         is    B x - 2 (top >= 1) - 2 (top >= 2) - ...
    push a      is    (x + 2a) / B

with clip(z) = min(max(z, 0), 1). A number v passes while a gate, a sum of cases, is open:
clip(v - gate) is v for gate 0 and 0 for gate 1.

A step of the machine is two layers of such units, `act` and `settle`. With `Blocks` the tape is
cut into blocks of cells, of which only the one under the head is a pair of stacks; a layer
`enter` between the two brings the next block in. See docs/theory/turing-machines.md.

Siegelmann and Sontag 1995, On the computational power of neural nets,
doi 10.1006/jcss.1995.1013.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from throughtime.universal.machine import Action, Machine

ONE = "1"  # what the bias is the weight of

Sum = dict[Hashable, Fraction]
Layer = dict[Hashable, Sum]

SIDES = ("left", "right")
TOWARDS = {"L": "left", "R": "right"}  # the stack that a move pops
AWAY = {"L": "right", "R": "left"}  # the stack that a move pushes


@dataclass(frozen=True)
class Blocks:
    """The tape in blocks of `cells` cells, those numbered 1 to `before` left of the first."""

    cells: int
    before: int
    count: int

    @property
    def place(self) -> Fraction:
        """What one cell counts for in the unit `place`, the position in the block."""
        return Fraction(1, 1 << self.cells.bit_length())

    @property
    def number(self) -> Fraction:
        """What one block counts for in the unit `block`, its number."""
        return Fraction(1, 1 << (self.count + 1).bit_length())


@dataclass(frozen=True)
class Equations:
    """`act` sums over `settle` and `settle` over `act` (and `enter`), each then clipped.

    - `addresses`: sums over `act`, not clipped: the block to enter, the one to leave, and what
      is left there.
    - `cases`: (state, symbol) of the units of `settle` that say so, in order; they come first.
    """

    act: Layer
    settle: Layer
    enter: Layer
    addresses: Layer
    cases: tuple[tuple[str, str], ...]


def base_of(machine: Machine) -> int:
    """The least power of two that is at least twice the number of symbols."""
    return 1 << (2 * len(machine.symbols) - 1).bit_length()


def digits_of(machine: Machine) -> dict[str, int]:
    """The number of each symbol, blank 0."""
    rest = [s for s in machine.symbols if s != machine.blank]
    return {symbol: k for k, symbol in enumerate([machine.blank, *rest])}


def equations(machine: Machine, blocks: Blocks | None = None) -> Equations:
    """The units of the network of a machine; it halts by standing still."""
    B, digit = base_of(machine), digits_of(machine)
    symbols = sorted(digit, key=digit.__getitem__)
    levels = range(1, len(symbols))
    cases = tuple((q, a) for q in machine.states for a in symbols)
    action = {c: machine.actions.get(c, Action(c[1], "S", c[0])) for c in cases}

    def moving(move: str, weight: Any = 1) -> Sum:
        return _sum({("at", *c): weight for c in cases if action[c].move == move})

    def closed(move: str, weight: Any = 1) -> Sum:
        """A gate that only cases with this move open."""
        return _sum({("at", *c): -weight for c in cases if action[c].move != move})

    def pushed(move: str) -> Sum:
        writes = {
            ("at", *c): Fraction(2 * digit[action[c].write], B)
            for c in cases
            if action[c].move == move
        }
        return _sum({AWAY[move]: Fraction(1, B)}, writes, closed(move))

    act: Layer = {}
    for q in machine.states:
        act["go", q] = _sum({("at", *c): 1 for c in cases if action[c].next == q})
    for j in levels:
        act["same", j] = _sum(
            {("at", *c): 1 for c in cases if action[c].move == "S" and digit[action[c].write] >= j}
        )
    for move, side in TOWARDS.items():
        act["push", AWAY[move]] = pushed(move)
        act["pop", side] = _sum({side: 1}, closed(move))
        act["keep", side] = _sum({side: 1}, closed("S"))
        for j in levels:
            act["top", side, j] = _sum({side: B, ONE: 1 - 2 * j}, closed(move, B))

    head: dict[int, Sum] = {  # whether the symbol that comes under the head is j or more
        j: _sum(dict.fromkeys([("same", j), ("top", "left", j), ("top", "right", j)], 1))
        for j in levels
    }
    stacks: Layer = {
        side: _sum(
            {("push", side): 1, ("keep", side): 1, ("pop", side): B},
            {("top", side, j): -2 for j in levels},
        )
        for side in SIDES
    }
    enter: Layer = {}
    addresses: Layer = {}
    rest: Layer = {}
    if blocks is not None:
        edge = {"L": "first", "R": "last"}
        for move, side in TOWARDS.items():
            other = "R" if move == "L" else "L"
            inside = {("not", edge[move]): -1}
            act["leave", AWAY[move]] = _sum(pushed(move), inside)
            act["push", AWAY[move]][edge[move]] = Fraction(-1)
            act["cross", move] = _sum(moving(move), inside)
            act["from", move] = _sum({"block": 1}, closed(move), inside)
            enter["entered", side] = _sum({"fetched": 1, ("cross", other): -1})
            stacks[side]["entered", side] = Fraction(B)
            for j in levels:
                enter["entering", side, j] = _sum(
                    {"fetched": B, ONE: 1 - 2 * j, ("cross", other): -B}
                )
                stacks[side]["entering", side, j] = Fraction(-2)
                head[j]["entering", side, j] = Fraction(1)
        cell, number, width = blocks.place, blocks.number, blocks.cells
        act["place", "R"] = _sum({"place": 1, "last": -1}, moving("R", cell), closed("R"))
        act["place", "L"] = _sum({"place": 1, ONE: -cell}, closed("L"))
        act["place", "S"] = _sum({"place": 1}, closed("S"))
        act["block",] = _sum({"block": 1})
        crossed = {("cross", "R"): 1, ("cross", "L"): -1}
        addresses["source"] = _sum({("from", m): 1 / number for m in TOWARDS})
        addresses["target"] = _sum(addresses["source"], crossed)
        addresses["leaving"] = _sum({("leave", side): 1 for side in SIDES})
        place = _sum(
            {("place", m): 1 for m in ("L", "R", "S")}, {("cross", "L"): (width - 1) * cell}
        )
        rest["place"] = place
        count = {u: w / cell for u, w in place.items()}
        minus = {u: -w for u, w in count.items()}
        rest["first"] = _sum({ONE: 1}, minus)
        rest["not", "first"] = _sum(count)
        rest["last"] = _sum({ONE: 2 - width}, count)
        rest["not", "last"] = _sum({ONE: width - 1}, minus)
        rest["block"] = _sum({("block",): 1}, {u: w * number for u, w in crossed.items()})

    settle: Layer = {}
    for q, a in cases:  # the next state is q, and the symbol under the head a or more, not more
        d = digit[a]
        above = {u: -w for u, w in head.get(d + 1, {}).items()}
        settle["at", q, a] = _sum({("go", q): 1, ONE: -(d > 0)}, head.get(d, {}), above)
    settle |= stacks | rest
    return Equations(act, settle, enter, addresses, cases)


def _sum(*parts: Any) -> Sum:
    """The parts added up, without zeros."""
    total: Sum = {}
    for part in parts:
        for unit, weight in part.items():
            total[unit] = total.get(unit, Fraction(0)) + Fraction(weight)
    return {unit: weight for unit, weight in total.items() if weight}
