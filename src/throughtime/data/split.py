"""A validation part set aside from a training set."""

import torch

from throughtime.data.sequences import Sequences
from throughtime.errors import DataError, OptionError


def split(sequences: Sequences, share: float, seed: int) -> tuple[Sequences, Sequences]:
    """`(train, validation)`: about `share` of the sequences of every class set aside.

    A class of two or more sequences has at least one on each side; a class of one stays in
    `train`. Without labels all sequences count as one class. Both parts keep the order of
    `sequences`; the same `seed` sets the same ones aside.

    **Raises:** `OptionError` if `share` is not between 0 and 1, `DataError` if nothing could
    be set aside.
    """
    if not 0 < share < 1:
        raise OptionError(f"split: share has {share}; expected a number between 0 and 1. Set 0.2.")
    generator = torch.Generator().manual_seed(seed)
    aside = torch.zeros(len(sequences), dtype=torch.bool)
    labels = sequences.labels
    if labels is None:
        labels = torch.zeros(len(sequences), dtype=torch.int64)
    for label in labels.unique():
        members = (labels == label).nonzero()[:, 0]
        count = min(max(round(share * len(members)), 1), len(members) - 1)  # 0 of 1
        drawn = torch.randperm(len(members), generator=generator)[:count]
        aside[members[drawn]] = True
    if not aside.any():
        raise DataError(
            f"split: sequences has {len(sequences)} of {len(sequences)} sequences alone in their "
            "class; expected a class with at least 2 because one of them is set aside. "
            "Add sequences or train without a validation part."
        )
    return sequences.select((~aside).nonzero()[:, 0]), sequences.select(aside.nonzero()[:, 0])
