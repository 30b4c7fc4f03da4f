"""Between tapes and the numbers of the stacks."""

from collections.abc import Iterable
from fractions import Fraction

from throughtime.universal.equations import base_of, digits_of
from throughtime.universal.machine import Machine


class Digits:
    """The code of a machine's symbols; a stack is given from its top, next to the head."""

    def __init__(self, machine: Machine) -> None:
        self.base, self.digit = base_of(machine), digits_of(machine)
        self.symbol = {d: s for s, d in self.digit.items()}

    def number(self, stack: Iterable[str]) -> Fraction:
        """In [0, 1)."""
        value, place = Fraction(0), Fraction(1)
        for symbol in stack:
            place /= self.base
            value += 2 * self.digit[symbol] * place
        return value

    def stack(self, number: float | Fraction) -> str:
        """The symbols of a number without blanks at the bottom; its floats are exact."""
        bits = self.base.bit_length() - 1
        top, bottom = Fraction(number).as_integer_ratio()
        places = -(-(bottom.bit_length() - 1) // bits)
        whole = top * (1 << (places * bits)) // bottom
        symbols = []
        for _ in range(places):
            symbols.append(self.symbol[(whole % self.base) // 2])
            whole //= self.base
        return "".join(reversed(symbols))
