"""Truncated back-propagation on one endless run of windows, a step of the optimiser after each."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from throughtime.bptt.loss import one_number
from throughtime.bptt.mode import check
from throughtime.bptt.truncated import Truncated
from throughtime.bptt.unrolled import States, Unrolled, changed
from throughtime.errors import OptionError
from throughtime.layers import Recurrent, checks


def stream(
    mode: Truncated,
    layers: Recurrent | list[Recurrent],
    windows: Iterable[tuple[Tensor, Tensor | None, Any]],
    loss: Callable[[Tensor, Any], Tensor],
) -> Iterator[Tensor]:
    """The loss of each window, with its gradient over the last `mode.steps` steps in `.grad`.

    ```python
    for value in stream(Truncated(50, every=10), layer, windows, loss):
        optimiser.step()
        optimiser.zero_grad()
    ```

    The state is carried from window to window, for as long as they come; masks of
    `variational_dropout` and `weight_drop` are drawn anew for each. Where `steps` is more
    than `every`, the windows before are run again from the state that was kept, with the
    weights of now.

    **Arguments:**

    - `windows`: `(x, resets, target)` of `mode.every` steps each (the last may be shorter):
      `x (n, B, I)`, `resets (n, B)` or None, and a target that `loss` understands. Row b of a
      window goes on where row b of the one before it stopped; `throughtime.data.Streams` gives
      such windows.
    - `loss`: of the outputs `y (n, B, width)` of one window and its target.

    **Raises:** `OptionError` for what `mode` cannot do, and for a window of another length,
    `ShapeError` for one of other rows or columns.
    """
    stack = list(layers) if isinstance(layers, Iterable) else [layers]
    if not isinstance(mode, Truncated):
        raise OptionError(
            f"`stream`: mode is {mode}; expected Truncated(...), because a stream has no end. "
            "Give Truncated(50), say."
        )
    check(mode, stack)
    kept: deque[tuple[Tensor, Tensor | None, States]] = deque(maxlen=mode.steps // mode.piece)
    state: States = [
        [[None] * len(directions) for directions in layer.directions] for layer in stack
    ]
    ended = False
    for x, resets, target in windows:
        if ended or not 0 < len(x) <= mode.piece:
            raise OptionError(
                f"`stream`: a window has {len(x)} steps; expected {mode.piece}, save for the last, "
                f"because mode is {mode}. Cut windows of {mode.piece} steps."
            )
        ended = len(x) < mode.piece
        rows = kept[0][0].shape[1] if kept else "B"
        size = stack[0].input_size
        checks.shape(
            "stream",
            "x of a window",
            x,
            ("n", rows, size),
            "as the windows before, and the input_size. Give one row for each stream.",
        )
        resets = checks.resets("stream", resets, tuple(x.shape[:2]), x.device)
        kept.append((x, resets, state))
        whole = torch.cat([part for part, _, _ in kept])
        marks = [
            part.new_zeros(part.shape[:2], dtype=torch.bool) if r is None else r
            for part, r, _ in kept
        ]
        before = kept[0][2]
        given = None if all(r is None for _, r, _ in kept) else torch.cat(marks)
        unrolled = Unrolled(stack, whole, _nothing, _nothing, None, given, before)
        y, after = unrolled.run(0, len(whole), before)
        value = one_number("stream", loss(y[-len(x) :], target))
        value.backward()
        state = changed(after, Tensor.detach)
        yield value.detach()


def _nothing(*_: Any) -> Any:
    raise AssertionError("the windows have a loss of their own")
