"""The states that a network visits on data: where a search for fixed points starts."""

from collections.abc import Iterable

import torch
from torch import Tensor

from throughtime.dynamics.state_map import StateMap
from throughtime.errors import OptionError, ShapeError, whole


def run_each(system: StateMap, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Run sequences of different lengths, in the direction of time of the system.

    **Arguments:** `x`: `(T, B, I)`, padded; `lengths`: real steps of each, `(B,)`.

    **Returns:** the states `(T, B, size)` in the order in which the network visits them: of a
    backward direction the first is that of a sequence's last step. And `(T, B)`, which are real.

    **Raises:** `ShapeError` for lengths that do not fit.
    """
    T, B = x.shape[:2]
    if lengths.shape != (B,) or not bool(((0 <= lengths) & (lengths <= T)).all()):
        raise ShapeError(
            f"`run_each`: lengths has {lengths.tolist()}; expected {B} numbers from 0 to {T}, the "
            "real steps of each sequence. Give those of the batch."
        )
    lengths = lengths.to(x.device)
    t = torch.arange(T, device=x.device)[:, None]
    real = t < lengths
    if system.backward:
        order = torch.where(real, lengths - 1 - t, t)
        x = x.gather(0, order[..., None].expand_as(x))
    return system.run(x), real


def visited(
    system: StateMap,
    batches: Iterable[tuple[Tensor, Tensor]],
    count: int,
    *,
    between: float = 0.0,
    noise: float = 0.0,
    seed: int = 0,
) -> Tensor:
    """States that a network visits on data, a draw of all real steps: starts for `fixed_points`.

    **Arguments:**

    - `batches`: pairs of inputs `(T, B, I)` of the layer and lengths `(B,)`.
    - `count`: how many states are drawn, without one twice; all where there are fewer.
    - `between`: share of them that is moved to a place, drawn evenly, on the line to another one.
      A network crosses the saddles between its attractors in few steps, so that few of the states
      visited are near one; many of these are.
    - `noise`: standard deviation of normal noise that is added to each number, as a share of the
      standard deviation of this number among the states drawn.
    - `seed`: of all that is drawn.

    **Returns:** `(N, size)`.

    **Raises:** `OptionError` for a count below 1, a share that is none, noise below 0, or data
    without a real step.
    """
    whole("visited", "count", count, "Set it to 1024.")
    if not 0 <= noise < float("inf"):
        raise OptionError(f"`visited`: noise is {noise!r}; expected 0 or more. Set it to 0.")
    if not 0 <= between <= 1:
        raise OptionError(
            f"`visited`: between is {between!r}; expected a share from 0 to 1. Set it to 0.5."
        )
    generator = torch.Generator().manual_seed(seed)
    # The states with the smallest of as many random numbers are a draw of all, in one pass.
    drawn, kept = torch.empty(0), None
    for x, lengths in batches:
        states, real = run_each(system, x, lengths)
        states = states[real].cpu()
        drawn = torch.cat([drawn, torch.rand(len(states), generator=generator)])
        kept = states if kept is None else torch.cat([kept, states])
        drawn, at = drawn.sort()
        drawn, kept = drawn[:count], kept[at[:count]]
    if kept is None or not len(kept):
        raise OptionError(
            "`visited`: batches has no real step; expected at least 1. Give sequences with steps."
        )
    if moved := round(between * len(kept)):  # the first, as they are in drawn order
        others = kept[torch.randperm(len(kept), generator=generator)[:moved]]
        along = torch.rand(moved, 1, generator=generator, dtype=kept.dtype)
        kept = torch.cat([kept[:moved].lerp(others, along), kept[moved:]])
    if noise:
        normal = torch.randn(kept.shape, generator=generator, dtype=kept.dtype)
        kept = kept + noise * kept.std(0, correction=0) * normal
    return kept.to(system.start.device)
