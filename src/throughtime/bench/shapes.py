"""The sizes at which layers are compared."""

import math
import random
from typing import NamedTuple

LARGEST = 1 << 25  # T * B * (I + H): training an LSTM in float32 then keeps about 2 GiB


class Shape(NamedTuple):
    """Steps, sequences, columns of the input, units."""

    T: int
    B: int
    I: int  # noqa: E741
    H: int

    def __str__(self) -> str:
        return ",".join(map(str, self))


CLASSES = {
    "one row, H=64": Shape(100, 1, 32, 64),
    "one row, H=64, long": Shape(1000, 1, 16, 64),
    "one row, H=256": Shape(100, 1, 128, 256),
    "B=8, H=64": Shape(1000, 8, 16, 64),
    "B=32, H=64": Shape(100, 32, 32, 64),
    "B=32, H=128": Shape(100, 32, 128, 128),
    "B=64, H=256": Shape(200, 64, 128, 256),
    "B=32, H=512": Shape(100, 32, 256, 512),
    "I=1, B=64, H=128": Shape(784, 64, 1, 128),
}
"""The classes of work that a machine's speed is quoted for, by name."""


def random_shapes(count: int, seed: int = 0) -> list[Shape]:
    """Shapes drawn log-uniformly: T from 1 to 5000, B to 256, I and H to 512.

    One with T * B * (I + H) above `LARGEST` is drawn again. The same seed gives the same shapes.
    """
    draw = random.Random(seed)
    shapes: list[Shape] = []
    while len(shapes) < count:
        shape = Shape(*(_log_uniform(draw, most) for most in (5000, 256, 512, 512)))
        if shape.T * shape.B * (shape.I + shape.H) <= LARGEST:
            shapes.append(shape)
    return shapes


def _log_uniform(draw: random.Random, most: int) -> int:
    return min(most, int(math.exp(draw.uniform(0, math.log(most + 1)))))
