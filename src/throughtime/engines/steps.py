"""The order of time: which steps are real, in which order they run, where states restart."""

from collections.abc import Iterator

import torch
from torch import Tensor

from throughtime.engines.call import Call


def real_steps(call: Call) -> Tensor | None:
    """Whether each step of each sequence is one of its own, `(T, B, 1)`; None: all are."""
    if call.lengths is None:
        return None
    time = torch.arange(call.x.shape[0], device=call.x.device)
    return (time[:, None] < call.lengths.to(call.x.device)).unsqueeze(-1)


def steps(call: Call) -> Iterator[tuple[int, Tensor | None]]:
    """`(t, restart)` in the order of running; `restart (B, 1)`: states that begin anew there.

    Backward in time a reset at t ends a piece after step t, so it acts before step t - 1.
    A sequence that has not begun is already in its start state: past its length nothing acts.
    """
    T = call.x.shape[0]
    restart = None
    if call.resets is not None:
        restart = call.resets.unsqueeze(-1)
        real = real_steps(call)
        restart = restart if real is None else restart & real
    for t in reversed(range(T)) if call.reverse else range(T):
        first = t + 1 if call.reverse else t
        yield t, restart[first] if restart is not None and first < T else None


def stack(rows: list[Tensor], call: Call, shape: tuple[int, ...]) -> Tensor:
    """Rows in the order of running, as `(T, B, width)` in the order of time."""
    if not rows:
        return call.x.new_zeros(0, *shape)
    return torch.stack(rows[::-1] if call.reverse else rows)
