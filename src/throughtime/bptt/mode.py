"""Which way back through time: the modes by name, and one call of any of them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from throughtime.bptt.checkpointed import Checkpointed
from throughtime.bptt.full import Full
from throughtime.bptt.scaling import Division, passes, recurrent_parameters
from throughtime.bptt.truncated import Truncated
from throughtime.bptt.unrolled import Loss, Read, Unrolled, changed
from throughtime.errors import OptionError
from throughtime.layers import Recurrent, checks
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
    - `x`: `(T, B, I)`; where it requires a gradient, it receives its own.
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

    **Raises:** `OptionError` for what a mode cannot do, `ShapeError` for what does not fit.
    """
    stack = list(layers) if isinstance(layers, Iterable) else [layers]
    check(mode, stack, resets is not None, scale_by_replicas)
    call, size, weight = "bptt.backward", stack[0].input_size, stack[0].directions[0][0].like
    checks.shape(call, "x", x, ("T", "B", size), f"because input_size={size}. Give these columns.")
    checks.same_kind(call, "x", x, weight)
    resets = checks.resets(call, resets, tuple(x.shape[:2]), x.device)
    lengths = checks.lengths(call, lengths, len(x), x.shape[1], x.device)
    given = [None] * len(stack) if state is None else list(state)
    if len(given) != len(stack):
        raise OptionError(
            f"`bptt.backward`: state has {len(given)} parts; expected {len(stack)}, one for each "
            "Recurrent. Pass a state as it was returned."
        )
    pairs = zip(stack, given, strict=True)
    begin = [layer.starts(call, s, x.shape[1], weight) for layer, s in pairs]
    begin = changed(begin, Tensor.detach)
    # what x came from is gone back through once, whatever the number of pieces
    leaf = x.detach().requires_grad_(x.requires_grad)
    unrolled = Unrolled(stack, leaf, read, loss, lengths, resets, begin)
    scaled = _scaled(mode, unrolled) if scale_by_replicas else {}
    before = {p: p.grad for p in scaled}
    for p in scaled:
        p.grad = None
    value, last = mode.gradient(unrolled)
    for p, gradient in scaled.items():
        earlier = before[p]
        p.grad = gradient if earlier is None else earlier + gradient
    if leaf.grad is not None:
        x.backward(leaf.grad)
    named = unrolled.named(changed(last, Tensor.detach))
    return value, named


def _scaled(mode: Mode, unrolled: Unrolled) -> dict[Tensor, Tensor]:
    """The divided gradient of each recurrent parameter; `.grad` and torch's generator stay."""
    x, lengths, divided = unrolled.x, unrolled.lengths, {}
    if lengths is None:
        lengths = torch.full(x.shape[1:2], len(x), device=x.device)
    for at, members in passes(unrolled.layers):
        own = [
            p for direction in members for p in recurrent_parameters(direction) if p.requires_grad
        ]
        before = [p.grad for p in own]
        for p in own:
            p.grad = None
        with torch.random.fork_rng([x.device] if x.is_cuda else []):
            mode.gradient(replace(unrolled, division=Division(at, lengths), only=own))
        for p, earlier in zip(own, before, strict=True):
            if p.grad is not None:
                divided[p] = p.grad
            p.grad = earlier
    return divided


def check(
    mode: Mode, layers: Sequence[Recurrent], resets: bool = False, scale_by_replicas: bool = False
) -> None:
    """**Raises:** `OptionError` for what a mode cannot do with these layers."""
    if not isinstance(mode, Mode):
        raise OptionError(
            f"`bptt.backward`: mode is {mode!r}; expected Full(), Truncated(...) or "
            "Checkpointed(...). Write `bptt.mode(...)` around a text."
        )
    if not layers:
        raise OptionError("`bptt.backward`: layers has 0; expected a Recurrent. Give one.")
    width = layers[0].input_size if isinstance(layers[0], Recurrent) else 0
    for layer in layers:
        if not isinstance(layer, Recurrent):
            raise OptionError(
                f"`bptt.backward`: layers has a {type(layer).__name__}; expected Recurrents, each "
                "on the outputs of the one before. Put other modules into read."
            )
        if layer.batch_first:
            raise OptionError("`bptt.backward`: a layer is batch_first; expected time first.")
        if layer.input_size != width:
            raise OptionError(
                f"`bptt.backward`: a layer has input_size={layer.input_size}; expected {width}, "
                "what the one before puts out. Set its input_size."
            )
        width = layer.output_size
    mode.check(layers)
    if scale_by_replicas:
        passes(layers)
        if resets:
            raise OptionError(
                "`bptt.backward`: resets are given with scale_by_replicas; expected one of the "
                "two, because a reset changes how many replicas a step reaches. Leave one out."
            )
