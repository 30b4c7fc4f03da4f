"""Memory of several bits, each of which sparse pulses set."""

import torch
from torch import Generator

from throughtime.arguments import checked_arguments
from throughtime.data.made.drawing import Drawn, draw, number
from throughtime.data.sequences import Sequences
from throughtime.errors import whole


@checked_arguments()
def flip_flop(
    bits: int = 3,
    *,
    steps: int = 100,
    pulses: float = 0.1,
    noise: float = 0.0,
    sequences: int = 1000,
    seed: int = 0,
) -> Sequences:
    """Each channel has sparse pulses, +1 or -1; at each step the target of a channel is the sign
    of its last pulse, that of this step included.

    A network that has learned it keeps each of the `2**bits` memories at a stable fixed point.

        from throughtime import Recurrent
        from throughtime.data import flip_flop
        from throughtime.tasks import Tag
        from throughtime.training import Model, fit

        data = flip_flop(bits=2)
        layer = Recurrent("GRU", 2, 32)
        run = fit(Model(layer, task=Tag.of(data), channels=data.channels), data)

    **Arguments:**

    - `bits`: how many channels, `pulse1`, `pulse2`, ..., each with a target `bit1`, `bit2`, ...
    - `steps`: of each sequence.
    - `pulses`: the probability that a channel has a pulse at a step.
    - `noise`: the standard deviation of normal noise on each channel.
    - `sequences`: how many; fewer with the same `seed` are the first of more.
    - `seed`: of the generator, which is the maker's own.

    **Returns:** `sequences` sequences of `steps` steps. A target is not known (nan) before the
    first pulse of its channel.

    **Raises:** `OptionError` for a value outside its range.

    ??? cite "Reference"
        D. Sussillo, O. Barak, Opening the black box: low-dimensional dynamics in high-dimensional
        recurrent neural networks, Neural Computation 25 (2013), doi 10.1162/NECO_a_00409.
    """
    whole("flip_flop", "bits", bits, "Set bits=3.")
    whole("flip_flop", "steps", steps, "Set steps=100.")
    number("flip_flop", "pulses", pulses, above=0, at_most=1, fix="Set pulses=0.1.")
    nothing_yet = torch.full((1, bits), torch.nan)
    names = [f"bit{k + 1}" for k in range(bits)]

    def one(generator: Generator) -> Drawn:
        there = torch.rand(steps, bits, generator=generator) < pulses
        signs = 2.0 * torch.randint(2, (steps, bits), generator=generator) - 1
        # the number of the step of the last pulse, from 1 on, and 0 before the first
        last = (there * torch.arange(1, steps + 1)[:, None]).cummax(0).values
        wanted = torch.cat([nothing_yet, signs]).gather(0, last)
        return signs.where(there, torch.zeros(())), dict(zip(names, wanted.unbind(1), strict=True))

    return draw(
        one, call="flip_flop", channels=[f"pulse{k + 1}" for k in range(bits)],
        sequences=sequences, noise=noise, seed=seed,
    )  # fmt: skip
