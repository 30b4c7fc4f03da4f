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


def steady(call: Call) -> bool:
    """Whether the state before each step is the one after its neighbour, or `start` at the end."""
    return call.resets is None and not (call.reverse and call.lengths is not None)


def previous(call: Call, state: Tensor, k: int) -> Tensor:
    """The value of state k before every step, `(T, B, width)`, from its values after them."""
    T = state.shape[0]
    start = call.start[k].reshape(1, *state.shape[1:])
    if not call.reverse:
        before = torch.cat([start, state])[:T]
    else:
        before = torch.cat([state[1:], start]) if T else state
        if call.lengths is not None:
            time = torch.arange(T, device=state.device)[:, None]
            first = time + 1 == call.lengths.to(state.device)
            before = torch.where(first.unsqueeze(-1), start, before)
    if call.resets is not None:
        acts = call.resets
        real = real_steps(call)
        acts = acts if real is None else acts & real.squeeze(-1)
        if call.reverse:  # a reset at t acts before step t - 1
            acts = torch.cat([acts[1:], acts.new_zeros(1, acts.shape[1])]) if T else acts
        before = torch.where(acts.unsqueeze(-1), call.initial[k].unsqueeze(0), before)
    return before


def stack(rows: list[Tensor], call: Call, shape: tuple[int, ...]) -> Tensor:
    """Rows in the order of running, as `(T, B, width)` in the order of time."""
    if not rows:
        return call.x.new_zeros(0, *shape)
    return torch.stack(rows[::-1] if call.reverse else rows)
