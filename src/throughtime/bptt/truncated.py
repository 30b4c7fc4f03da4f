"""Truncated back-propagation through time."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from throughtime.bptt.loss import one_number
from throughtime.bptt.unrolled import States, Unrolled, changed, flat
from throughtime.errors import OptionError, whole
from throughtime.layers import Recurrent


@dataclass(frozen=True)
class Truncated:
    """Every `every` steps the gradient of their outputs goes back over the last `steps` steps.

    Forward nothing is cut: the state is carried from window to window. An output at step t is
    followed back over at least `steps - every` and at most `steps` steps; with `steps` the whole
    length it is the gradient. Beyond the input and the outputs, memory is that of `every` steps
    and the states between them.

    Williams and Peng 1990, An efficient gradient-based algorithm for on-line training of
    recurrent network trajectories, doi 10.1162/neco.1990.2.4.490: BPTT(h; h') with h = `steps`,
    h' = `every`.

    **Arguments:** `every`: `steps` unless given; it divides `steps`, because windows begin
    where the state was kept.

    **Raises:** `OptionError` for numbers that do not fit.
    """

    steps: int
    every: int | None = None

    def __post_init__(self) -> None:
        whole("Truncated", "steps", self.steps, "Give steps=50, say.")
        if self.every is None:
            return
        whole("Truncated", "every", self.every, "Leave it out for as many as steps.")
        if self.steps % self.every:
            raise OptionError(
                f"`Truncated`: every is {self.every} with steps={self.steps}; expected a divisor "
                "of steps, because windows begin where the state was kept. "
                f"Give steps={-(-self.steps // self.every) * self.every}."
            )

    @property
    def piece(self) -> int:
        """Steps between two backward passes."""
        return self.every or self.steps

    def check(self, layers: Sequence[Recurrent]) -> None:
        """**Raises:** `OptionError` for a backward direction."""
        for layer in layers:
            if layer.direction != "forward":
                raise OptionError(
                    f"`Truncated`: a layer has direction={layer.direction!r}; expected 'forward', "
                    "because a network that runs backward begins at the end of the sequence, which "
                    "a window does not have. Use Full() or Checkpointed()."
                )

    def gradient(self, unrolled: Unrolled) -> tuple[Tensor, States]:
        T, n, unrolled = len(unrolled.x), self.piece, unrolled.masked()
        starts = list(range(0, T, n)) or [0]
        reach = self.steps // n
        since = [starts[max(0, i - reach + 1)] for i in range(len(starts))]
        pieces: list[tuple[list[Tensor], Tensor, States]] = []
        state, total, leaves = unrolled.state, None, []
        for i, a in enumerate(starts):
            y, after = checkpoint(
                unrolled.run, a, min(a + n, T), state, since[i], use_reentrant=False
            )
            pieces.append((flat(state) if i else [], y, after))
            state = changed(after, lambda s: s.detach().requires_grad_())
            leaves.append(y.detach().requires_grad_())
            total = unrolled.read(total, leaves[-1], a)
        final = changed(state, lambda s: s.detach().requires_grad_())
        value = one_number("bptt.backward", unrolled.loss(total, unrolled.named(final)))
        unrolled.back([value], leaves=[*leaves, *flat(final)])

        for i in reversed(range(len(pieces))):
            entering = self._ending(unrolled, flat(final), starts, since, i)
            _, y, after = pieces[i]
            roots, gradients = flat(after), entering
            if leaves[i].grad is not None:
                roots, gradients = [y, *roots], [leaves[i].grad, *gradients]
            for j in range(i, max(-1, i - reach), -1):
                begin = pieces[j][0]
                unrolled.back(roots, gradients, leaves=begin, retain=j < i)
                if not begin:
                    break
                gradients = [_taken(s) for s in begin]
                roots = flat(pieces[j - 1][2])
        return value.detach(), state

    def _ending(self, unrolled: Unrolled, final, starts, since, i: int) -> list[Tensor]:
        """What enters the final states of those sequences that end in piece i."""
        a, last = starts[i], i == len(starts) - 1
        T = len(unrolled.x)
        B = unrolled.x.shape[1]
        lengths = unrolled.lengths
        if lengths is None:
            lengths = torch.full((B,), T, device=unrolled.x.device)
        ends = lengths > a if last else (lengths > a) & (lengths <= starts[i + 1])
        ends = ends | (lengths == 0) if i == 0 else ends
        weight = ends.to(unrolled.x.dtype)
        if unrolled.division is not None:
            weight = weight / (lengths - since[i]).clamp(min=1)
        return [torch.zeros_like(s) if s.grad is None else s.grad * weight[:, None] for s in final]

    def __str__(self) -> str:
        return f"truncated:{self.steps}" + ("" if self.every is None else f":{self.every}")


def _taken(leaf: Tensor) -> Tensor:
    """The gradient that has reached a leaf, which has none afterwards."""
    gradient, leaf.grad = leaf.grad, None
    return torch.zeros_like(leaf) if gradient is None else gradient
