"""How many tape cells a number holds: what the sums of the construction ask of a float.

A sum of floats is exact in any order if all partial sums are multiples of one power of two g
and none is beyond 2^bits g, for a significand of so many bits. `significand` finds the bits
that the sums of a network ask for with n cells in a stack, by doing one step of the machine
in exact numbers, in every case, on stacks that are the worst: full, the largest number and
the finest last digit at once. Sums far outside [0, 1] need not be exact: a clip follows.
"""

import functools
from collections.abc import Hashable
from fractions import Fraction

import torch

from throughtime.universal.equations import (
    AWAY,
    ONE,
    TOWARDS,
    Blocks,
    Layer,
    base_of,
    equations,
)
from throughtime.universal.machine import Machine

BITS = {torch.float32: 24, torch.float64: 53}
Columns = dict[Hashable, list[tuple[Hashable, Fraction]]]
FAR = Fraction(1, 4)  # rounding moves no sum so far, with 10 bits or more


def capacity(machine: Machine, dtype: torch.dtype) -> int:
    """The cells a stack may hold such that every sum is exact in any order."""
    digit = base_of(machine).bit_length() - 1
    return (BITS[dtype] + 1 - guard_bits(machine)) // digit


@functools.lru_cache(maxsize=256)
def guard_bits(machine: Machine) -> int:
    """Bits that the sums ask for beyond those of the stack itself, with blocks or without.

    n digits of b bits each take n b - 1 bits, as each digit is even.
    """
    n = 4
    digit = base_of(machine).bit_length() - 1
    return max(significand(machine, n), significand(machine, n, blocks=True)) - (n * digit - 1)


def significand(machine: Machine, n: int, *, blocks: bool = False) -> int:
    """Bits that the sums of one step of the machine need where a number holds up to n cells."""
    cut = Blocks(n, 1, 3)
    units = equations(machine, cut if blocks else None)
    base, top = base_of(machine), len(machine.symbols) - 1
    digits = [top] * (n - 1) + [min(1, top)]

    def stack(cells: int) -> Fraction:
        return sum((Fraction(2 * d, base**k) for k, d in enumerate(digits[n - cells :], 1)),
                   Fraction(0))  # fmt: skip

    act, enter, settle = map(_columns, (units.act, units.enter, units.settle))
    most, one = 0, {ONE: Fraction(1)}
    # the state decides which unit is 1, not how large a sum is: one case for each write and move
    actions = {case: machine.actions.get(case, (case[1], "S")) for case in units.cases}
    alike = {tuple(action[:2]): case for case, action in actions.items()}
    for (_, move), case in alike.items():
        pushed = AWAY.get(move)
        for place in (0, 1, n - 1) if blocks else (None,):
            values = {("at", *case): Fraction(1), **one}
            for side in TOWARDS.values():
                values[side] = stack(n - (blocks or side == pushed))
            entered = Fraction(0)
            if place is not None:
                first, last = Fraction(place == 0), Fraction(place == n - 1)
                values |= {"place": place * cut.place, "block": 2 * cut.number}
                values |= {"first": first, ("not", "first"): 1 - first}
                values |= {"last": last, ("not", "last"): 1 - last}
                if first or last:
                    values["left" if first else "right"] = Fraction(0)
                    crosses = pushed == ("right" if first else "left")
                    entered = stack(n) if crosses else Fraction(0)
            acted, a = _clipped(act, values)
            enters, b = _clipped(enter, acted | {"fetched": entered} | one)
            _, c = _clipped(settle, acted | enters | one)
            most = max(most, a, b, c)
    return most


def _columns(layer: Layer) -> Columns:
    """For each operand the sums it takes part in."""
    columns: Columns = {}
    for unit, weights in layer.items():
        for operand, weight in weights.items():
            columns.setdefault(operand, []).append((unit, weight))
    return columns


def _clipped(columns: Columns, values: dict) -> tuple[dict, int]:
    """The units of a layer that are not 0, and the bits that their sums need."""
    terms: dict[Hashable, list[Fraction]] = {}
    for operand, value in values.items():
        for unit, weight in columns.get(operand, ()) if value else ():
            terms.setdefault(unit, []).append(weight * value)
    units, most = {}, 0
    for unit, parts in terms.items():
        total = sum(parts, Fraction(0))
        units[unit] = min(max(total, Fraction(0)), Fraction(1))
        if -FAR < total < 1 + FAR:
            finest = max(t.denominator for t in parts)  # powers of two: the finest divides all
            positive = sum((t for t in parts if t > 0), Fraction(0))
            reach = max(positive, positive - total)
            most = max(most, (int(-(-reach * finest // 1)) - 1).bit_length())
    return units, most
