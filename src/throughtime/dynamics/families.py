"""Networks that change with a parameter: the maps that `continuation` follows a point along."""

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from throughtime.dynamics.map import Map
from throughtime.dynamics.state_map import StateMap
from throughtime.engines.flat import flatten, layout, restore
from throughtime.errors import OptionError


def along_input(
    system: StateMap, begin: Tensor | Sequence[float], end: Tensor | Sequence[float]
) -> Callable[[float], Map]:
    """The network under inputs on the line from `begin (I,)` at 0 to `end (I,)` at 1.

    **Raises:** `ShapeError` for inputs of another size.
    """
    first, last = system.under(begin).x, system.under(end).x
    return lambda p: system.under(first + p * (last - first))


def along_weights(
    begin: StateMap, end: StateMap, x: Tensor | Sequence[float]
) -> Callable[[float], Map]:
    """Networks on the line from the weights of `begin` at 0 to those of `end` at 1, under `x (I,)`.

    Such as a network before and after training; with all recurrent weights of one of them 0, the
    line scales these.

    **Raises:** `OptionError` for networks of different equations, `ShapeError` for x.
    """
    x = begin.under(x).x
    if [p.json for p, _ in begin.layers] != [p.json for p, _ in end.layers]:
        raise OptionError(
            f"`along_weights`: end is {end!r} for {begin!r}; expected the same cell, options and "
            "sizes. Load both from one architecture."
        )
    calls = [(a, flatten(a), flatten(b)) for (_, a), (_, b) in
             zip(begin.layers, end.layers, strict=True)]  # fmt: skip

    def at(p: float) -> Map:
        system = copy.copy(begin)
        mixed = [
            restore(layout(call), [torch.lerp(a, b, p) for a, b in zip(first, last, strict=True)])
            for call, first, last in calls
        ]
        system.layers = [(program, call) for (program, _), (call, _) in
                         zip(begin.layers, mixed, strict=True)]  # fmt: skip
        return system.under(x)

    return at
