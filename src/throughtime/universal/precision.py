"""How many tape cells a number holds: what the sums of the construction ask of a float.

A sum of floats is exact in any order if all partial sums are multiples of one power of two g
and none is beyond 2^bits g, for a significand of so many bits. `significand` finds the bits
that the sums of a network ask for with n cells in a stack, by doing one step of the machine
in exact numbers, in every case, on stacks that are the worst: full, the largest number and
the finest last digit at once. Sums far outside [0, 1] need not be exact: a clip follows.
"""

from fractions import Fraction

import torch

from throughtime.universal.equations import (
    AWAY,
    ONE,
    TOWARDS,
    Equations,
    Layer,
    base_of,
    equations,
)
from throughtime.universal.machine import Machine

BITS = {torch.float32: 24, torch.float64: 53}
FAR = Fraction(1, 4)  # rounding moves no sum so far, with 10 bits or more


def capacity(machine: Machine, dtype: torch.dtype) -> int:
    """The cells a stack may hold such that every sum is exact in any order."""
    digit = base_of(machine).bit_length() - 1
    return (BITS[dtype] + 1 - guard_bits(machine)) // digit


def guard_bits(machine: Machine) -> int:
    """Bits that the sums ask for beyond those of the stack itself.

    n digits of b bits each take n b - 1 bits, as each digit is even.
    """
    n = 4
    digit = base_of(machine).bit_length() - 1
    return significand(equations(machine), machine, n) - (n * digit - 1)


def significand(found: Equations, machine: Machine, n: int) -> int:
    """Bits that the sums of one step of the machine need where a side holds up to n cells."""
    base, top = base_of(machine), len(machine.symbols) - 1
    digits = [top] * (n - 1) + [min(1, top)]

    def stack(cells: int) -> Fraction:
        return sum((Fraction(2 * d, base**k) for k, d in enumerate(digits[n - cells :], 1)),
                   Fraction(0))  # fmt: skip

    most = 0
    for case in found.cases:
        action = machine.actions.get(case)
        pushed = None if action is None else AWAY.get(action.move)
        values = {("at", *case): Fraction(1), ONE: Fraction(1)}
        for side in TOWARDS.values():
            values[side] = stack(n - (side == pushed))
        acted, a = _clipped(found.act, values)
        _, b = _clipped(found.settle, acted | {ONE: Fraction(1)})
        most = max(most, a, b)
    return most


def _clipped(layer: Layer, values: dict) -> tuple[dict, int]:
    """The units of a layer, and the bits that their sums need."""
    units, most = {}, 0
    for unit, weights in layer.items():
        terms = [w * values[u] for u, w in weights.items() if values.get(u)]
        total = sum(terms, Fraction(0))
        units[unit] = min(max(total, Fraction(0)), Fraction(1))
        if terms and -FAR < total < 1 + FAR:
            finest = max(t.denominator for t in terms)  # powers of two: the finest divides all
            positive = sum((t for t in terms if t > 0), Fraction(0))
            reach = max(positive, positive - total)
            most = max(most, (int(-(-reach * finest // 1)) - 1).bit_length())
    return units, most
