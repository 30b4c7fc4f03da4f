"""Steps that are not there: the real ones are run over alone, and held where others are.

The real steps of each sequence move to its front, in their order, and the whole stack runs over
them as over shorter sequences. Afterwards each step is shown the state after the last real step at
or before it, in the time of its direction.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from throughtime.engines import Result
from throughtime.layers import checks

INITIAL, START, FIRST = 0, 1, 2  # the rows that a held state comes from: a place p is row FIRST + p

Starts = list[tuple[Tensor, ...] | None]
"""For each direction the states that a call goes on from; None for the initial ones."""


class Held(NamedTuple):
    """Where the real steps of a batch stand at the front, and which of them each step shows.

    - `order`: int64 `(n, B)`: the step that stands at each place; the real ones come first.
    - `lengths`: int64 `(B,)`: how many are real.
    - `resets`: bool `(n, B)`: whether a reset lies between the real step at the place before and
      this one; None without resets.
    - `rows`: of forward and backward int64 `(T, B)`: which row each step shows of the initial
      state, the state that the call starts from, and the state after each place.
    - `past`: bool `(T, B)`: whether a step is past the length of its sequence.
    - `late`: bool `(B,)`: whether a reset lies after the last real step; None without resets.
    """

    order: Tensor
    lengths: Tensor
    resets: Tensor | None
    rows: tuple[Tensor, Tensor]
    past: Tensor
    late: Tensor | None


def hold(mask: Tensor, lengths: Tensor | None, resets: Tensor | None) -> Held:
    """What a mask `(T, B)` of at least one step makes of a batch."""
    T, B = mask.shape
    steps = torch.arange(T, device=mask.device)[:, None]
    past = steps >= (torch.full((B,), T, device=mask.device) if lengths is None else lengths)
    real = mask & ~past
    so_far = real.cumsum(0)  # (T, B), the real steps up to each and with it
    count, earlier = so_far[-1], so_far - real.long()
    order = (~real).long().argsort(dim=0, stable=True)
    if checks.readable(count):  # places that no sequence has need not be run over
        order = order[: max(1, int(count.max()) if B else 0)]
    rows = (START + so_far, torch.where(earlier == count, START, FIRST + earlier))
    if resets is None:
        return Held(order, count, None, rows, past, None)
    piece = (resets & ~past).cumsum(0)  # (T, B), which of the pieces between resets
    own = piece.gather(0, order)  # (n, B)
    last = own.gather(0, (count - 1).clamp(min=0)[None])[0]
    forward, backward = rows
    return Held(
        order,
        count,
        own.diff(dim=0, prepend=torch.zeros_like(own[:1])) > 0,
        (_renewed(forward, piece, own, piece[0] * 0), _renewed(backward, piece, own, piece[-1])),
        past,
        last != piece[-1],
    )


def _renewed(rows: Tensor, piece: Tensor, own: Tensor, begin: Tensor) -> Tensor:
    """The rows that are shown, the initial state where a reset lies between them and the step.

    `own (n, B)`: the piece that each place is in; `begin (B,)`: that of the state started from.
    """
    of_rows = torch.cat([torch.full_like(own[:1], -1), begin[None], own])
    return torch.where(of_rows.gather(0, rows) == piece, rows, INITIAL)


def compact(held: Held, x: Tensor) -> Tensor:
    """The real steps of `x (T, B, ...)` at the front, `(n, B, ...)`; what follows is not read."""
    order = held.order.view(*held.order.shape, *[1] * (x.dim() - 2))
    return x.gather(0, order.expand(-1, -1, *x.shape[2:]))


def starts(held: Held, directions: Any, given: Starts) -> Starts:
    """What each direction of a layer starts from. A reset after the last real step comes before all
    of them backward in time: it leaves nothing of a state that was given."""
    if held.late is None:
        return given
    late = held.late[:, None]
    return [
        start if start is None or not direction.reverse else tuple(
            torch.where(late, initial, state)
            for initial, state in zip(_initial(direction, start[0]), start, strict=True)
        )
        for direction, start in zip(directions, given, strict=True)
    ]  # fmt: skip


def put_back(
    held: Held, directions: Any, given: Starts, results: list[Result], shown: bool
) -> list[Result]:
    """The results of a layer over the places, over all steps, 0 past the lengths; without `shown`
    only the final states are wanted."""
    return [
        _put_back(held, direction, start, result, shown)
        for direction, start, result in zip(directions, given, results, strict=True)
    ]


def _put_back(
    held: Held, direction: Any, start: tuple[Tensor, ...] | None, result: Result, shown: bool
) -> Result:
    initial, final = _initial(direction, result.final[0]), result.final
    rows = held.rows[direction.reverse]
    states = []
    for k, after in enumerate(result.states if shown else ()):
        begin = initial[k] if start is None else start[k].to(after.dtype)
        every = torch.cat([initial[k][None], begin[None], after])
        index = rows[..., None].expand(-1, -1, after.shape[-1])
        states.append(every.gather(0, index).masked_fill(held.past[..., None], 0.0))
    if held.resets is not None:
        renewed = (rows[0 if direction.reverse else -1] == INITIAL)[:, None]
        final = tuple(torch.where(renewed, i, f) for i, f in zip(initial, final, strict=True))
    return Result(tuple(states), final)


def _initial(direction: Any, like: Tensor) -> tuple[Tensor, ...]:
    """The initial value of each state, `(B, width)`, of the batch size and dtype of `like`."""
    own = direction.initial.start(len(like), like)
    return tuple(value.expand(len(like), value.shape[-1]) for value in own)
