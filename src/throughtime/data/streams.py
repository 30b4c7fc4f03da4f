"""Sequences end to end in a few long streams, cut into windows: contiguous, stateful batches."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from throughtime.data.batches import Batch
from throughtime.data.filling import filled
from throughtime.data.sequences import Sequences
from throughtime.errors import OptionError


class Window(NamedTuple):
    """`n` steps of `B` streams.

    - `x`: shape `(n, B, C)`.
    - `resets`: shape `(n, B)`: whether a sequence begins at this step.
    - `owner`: shape `(n, B)`: which sequence this step is of.
    """

    x: Float32[Tensor, "n B C"]
    resets: Bool[Tensor, "n B"]
    owner: Int64[Tensor, "n B"]


@dataclass(frozen=True, eq=False)
class Streams:
    """Windows over `batch_size` streams; row b of a window goes on where the last one stopped.

    All real steps of all sequences are laid end to end and cut into `batch_size` streams of equal
    length; what does not fill them is left out. A state carried from window to window thus sees
    a whole stream, and `resets` begins it anew with each sequence.

    - `steps`: the steps of a window; the last of a stream may be shorter.

    **Raises:** `OptionError` for less than 1, or more streams than steps.
    """

    sequences: Sequences
    batch_size: int
    steps: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "sequences", self.sequences.real_steps())
        for name, most in (("batch_size", len(self.sequences.values)), ("steps", None)):
            value = getattr(self, name)
            if value < 1 or (most is not None and value > most):
                upper = "" if most is None else f" and at most {most}, the steps there are"
                raise OptionError(
                    f"Streams: {name} has {value}; expected at least 1{upper}. Set it to 1."
                )

    @property
    def length(self) -> int:
        """The steps of each stream."""
        return len(self.sequences.values) // self.batch_size

    def __len__(self) -> int:
        """The number of windows."""
        return -(-self.length // self.steps)

    def __iter__(self) -> Iterator[Window]:
        data, n = self.sequences, self.length
        owner = torch.repeat_interleave(torch.arange(len(data)), data.lengths)
        begins = torch.zeros(len(data.values), dtype=torch.bool)
        begins[data.offsets[:-1]] = True
        rows = torch.arange(n)[:, None] + n * torch.arange(self.batch_size)  # (n, B)
        for part in rows.split(self.steps):
            yield Window(data.values[part], begins[part], owner[part])

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The windows from number `start` on as batches with the targets of their steps, the same
        in each epoch. A target of whole sequences has no place in a window and is left out."""
        n, streams = self.length, torch.arange(self.batch_size)
        rows = torch.arange(n)[:, None] + n * streams  # (n, B)
        known = filled(self.sequences).roll(1, 0)  # at the step before
        known[self.sequences.offsets[:-1]] = torch.nan
        of_steps = {name: t for name, t in self.sequences.targets.items() if t.each_step}
        pairs = zip(self, rows.split(self.steps), strict=True)
        for window, part in itertools.islice(pairs, start, None):
            yield Batch(
                x=window.x,
                lengths=torch.full((self.batch_size,), len(part)),
                indices=streams,
                targets={name: target.values[part] for name, target in of_steps.items()},
                each_step=frozenset(of_steps),
                resets=window.resets,
                before=known[part[0]],
            )
