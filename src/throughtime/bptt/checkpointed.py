"""Exact gradients in less memory: segments are computed again when their turn comes."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from throughtime.bptt.unrolled import States, Unrolled, changed, flat
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
            backward = unrolled.directions == {"backward"}
            return _through(unrolled, pieces[::-1] if backward else pieces)
        total, state = _by_layer(unrolled, pieces)
        value = unrolled.value(total, state)
        unrolled.back([value])
        return value.detach(), state

    def __str__(self) -> str:
        return "checkpointed" if self.segments is None else f"checkpointed:{self.segments}"


def _through(unrolled: Unrolled, pieces: list[tuple[int, int]]) -> tuple[Tensor, States]:
    """All layers and what reads them, segment after segment in the direction of time.

    What is kept lies in one block: small tensors left between large ones that come and go would
    hold on to the memory around them.
    """
    total, state = None, unrolled.state
    kept: list[tuple[Any, States]] = []
    draws = []
    with torch.no_grad():
        for a, b in pieces:
            kept.append((total, state))
            before = torch.get_rng_state(), *_device_state(unrolled.x)
            y, state = unrolled.run(a, b, state)
            total = _tensor(unrolled.read(total, y, a))
            after = torch.get_rng_state(), *_device_state(unrolled.x)
            drew = any(not torch.equal(p, q) for p, q in zip(before, after, strict=True))
            draws.append(before if drew else None)
            if len(kept) == 1:
                block = _Block(len(pieces), [total, *flat(state)])
            total, *tensors = block.keep([total, *flat(state)])
            rest = iter(tensors)
            state = changed(state, lambda _, rest=rest: next(rest))

    total, state = _leaf(total), changed(state, _leaf)
    value = unrolled.value(total, state)
    leaves = [*flat(state), *([] if total is None else [total])]
    unrolled.back([value], leaves=leaves)
    gradients = [_taken(t) for t in leaves]
    for (a, b), (total, begin), drawn in zip(pieces[::-1], kept[::-1], draws[::-1], strict=True):
        first = begin is unrolled.state
        total, begin = (total, begin) if first else (_leaf(total), changed(begin, _leaf))
        with _drawing(drawn, unrolled.x):
            y, after = unrolled.run(a, b, begin)
            out = unrolled.read(total, y, a)
        leaves = [] if first else [*flat(begin), *([] if total is None else [total])]
        unrolled.back([*flat(after), *([] if out is None else [out])], gradients, leaves=leaves)
        gradients = [_taken(t) for t in leaves]
    return value.detach(), state


class _Block:
    """Room for the same few tensors many times."""

    def __init__(self, times: int, like: list[Tensor | None]) -> None:
        sizes = [0 if t is None else t.numel() for t in like]
        one = next(t for t in like if t is not None)
        self.rows = iter(one.new_empty(times, sum(sizes)))
        self.sizes = sizes

    def keep(self, tensors: list[Tensor | None]) -> list[Tensor | None]:
        """Copies of the tensors, in the next row."""
        parts = next(self.rows).split(self.sizes)
        return [
            None if t is None else part.view(t.shape).copy_(t)
            for t, part in zip(tensors, parts, strict=True)
        ]


def _tensor(total: Any) -> Tensor | None:
    if total is None or isinstance(total, Tensor):
        return total
    raise OptionError(
        f"`Checkpointed`: read returns {type(total).__name__}; expected one tensor or None, which "
        "can be kept at the end of a segment. Put what is read into one tensor."
    )


def _leaf(t: Tensor | None) -> Any:
    return t if t is None else t.detach().requires_grad_()


def _taken(leaf: Tensor) -> Tensor:
    """The gradient that has reached a leaf."""
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad


def _device_state(x: Tensor) -> list[Tensor]:
    return [torch.cuda.get_rng_state(x.device)] if x.is_cuda else []


@contextmanager
def _drawing(state: Any, x: Tensor) -> Iterator[None]:
    """What was drawn from a state of the generators is drawn again; None: nothing was."""
    if state is None:
        yield
        return
    with torch.random.fork_rng([x.device] if x.is_cuda else []):
        torch.set_rng_state(state[0])
        if x.is_cuda:
            torch.cuda.set_rng_state(state[1], x.device)
        yield


def _by_layer(unrolled: Unrolled, pieces: list[tuple[int, int]]) -> tuple[Any, States]:
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
                    result = way(x[a:b], state, *unrolled.piece(a, b), every_state=False)
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
