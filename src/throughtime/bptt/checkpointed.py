"""Exact gradients in less memory: segments are computed again when their turn comes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from throughtime.bptt.unrolled import States, Unrolled
from throughtime.errors import OptionError
from throughtime.layers import Recurrent


@dataclass(frozen=True)
class Checkpointed:
    """The gradient of `Full`, with memory for one segment and the states between segments.

    The sequence is cut into `segments` (unless given, the square root of its length). Forward
    keeps the state at each cut. Backward runs one segment again at a time, from the state
    through the output network to the loss, so beyond the input memory grows as the square root
    of the length, for about one forward run more. In a network of both directions each layer
    keeps its outputs and recomputes the rest.

    Chen et al. 2016, Training deep nets with sublinear memory cost, arXiv 1604.06174.

    **Raises:** `OptionError` for fewer than 1 segment.
    """

    segments: int | None = None

    def __post_init__(self) -> None:
        n = self.segments
        if n is not None and (isinstance(n, bool) or not isinstance(n, int) or n < 1):
            raise OptionError(
                f"`Checkpointed`: segments is {n!r}; expected a whole number, 1 or more, or None "
                "for the square root of the length. Leave it out."
            )

    def check(self, layers: Sequence[Recurrent], resets: bool = False) -> None:
        """**Raises:** `OptionError` for masks of a whole call, or resets backward in time."""
        one_mask(layers, "Checkpointed")
        if resets and any(layer.direction != "forward" for layer in layers):
            raise OptionError(
                "`Checkpointed`: resets are given to a layer that runs backward in time; expected "
                "none, because a reset may lie between two segments. Use Full()."
            )

    def gradient(self, unrolled: Unrolled) -> tuple[Tensor, States]:
        T = len(unrolled.x)
        n = min(self.segments or math.isqrt(T) or 1, max(T, 1))
        pieces = [(T * k // n, T * (k + 1) // n) for k in range(n)]
        if unrolled.directions in ({"forward"}, {"backward"}):
            total, state = self._through(unrolled, pieces)
        else:
            total, state = self._by_layer(unrolled, pieces)
        value = unrolled.value(total, state)
        unrolled.back([value])
        return value.detach(), state

    def _through(self, unrolled: Unrolled, pieces: list[tuple[int, int]]):
        """All layers and what reads them, segment after segment in the direction of time."""

        def segment(total, state, a: int, b: int):
            y, state = unrolled.run(a, b, state)
            return unrolled.read(total, y, a), state

        total, state = None, unrolled.state
        for a, b in pieces[::-1] if unrolled.directions == {"backward"} else pieces:
            total, state = checkpoint(segment, total, state, a, b, use_reentrant=False)
        return total, state

    def _by_layer(self, unrolled: Unrolled, pieces: list[tuple[int, int]]):
        """Layer after layer, each direction by segments in its own direction of time."""
        x, final = unrolled.x, []
        division = unrolled.division
        for recurrent, states in zip(unrolled.layers, unrolled.state, strict=True):
            final.append([])
            for k, (ways, starts) in enumerate(zip(recurrent.cells, states, strict=True)):
                top = recurrent is unrolled.layers[-1] and k == len(recurrent.cells) - 1
                x = recurrent.between(k, x)
                if top and division is not None:
                    x = division.below(x)
                outputs, ends = [], []
                for way, state in zip(ways, starts, strict=True):

                    def segment(x, state, a: int, b: int, way=way):
                        result = way(x[a:b], state, *unrolled.piece(a, b))
                        return result.states[0], result.final

                    found = []
                    for a, b in pieces[::-1] if way.reverse else pieces:
                        y, state = checkpoint(segment, x, state, a, b, use_reentrant=False)
                        found.append(y)
                    outputs.append(torch.cat(found[::-1] if way.reverse else found))
                    ends.append(state)
                x = unrolled.merge(recurrent, ways, outputs, top)
                final[-1].append(ends)
        return unrolled.read(None, x, 0), final

    def __str__(self) -> str:
        return "checkpointed" if self.segments is None else f"checkpointed:{self.segments}"


def one_mask(layers: Sequence[Recurrent], mode: str) -> None:
    """**Raises:** `OptionError` for a mask drawn once for a whole call, which pieces would not
    share."""
    for layer in layers:
        for name in ("variational_dropout", "weight_drop"):
            if getattr(layer, name):
                raise OptionError(
                    f"`{mode}`: a layer has {name}={getattr(layer, name)}; expected 0, because its "
                    "one mask would be drawn anew for each piece. Use Full(), or zoneout."
                )
