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
from throughtime.errors import OptionError, whole
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
        if self.segments is not None:
            fix = "Leave it out for the square root of the length."
            whole("Checkpointed", "segments", self.segments, fix)

    def check(self, layers: Sequence[Recurrent]) -> None:
        """Any network can be trained so."""

    def gradient(self, unrolled: Unrolled) -> tuple[Tensor, States]:
        T, unrolled = len(unrolled.x), unrolled.masked()
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

    The states lie in one block each: small tensors left between large ones that come and go would
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
                rooms = [s.new_empty(len(pieces), *s.shape) for s in flat(state)]
            places = iter([room[len(kept) - 1] for room in rooms])
            state = changed(state, lambda s, places=places: next(places).copy_(s))

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
    for r, (recurrent, states) in enumerate(zip(unrolled.layers, unrolled.state, strict=True)):
        final.append([])
        for k, (directions, starts) in enumerate(zip(recurrent.directions, states, strict=True)):
            top = recurrent is unrolled.layers[-1] and k == len(recurrent.directions) - 1
            x = recurrent.between(k, x)
            if top and division is not None:
                x = division.below(x)
            outputs, ends = [], []
            for d, (direction, state) in enumerate(zip(directions, starts, strict=True)):

                def segment(x, state, a: int, b: int, place=(r, k, d)):
                    result = unrolled.over(place, x[a:b], state, a, b)
                    return result.states[0], result.final

                parts = []
                for a, b in pieces[::-1] if direction.reverse else pieces:
                    y, state = checkpoint(segment, x, state, a, b, use_reentrant=False)
                    parts.append(y)
                outputs.append(torch.cat(parts[::-1] if direction.reverse else parts))
                ends.append(state)
            x = unrolled.merge(recurrent, directions, outputs, top)
            final[-1].append(ends)
    return unrolled.read(None, x, 0), final
