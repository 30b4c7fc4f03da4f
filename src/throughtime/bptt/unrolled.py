"""The recurrent layers of a network unrolled over one batch, and a loss on what they put out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from throughtime.bptt.scaling import Division
from throughtime.layers import Recurrent
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
    only: list[Tensor] | None = None  # the tensors that a gradient is wanted for; None: all

    @property
    def directions(self) -> set[str]:
        return {layer.direction for layer in self.layers}

    def run(self, a: int, b: int, state: States, since: int = 0) -> tuple[Tensor, States]:
        """All layers over the steps a to b; `since`: the first step that a gradient reaches."""
        x = self.x[a:b]
        new: States = []
        for recurrent in self.layers:
            new.append([])
            for k, ways in enumerate(recurrent.cells):
                top = recurrent is self.layers[-1] and k == len(recurrent.cells) - 1
                x = recurrent.between(k, x)
                if top and self.division is not None:
                    x = self.division.below(x)
                results = [
                    way(x, start, *self.piece(a, b), every_state=False)
                    for way, start in zip(ways, state[len(new) - 1][k], strict=True)
                ]
                x = self.merge(recurrent, ways, [r.states[0] for r in results], top, a, since)
                new[-1].append([r.final for r in results])
        return x, new

    def merge(self, recurrent, ways, outputs, top: bool, a: int = 0, since: int = 0) -> Tensor:
        """The outputs of the directions of a layer from step a on, divided at the top."""
        if top and self.division is not None:
            pairs = zip(outputs, ways, strict=True)
            outputs = [self.division.output(y, way.reverse, a, since) for y, way in pairs]
        return recurrent.merged(outputs)

    def piece(self, a: int, b: int) -> tuple[Tensor | None, Tensor | None]:
        """Lengths and resets within the steps a to b."""
        lengths = None if self.lengths is None else (self.lengths - a).clamp(0, b - a)
        return lengths, None if self.resets is None else self.resets[a:b]

    def value(self, total: Any, state: States) -> Tensor:
        """The loss of what was read, and of the final states."""
        if self.division is not None:
            state = [[[self.division.final(s) for s in ways] for ways in layer] for layer in state]
        return self.loss(total, self.named(state))

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
                    dict(zip(way.program.states, tensors or (), strict=True))
                    for way, tensors in zip(ways, layer, strict=True)
                )
                for ways, layer in zip(recurrent.cells, layers, strict=True)
            )
            for recurrent, layers in zip(self.layers, state, strict=True)
        ]


def changed(state: States, function: Callable[[Tensor], Tensor]) -> States:
    """A function of every tensor of the states."""
    return [
        [[None if s is None else tuple(map(function, s)) for s in ways] for ways in layer]
        for layer in state
    ]


def flat(state: States) -> list[Tensor]:
    return [t for layer in state for ways in layer for s in ways for t in s or ()]
