"""What each channel of some sequences is: a number, a truth value, or one of several texts."""

from typing import Literal, NamedTuple

import torch

from throughtime.data.filling import last_known
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
    values, begins = sequences.values, torch.zeros(len(sequences.values), dtype=torch.bool)
    begins[sequences.offsets[:-1]] = True
    missing = values.isnan()
    truth = ((values == 0) | (values == 1) | missing).all(0) & ~missing.all(0)
    before = last_known(values, begins).roll(1, 0)  # of the step before
    changes = (values != before) & ~missing & ~before.isnan() & ~begins[:, None]
    columns = zip(truth.tolist(), missing.sum(0).tolist(), changes.any(0).tolist(), strict=True)
    described = {}
    for name, (boolean, absent, changed) in zip(sequences.channels, columns, strict=True):
        texts = sequences.categories.get(name)
        kind = "boolean" if boolean else "number"
        described[name] = Kind(
            kind if texts is None else "category", len(texts or ()), absent, not changed
        )
    return described
