"""Categories: channels that are one of several texts at each step, kept as places among these."""

from dataclasses import replace

import torch
from torch import Tensor

from throughtime.data.naming import quote_all
from throughtime.data.sequences import Sequences
from throughtime.errors import DataError


def restrict_categories(train: Sequences, *others: Sequences) -> tuple[Sequences, ...]:
    """The same sequences with the texts that occur in `train` as those of their categories.

    For parts of one table: a text that only another part has is none that a network can learn of,
    so that its value there becomes -1.

    **Raises:** `DataError` if the parts have other channels or categories than `train`.
    """
    for part in others:
        if (part.channels, part.categories) != (train.channels, train.categories):
            raise DataError(
                f"restrict_categories: a part has the categories {quote_all(part.categories)}; "
                f"expected those of the training part, {quote_all(train.categories)}, with the "
                "same texts. Read the table with `categories=train.categories`."
            )
    values = [part.values for part in (train, *others)]
    kept: dict[str, tuple[str, ...]] = {}
    for name, texts in train.categories.items():
        channel = train.channels.index(name)
        seen = occurring(train.real_steps().values[:, channel], len(texts))
        kept[name] = tuple(text for text, there in zip(texts, seen.tolist(), strict=True) if there)
        if len(kept[name]) < len(texts):
            values = [_moved(v, channel, seen) for v in values]
    parts = zip((train, *others), values, strict=True)
    return tuple(replace(part, values=v, categories=kept) for part, v in parts)


def occurring(values: Tensor, size: int) -> Tensor:
    """Which of the `size` texts of a category occur among its values `(N,)`: bool, `(size,)`."""
    there = torch.zeros(size, dtype=torch.bool, device=values.device)
    there[values[values >= 0].long()] = True  # nan is not
    return there


def _moved(values: Tensor, channel: int, seen: Tensor) -> Tensor:
    """`values (N, C)` with the places of a category among those of its texts that are `seen`."""
    places = torch.where(seen, seen.cumsum(0) - 1, -1).to(values.dtype)
    column, values = values[:, channel], values.clone()
    known = (column >= 0) & (column < len(seen))  # what is masked may be anything
    values[known, channel] = places[column[known].long()]
    return values
