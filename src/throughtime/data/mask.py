"""Masks: which steps of sequences are real, and which are gaps or padding."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from throughtime.data.naming import quote
from throughtime.errors import DataError


def of_list(masks: Iterable[Any], lengths: Sequence[int]) -> Tensor:
    """Masks of sequences of such lengths, `(T_i,)` each, end to end. **Raises:** `DataError`."""
    parts = [torch.as_tensor(mask) for mask in masks]
    if len(parts) != len(lengths):
        raise DataError(
            f"Sequences: masks has {len(parts)}; expected {len(lengths)}. Give one for each "
            "sequence."
        )
    for place, (part, length) in enumerate(zip(parts, lengths, strict=True)):
        if part.shape != (length,) or part.dtype != torch.bool:
            raise DataError(
                f"Sequences: the mask of sequence {place} has shape {tuple(part.shape)} and "
                f"{part.dtype}; expected ({length},) and torch.bool, because it has that many "
                "steps. Give True for each real step, and False for the others."
            )
    return torch.cat(parts)


def check(mask: Tensor, offsets: Tensor, names: Sequence[str]) -> None:
    """**Raises:** `DataError` unless a mask fits sequences and leaves each of them a step."""
    count = int(offsets[-1])
    if mask.shape != (count,) or mask.dtype != torch.bool:
        raise DataError(
            f"Sequences: mask has shape {tuple(mask.shape)} and {mask.dtype}; expected ({count},) "
            "and torch.bool. Give True for each real step, and False for the others."
        )
    empty = (real_lengths(mask, offsets) == 0).nonzero()
    if len(empty):
        place = int(empty[0])
        raise DataError(
            f"Sequences: sequence {place} ({quote(names[place])}) has no real step in its mask; "
            "expected at least 1. Leave the sequence out."
        )


def real_lengths(mask: Tensor, offsets: Tensor) -> Tensor:
    """How many steps of each sequence are real, `(S,)`."""
    so_far = torch.cat([offsets.new_zeros(1), mask.cumsum(0)])
    return so_far[offsets].diff()
