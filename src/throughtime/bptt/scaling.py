"""The gradient of each loss term divided by the number of replicas it reaches.

What one term e_t sends into a recurrent parameter is a sum over the replicas of it that e_t
depends on: t of them forward in time, length - t + 1 backward, those of the window under
truncation. Dividing keeps the direction of each parameter's gradient for one term. The sum
over terms changes direction: this is not the gradient of the loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from throughtime.errors import OptionError
from throughtime.layers import Recurrent


@dataclass(frozen=True, eq=False)
class Division:
    """Where a backward pass is divided, and by how much.

    - `at`: `"top"`: what enters the outputs of the last layer, by the count of its step. In a
      network of one direction all layers have that count. `"below"`: what the last layer of a
      network of both directions hands to those below it, by the whole length: any output of
      theirs reaches all of their replicas.
    - `lengths`: real steps of each sequence, `(B,)`.
    """

    at: Literal["top", "below"]
    lengths: Tensor

    def output(self, y: Tensor, reverse: bool, start: int, since: int) -> Tensor:
        """At the outputs `(n, B, width)` of the steps from `start` on."""
        if self.at != "top":
            return y
        t = torch.arange(start, start + len(y), device=y.device)[:, None]
        count = self.lengths - t if reverse else (t + 1 - since).expand(-1, y.shape[1])
        return _divide(y, count[..., None])

    def below(self, x: Tensor) -> Tensor:
        """At the input `(T, B, width)` of the last layer."""
        return _divide(x, self.lengths[:, None]) if self.at == "below" else x

    def final(self, states: tuple[Tensor, ...] | None) -> tuple[Tensor, ...] | None:
        """At final states `(B, width)`, which reach every step."""
        return states and tuple(_divide(s, self.lengths[:, None]) for s in states)


def passes(layers: Sequence[Recurrent]) -> list[tuple[Literal["top", "below"], list[nn.Module]]]:
    """The divided backward passes that a network needs, and whose parameters each is for.

    **Raises:** `OptionError` for a network with some layers of one direction and some of
    another, whose counts differ from term to term within a layer.
    """
    kinds = {layer.direction for layer in layers}
    every = [
        direction for layer in layers for directions in layer.directions for direction in directions
    ]
    if len(kinds) > 1:
        raise OptionError(
            f"scale_by_replicas: the layers have directions {', '.join(sorted(kinds))}; "
            "expected one for all. Leave scale_by_replicas out."
        )
    if kinds != {"both"}:
        return [("top", every)]
    top = list(layers[-1].directions[-1])
    below = [direction for direction in every if direction not in top]
    return [("top", top), *([("below", below)] if below else [])]


def recurrent_parameters(direction: Any) -> list[nn.Parameter]:
    """The parameters of a layer and direction that have replicas: all but its initial state.

    Of a weight that is parametrised what it is made of.
    """
    return [p for name, p in direction.named_parameters() if not name.startswith("initial.")]


class _Divide(torch.autograd.Function):
    """The identity; what comes back is divided."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, count: Tensor) -> Tensor:
        ctx.save_for_backward(count)
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        (count,) = ctx.saved_tensors
        return gradients[0] / count.clamp(min=1), None


def _divide(x: Tensor, count: Tensor) -> Tensor:
    return _Divide.apply(x, count)  # type: ignore[return-value]
