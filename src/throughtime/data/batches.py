"""Batches of sequences of similar length, in an order that seed and epoch alone decide."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from throughtime.data.naming import quote_all
from throughtime.data.sequences import Sequences
from throughtime.errors import DataError, OptionError

# Shuffled sequences are sorted by length within pools of this many batches: large enough to
# waste little padding, small enough that an epoch's batches differ from the last one's.
POOL = 8


@runtime_checkable
class BatchSource(Protocol):
    """The batches of each epoch, in an order that follows from the number of the epoch alone: a run
    that is resumed in the middle of an epoch needs only the epoch and the place in it."""

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        ...

    def epoch(self, epoch: int, start: int = 0) -> "Iterator[Batch]":
        """The batches of `epoch`, from number `start` on."""
        ...


@dataclass(frozen=True, eq=False)
class Batch:
    """`B` sequences padded with zeros to the longest, time first; or a window of `B` streams.

    - `x`: shape `(T, B, C)`; `x[t, b]` is zero for `t >= lengths[b]`.
    - `lengths`: steps of each sequence, shape `(B,)`.
    - `indices`: which sequences these are, shape `(B,)`: `out[batch.indices] = ...` puts
      results back in the order of the sequences; of a window, which streams.
    - `targets`: by name, see `Target`: `(B,)` or `(B, K)` of sequences; `(T, B)` or `(T, B, K)` of
      steps, not known past the lengths and where a step is masked.
    - `each_step`: the names of the targets of steps.
    - `resets`: of a window, shape `(T, B)`: whether a sequence begins at this step.
    - `before`: of a window, the last values that are known of the steps before, shape `(B, C)`, nan
      where none is.
    - `mask`: shape `(T, B)`, True where a step is real; `x` is zero where it is not. None where all
      up to the lengths are.
    """

    x: Float32[Tensor, "T B C"]
    lengths: Int64[Tensor, " B"]
    indices: Int64[Tensor, " B"]
    targets: dict[str, Tensor]
    each_step: frozenset[str] = frozenset()
    resets: Bool[Tensor, "T B"] | None = None
    mask: Bool[Tensor, "T B"] | None = None
    before: Float32[Tensor, "B C"] | None = None

    @property
    def y(self) -> Tensor | None:
        """The target, where there is only one: labels `(B,)`, say; None where there is none.

        **Raises:** `DataError` where there are several.
        """
        if len(self.targets) > 1:
            raise DataError(
                f"Batch: y is asked for, and there are the targets {quote_all(self.targets)}; "
                "expected only one. Write `batch.targets[name]`."
            )
        return next(iter(self.targets.values()), None)

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        targets = {name: values.to(device) for name, values in self.targets.items()}
        resets, mask = (None if t is None else t.to(device) for t in (self.resets, self.mask))
        return Batch(
            self.x.to(device), self.lengths.to(device), self.indices.to(device), targets,
            self.each_step, resets, mask, None if self.before is None else self.before.to(device),
        )  # fmt: skip

    def at(self, steps: Tensor, rows: Tensor) -> "Batch":
        """Some steps `(N,)` of some rows `(N,)`, each as a sequence of one step: all targets are
        `(N,)` or `(N, K)`."""
        targets = {
            name: values[steps, rows] if name in self.each_step else values[rows]
            for name, values in self.targets.items()
        }
        one = torch.ones_like(rows)
        return Batch(self.x[steps, rows][None], one, self.indices[rows], targets)

    def piece(self, first: int, steps: int) -> "Batch":
        """The steps from `first` on, so many, with the targets of these steps."""
        cut = slice(first, first + steps)
        targets = {
            name: values[cut] if name in self.each_step else values
            for name, values in self.targets.items()
        }
        lengths = (self.lengths - first).clamp(0, steps)
        resets, mask = (None if t is None else t[cut] for t in (self.resets, self.mask))
        return Batch(self.x[cut], lengths, self.indices, targets, self.each_step, resets, mask)


@dataclass(frozen=True, eq=False)
class Batches:
    """Cuts `sequences` into batches, anew for every epoch.

    - `batch_size`: the most sequences in a batch. The `ceil(S / batch_size)` batches differ by
      one sequence at most, so that no small last batch weighs more than the others.
    - `shuffle`: draws a new order every epoch; otherwise every epoch is the same.
    - `seed`: with the number of the epoch it decides the order and nothing else does, so that
      a run resumed in the middle of an epoch needs only the epoch and the place in it.
    - `group_by_length`: similar lengths together; otherwise in drawn order, or in order of the
      sequences without `shuffle`.

    **Raises:** `OptionError` if `batch_size` is less than 1.
    """

    sequences: Sequences
    batch_size: int
    shuffle: bool = True
    seed: int = 0
    group_by_length: bool = True

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise OptionError(
                f"Batches: batch_size has {self.batch_size}; expected at least 1. Set it to 32."
            )

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        return -(-len(self.sequences) // self.batch_size)

    def order(self, epoch: int) -> tuple[Int64[Tensor, " B"], ...]:
        """The indices of the sequences in every batch of `epoch`, in order."""
        lengths, count = self.sequences.lengths, len(self)
        generator = torch.Generator().manual_seed(mixed(self.seed, epoch))
        order = torch.arange(len(self.sequences))
        if self.shuffle:
            order = torch.randperm(len(order), generator=generator)
        if self.group_by_length:
            # Without shuffling one pool holds everything: the least padding there can be.
            pool = POOL if self.shuffle else count
            sizes = torch.tensor([len(part) for part in order.tensor_split(count)])
            pools = torch.arange(count).repeat_interleave(sizes) // pool
            key = pools * (lengths.max() + 1) + lengths[order]  # by pool, then by length
            order = order[key.argsort(stable=True)]
        batches = order.tensor_split(count)
        if self.shuffle and self.group_by_length:
            batches = tuple(batches[i] for i in torch.randperm(count, generator=generator))
        return tuple(batches)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of `epoch`, from number `start` on."""
        for indices in self.order(epoch)[start:]:
            yield collate(self.sequences, indices)


def collate(sequences: Sequences, indices: Int64[Tensor, " B"]) -> Batch:
    """The sequences at `indices` as one padded batch; `T` is the longest of them."""
    lengths = sequences.lengths[indices]
    steps = torch.arange(int(lengths.max()))[:, None]  # (T, 1)
    padding = steps >= lengths  # (T, B)
    rows = (sequences.offsets[indices] + steps).masked_fill_(padding, 0)
    mask = None
    if sequences.mask is not None:
        mask = sequences.mask[rows] & ~padding
        padding = ~mask
    return Batch(
        x=sequences.values[rows].masked_fill_(padding[:, :, None], 0.0),
        lengths=lengths,
        indices=indices,
        targets={
            name: target.padded(rows, padding) if target.each_step else target.values[indices]
            for name, target in sequences.targets.items()
        },
        each_step=frozenset(name for name, t in sequences.targets.items() if t.each_step),
        mask=mask,
    )


def mixed(seed: int, epoch: int) -> int:
    """A seed for torch: hashed, because epoch 1 of seed 0 must not be epoch 0 of seed 1."""
    digest = hashlib.blake2b(f"{seed} {epoch}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
