"""The recurrent layers of a network unrolled over one batch, and a loss on what they put out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from throughtime.bptt.loss import one_number
from throughtime.bptt.scaling import Division
from throughtime.engines import Result
from throughtime.layers import Recurrent
from throughtime.layers.direction import Masks
from throughtime.layers.recurrent import State

Read = Callable[[Any, Tensor, int], Any]
Loss = Callable[[Any, list[State]], Tensor]
States = list[list[list[tuple[Tensor, ...] | None]]]
"""`states[recurrent][layer][direction]`, one tensor a state; None for the initial state."""


@dataclass(frozen=True, eq=False)
class Unrolled:
    """What a mode of back-propagation through time is given, see `bptt.backward`."""

    layers: Sequence[Recurrent]
    x: Tensor
    read: Read
    loss: Loss
    lengths: Tensor | None
    resets: Tensor | None
    state: States
    division: Division | None = None
    masks: list[list[list[Masks]]] | None = None  # as the states; None: drawn anew in each call
    only: list[Tensor] | None = None  # the tensors that a gradient is wanted for; None: all

    @property
    def directions(self) -> set[str]:
        return {layer.direction for layer in self.layers}

    def run(self, a: int, b: int, state: States, since: int = 0) -> tuple[Tensor, States]:
        """All layers over the steps a to b; `since`: the first step that a gradient reaches."""
        x = self.x[a:b]
        new: States = []
        for r, recurrent in enumerate(self.layers):
            new.append([])
            for k, directions in enumerate(recurrent.directions):
                top = recurrent is self.layers[-1] and k == len(recurrent.directions) - 1
                x = recurrent.between(k, x)
                if top and self.division is not None:
                    x = self.division.below(x)
                ran = [self.over((r, k, d), x, s, a, b) for d, s in enumerate(state[r][k])]
                x = self.merge(recurrent, directions, [one.states[0] for one in ran], top, a, since)
                new[-1].append([one.final for one in ran])
        return x, new

    def over(self, place: tuple[int, int, int], x: Tensor, start: Any, a: int, b: int) -> Result:
        """One recurrent's layer and direction over its inputs `x` of the steps a to b."""
        r, k, d = place
        direction = self.layers[r].directions[k][d]
        lengths = None if self.lengths is None else (self.lengths - a).clamp(0, b - a)
        resets = None if self.resets is None else self.resets[a:b]
        if self.resets is not None and direction.reverse and start is not None and b < len(self.x):
            # backward in time a reset at b acts before step b - 1, where this piece begins
            anew = self.resets[b] if self.lengths is None else self.resets[b] & (self.lengths > b)
            pairs = zip(direction.initial.start(x.shape[1], x), start, strict=True)
            start = tuple(torch.where(anew[:, None], i, s) for i, s in pairs)
        masks = None if self.masks is None else self.masks[r][k][d]
        return direction(x, start, lengths, resets, every_state=False, masks=masks)

    def masked(self) -> "Unrolled":
        """The same with the masks of whole sequences drawn now, for all pieces to share."""
        masks = [
            [[w.masks(self.x) for w in directions] for directions in layer.directions]
            for layer in self.layers
        ]
        return replace(self, masks=masks)

    def merge(
        self, recurrent, directions, outputs, top: bool, a: int = 0, since: int = 0
    ) -> Tensor:
        """The outputs of the directions of a layer from step a on, divided at the top."""
        if top and self.division is not None:
            pairs = zip(outputs, directions, strict=True)
            outputs = [
                self.division.output(y, direction.reverse, a, since) for y, direction in pairs
            ]
        return recurrent.merged(outputs)

    def value(self, total: Any, state: States) -> Tensor:
        """The loss of what was read, and of the final states."""
        if self.division is not None:
            state = [
                [[self.division.final(s) for s in directions] for directions in layer]
                for layer in state
            ]
        return one_number("bptt.backward", self.loss(total, self.named(state)))

    def back(
        self,
        roots: Sequence[Tensor],
        gradients: Sequence[Tensor] | None = None,
        *,
        leaves: Sequence[Tensor] = (),
        retain: bool = False,
    ) -> None:
        """Backward into `.grad`: of everything, or of `only` and `leaves`."""
        pairs = zip(roots, gradients or [None] * len(roots), strict=True)
        taken = [(r, g) for r, g in pairs if r.requires_grad]
        if taken:
            inputs = None if self.only is None else [*self.only, *leaves]
            torch.autograd.backward(
                [r for r, _ in taken], [g for _, g in taken], retain_graph=retain, inputs=inputs
            )

    def named(self, state: States) -> list[State]:
        """States as `Recurrent` returns them."""
        return [
            tuple(
                tuple(
                    dict(zip(direction.program.states, tensors or (), strict=True))
                    for direction, tensors in zip(directions, layer, strict=True)
                )
                for directions, layer in zip(recurrent.directions, layers, strict=True)
            )
            for recurrent, layers in zip(self.layers, state, strict=True)
        ]


def changed(state: States, function: Callable[[Tensor], Tensor]) -> States:
    """A function of every tensor of the states."""
    return [
        [
            [None if s is None else tuple(map(function, s)) for s in directions]
            for directions in layer
        ]
        for layer in state
    ]


def flat(state: States) -> list[Tensor]:
    return [t for layer in state for directions in layer for s in directions for t in s or ()]
