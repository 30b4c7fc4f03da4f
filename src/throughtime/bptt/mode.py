"""Which way back through time: the modes by name, and one call of any of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from throughtime.bptt.checkpointed import Checkpointed
from throughtime.bptt.full import Full
from throughtime.bptt.scaling import Division, passes, recurrent_parameters
from throughtime.bptt.truncated import Truncated
from throughtime.bptt.unrolled import Loss, Read, States, Unrolled, changed
from throughtime.errors import OptionError
from throughtime.layers import Recurrent
from throughtime.layers.recurrent import State

Mode = Full | Truncated | Checkpointed
"""A way of back-propagation through time; each has `check(layers)` and `gradient(unrolled)`."""


def mode(text: str | Mode) -> Mode:
    """The mode of a text: `full`, `truncated:50`, `truncated:50:25`, `checkpointed`,
    `checkpointed:10`. A mode is itself. **Raises:** `OptionError`.
    """
    if not isinstance(text, str):
        if isinstance(text, Mode):
            return text
        raise OptionError(_unknown(text))
    name, *numbers = text.split(":")
    try:
        values = [int(n) for n in numbers]
        if name == "full" and not values:
            return Full()
        if name == "truncated" and len(values) in (1, 2):
            return Truncated(*values)
        if name == "checkpointed" and len(values) < 2:
            return Checkpointed(*values)
    except ValueError as e:
        if isinstance(e, OptionError):
            raise
    raise OptionError(_unknown(text))


def _unknown(given: object) -> str:
    return (
        f"bptt is {given!r}; expected full, truncated:STEPS, truncated:STEPS:EVERY, checkpointed "
        "or checkpointed:SEGMENTS. Write truncated:50, say."
    )


def backward(
    mode: Mode,
    layers: Recurrent | Sequence[Recurrent],
    x: Tensor,
    *,
    read: Read = lambda total, y, start: None,
    loss: Loss = lambda total, state: total,
    lengths: Tensor | None = None,
    resets: Tensor | None = None,
    state: Sequence[State] | None = None,
    scale_by_replicas: bool = False,
) -> tuple[Tensor, list[State]]:
    """Run layers and a loss forward, and backward in one of the modes, into `.grad`.

    ```python
    def read(total, y, start):                       # a loss at each step
        value = criterion(head(y), target[start : start + len(y)])
        return value if total is None else total + value

    value, state = backward(Checkpointed(), layer, x, read=read)
    ```

    **Main arguments:**

    - `mode`: `Full()`, `Truncated(...)` or `Checkpointed(...)`.
    - `layers`: a `Recurrent`, or several, each on the outputs of the one before; time first.
    - `x`: `(T, B, I)`.
    - `read`: told of the outputs `y (n, B, width)` of the steps from `start` on, piece after
      piece in the direction of time, it adds what it needs of them to `total`: one tensor, or
      None as at first.
    - `loss`: one number from the last `total` and the final states, `state[recurrent][layer]
      [direction][name]`.

    **Other arguments:**

    - `lengths`, `resets`: as in `Recurrent`.
    - `state`: to start from, as it was returned for the steps before; no gradient goes there.
    - `scale_by_replicas`: divide what each output sends into the recurrent parameters by the
      number of replicas it reaches, see `throughtime.bptt.scaling`; initial states, `read` and
      `loss` keep their gradient. Runs everything once more, twice more in a network of several
      layers in both directions.

    **Returns:** the loss and the final states, both without gradient.

    **Raises:** `OptionError` for what a mode cannot do.
    """
    stack = [layers] if isinstance(layers, Recurrent) else list(layers)
    check(mode, stack, resets is not None, scale_by_replicas)
    begin: States = [[[None] * len(ways) for ways in layer.cells] for layer in stack]
    if state is not None:
        begin = [
            [
                [
                    tuple(named[name].detach() for name in way.program.states)
                    for way, named in zip(*pair, strict=True)
                ]
                for pair in zip(_cells(layer), given, strict=True)
            ]
            for layer, given in zip(stack, state, strict=True)
        ]
    unrolled = Unrolled(stack, x, read, loss, lengths, resets, begin)
    scaled = _scaled(mode, unrolled) if scale_by_replicas else {}
    before = {p: p.grad for p in scaled}
    for p in scaled:
        p.grad = None
    value, last = mode.gradient(unrolled)
    for p, gradient in scaled.items():
        earlier = before[p]
        p.grad = gradient if earlier is None else earlier + gradient
    named = unrolled.named(changed(last, Tensor.detach))
    return value, named


def _scaled(mode: Mode, unrolled: Unrolled) -> dict[Tensor, Tensor]:
    """The divided gradient of each recurrent parameter; `.grad` and torch's generator stay."""
    x, lengths, found = unrolled.x, unrolled.lengths, {}
    if lengths is None:
        lengths = torch.full(x.shape[1:2], len(x), device=x.device)
    for at, members in passes(unrolled.layers):
        own = [p for way in members for p in recurrent_parameters(way) if p.requires_grad]
        before = [p.grad for p in own]
        for p in own:
            p.grad = None
        with torch.random.fork_rng([x.device] if x.is_cuda else []):
            mode.gradient(replace(unrolled, division=Division(at, lengths), only=own))
        for p, earlier in zip(own, before, strict=True):
            if p.grad is not None:
                found[p] = p.grad
            p.grad = earlier
    return found


def _cells(layer: Any) -> Any:
    """The layers of a `Recurrent`, each its directions; torch types a module's parts loosely."""
    return layer.cells


def check(
    mode: Mode, layers: Sequence[Recurrent], resets: bool = False, scale_by_replicas: bool = False
) -> None:
    """**Raises:** `OptionError` for what a mode cannot do with these layers."""
    if any(layer.batch_first for layer in layers):
        raise OptionError("`bptt.backward`: a layer is batch_first; expected time first.")
    mode.check(layers, resets)
    if scale_by_replicas:
        passes(layers)
        if resets:
            raise OptionError(
                "`bptt.backward`: resets are given with scale_by_replicas; expected one of the "
                "two, because a reset changes how many replicas a step reaches. Leave one out."
            )
