"""A part set aside from sequences, to test or to validate on."""

import torch

from throughtime.data.sequences import Sequences
from throughtime.data.split_groups import split_groups
from throughtime.data.split_time import split_time
from throughtime.errors import DataError, OptionError


def split(
    sequences: Sequences,
    share: float,
    seed: int = 0,
    *,
    group: str | None = None,
    over_time: bool = False,
    gap: int = 0,
) -> tuple[Sequences, Sequences]:
    """`(train, aside)`: about `share` of the sequences of every class set aside.

    A class of two or more sequences has at least one on each side; a class of one stays in
    `train`. Without labels all sequences count as one class. Both parts keep the order of
    `sequences`; the same `seed` sets the same ones aside.

    **Arguments:**

    - `group`: the name of an attribute: sequences with the same text there stay together, and the
      shares of the classes are kept as well as that allows.
    - `over_time`: what comes last is set aside, and no seed has a say. Of one sequence, or where
      there is a target for each step, that is the last `share` of the steps of each sequence;
      otherwise the sequences that begin last, all that begin at one moment on the same side.
    - `gap`: with `over_time`: so many steps of each sequence, or so many sequences, lie between the
      two parts and are in neither.

    **Raises:** `OptionError` if `share` is not between 0 and 1 or the options do not go together,
    `DataError` if nothing could be set aside.
    """
    if not 0 < share < 1:
        raise OptionError(f"split: share has {share}; expected a number between 0 and 1. Set 0.2.")
    if group is not None and over_time:
        raise OptionError(
            f"split: group is {group!r} and over_time is set; expected one of the two, because a "
            "group may last from the first to the last moment. Leave one out."
        )
    if gap < 0 or (gap and not over_time):
        wanted = "0 or more" if gap < 0 else "0 without over_time, because parts lie in no order"
        raise OptionError(f"split: gap is {gap}; expected {wanted}. Set over_time, or no gap.")
    if group is not None:
        return split_groups(sequences, share, seed, group)
    if over_time:
        return split_time(sequences, share, gap)
    return _by_sequence(sequences, share, seed)


def _by_sequence(sequences: Sequences, share: float, seed: int) -> tuple[Sequences, Sequences]:
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
