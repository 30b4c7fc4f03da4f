"""The same network in integers without limit: its weights, its units, no rounding.

Few units are not 0 at any time, and most of those are 1. The sums over the units that are 1
are computed once for each set of them; what remains of a step is the few sums that a number
takes part in, those of the stacks.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

# a sum that may be above 0: its unit, what the units at 1 give, and (weight, which number) each
Live = tuple[int, int, tuple[tuple[int, int], ...]]


class Network:
    """A saturated-linear network `h' = clip(W h + b)` whose weights are sums of powers of two.

    A unit is 0, 1 (it is in `on`) or a number between, in `numbers`, in units of 2^-`depth`;
    the depth grows with the numbers.

    **Arguments:**

    - `weights (H, H)`, `bias (H,)`: floats, taken exactly.
    - `start`: the units that are not 0.
    - `halting`: units of which one is 1 where the machine has halted; a step of it is two of
      the network.
    """

    def __init__(
        self,
        weights: Sequence[Sequence[float]],
        bias: Sequence[float],
        start: Mapping[int, Fraction | int],
        halting: set[int],
    ) -> None:
        rows = [[Fraction(w) for w in row] for row in (*weights, bias)]
        finest = max(w.denominator for row in rows for w in row)
        self._shift = finest.bit_length() - 1  # weights are integers in units of 2^-shift
        *self._weights, self._bias = [[int(w * finest) for w in row] for row in rows]
        self._halting = halting
        values = {k: Fraction(v) for k, v in start.items() if v}
        self.depth = 64 + max(v.denominator.bit_length() for v in values.values())
        self.on: tuple[int, ...] = tuple(sorted(k for k, v in values.items() if v == 1))
        between = {k: int(v * (1 << self.depth)) for k, v in values.items() if v < 1}
        self._units, self._numbers = tuple(between), tuple(between.values())
        self._live: dict[tuple[tuple[int, ...], tuple[int, ...]], list[Live]] = {}
        self.steps = 0

    @property
    def halted(self) -> bool:
        return not self._halting.isdisjoint(self.on)

    def value(self, unit: int) -> Fraction:
        numbers = dict(zip(self._units, self._numbers, strict=True))
        return Fraction(unit in self.on) + Fraction(numbers.get(unit, 0), 1 << self.depth)

    def advance(self, steps: int) -> None:
        """Up to so many steps of the machine, until it halts."""
        halting = self._halting
        for _ in range(steps):
            if not halting.isdisjoint(self.on):
                return
            self._step()
            self._step()
            self.steps += 1

    def _step(self) -> None:
        key = self.on, self._units
        live = self._live.get(key)
        if live is None:
            live = self._live[key] = self._sums(*key)
        numbers, shift = self._numbers, self._shift
        one, fine = 1 << (self.depth + shift), (1 << shift) - 1
        on, units, values = [], [], []
        for unit, total, terms in live:
            for weight, k in terms:
                total += weight * numbers[k]
            if total >= one:
                on.append(unit)
            elif total > 0:
                if total & fine:  # a digit below the finest: twice the depth, and again
                    self._deepen()
                    return self._step()
                units.append(unit)
                values.append(total >> shift)
        self.on, self._units, self._numbers = tuple(on), tuple(units), tuple(values)

    def _sums(self, on: tuple[int, ...], units: tuple[int, ...]) -> list[Live]:
        live = []
        for unit, row in enumerate(self._weights):
            total = self._bias[unit] + sum(row[k] for k in on)
            terms = tuple((row[u], k) for k, u in enumerate(units) if row[u])
            if total + sum(w for w, _ in terms if w > 0) > 0:
                live.append((unit, total << self.depth, terms))
        return live

    def _deepen(self) -> None:
        self._numbers = tuple(n << self.depth for n in self._numbers)
        self.depth *= 2
        self._live.clear()
