"""A sine whose frequency a constant input chooses."""

import math

import torch
from torch import Generator

from throughtime.arguments import checked_arguments
from throughtime.data.made.drawing import Drawn, draw, span
from throughtime.data.sequences import Sequences
from throughtime.errors import whole


@checked_arguments()
def sine(
    frequencies: int = 51,
    *,
    periods: tuple[int, int] = (10, 60),
    steps: int = 100,
    noise: float = 0.0,
    sequences: int = 1000,
    seed: int = 0,
) -> Sequences:
    """A sine generator: a constant input level chooses one of several frequencies, and the target
    is the sine of that frequency, which begins at 0.

    Frequencies are evenly spaced from that of the longest to that of the shortest period; number
    `j`, from 1 on, has the level `j / frequencies + 0.25`. A network that has learned it goes round
    a cycle of its own for each level.

    **Arguments:**

    - `frequencies`: how many.
    - `periods`: the shortest and the longest period, in steps; 2 or more.
    - `steps`: of each sequence.
    - `noise`: the standard deviation of normal noise on the level, at each step anew.
    - `sequences`: how many; fewer with the same `seed` are the first of more.
    - `seed`: of the generator, which is the maker's own.

    **Returns:** `sequences` sequences of `steps` steps, the channel `level` and the target `sine`,
    which is known at all steps.

    **Raises:** `OptionError` for a value outside its range.

    ??? cite "Reference"
        D. Sussillo, O. Barak, Opening the black box: low-dimensional dynamics in high-dimensional
        recurrent neural networks, Neural Computation 25 (2013), doi 10.1162/NECO_a_00409.
    """
    whole("sine", "frequencies", frequencies, "Set frequencies=51.")
    whole("sine", "steps", steps, "Set steps=100.")
    shortest, longest = span("sine", "periods", periods, least=2, fix="Set periods=(10, 60).")
    each = torch.linspace(1 / longest, 1 / shortest, frequencies, dtype=torch.float64)

    def one(generator: Generator) -> Drawn:
        j = int(torch.randint(frequencies, (), generator=generator))
        turns = each[j] * torch.arange(steps)
        level = torch.full((steps, 1), (j + 1) / frequencies + 0.25)
        return level, {"sine": (2 * math.pi * turns).sin().float()}

    return draw(one, call="sine", channels=("level",), sequences=sequences, noise=noise, seed=seed)
