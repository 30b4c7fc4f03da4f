"""What each channel of some sequences is: a number, a truth value, or one of several texts."""

from typing import Literal, NamedTuple

import torch

from throughtime.data.filling import filled
from throughtime.data.sequences import Sequences


class Kind(NamedTuple):
    """What a channel is.

    - `name`: `"category"`; `"boolean"` where all its values are 0 or 1; else `"number"`.
    - `texts`: how many a category has, 0 of other channels.
    - `missing`: at how many steps its value is missing.
    - `constant`: whether it keeps one value in each sequence, missing values aside.
    """

    name: Literal["number", "boolean", "category"]
    texts: int
    missing: int
    constant: bool


def kinds(sequences: Sequences) -> dict[str, Kind]:
    """What each channel is, by its name."""
    sequences = sequences.real_steps()
    values, starts = sequences.values, sequences.offsets[:-1]
    missing = values.isnan()
    truth = ((values == 0) | (values == 1) | missing).all(0) & ~missing.all(0)
    before = filled(sequences).roll(1, 0)  # of the step before
    before[starts] = torch.nan
    changes = (values != before) & ~missing & ~before.isnan()
    columns = zip(truth.tolist(), missing.sum(0).tolist(), changes.any(0).tolist(), strict=True)
    described = {}
    for name, (boolean, absent, changed) in zip(sequences.channels, columns, strict=True):
        texts = sequences.categories.get(name)
        kind = "boolean" if boolean else "number"
        described[name] = Kind(
            kind if texts is None else "category", len(texts or ()), absent, not changed
        )
    return described
