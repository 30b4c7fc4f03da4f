"""Categories: channels that are one of several texts at each step, kept as places among these."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from throughtime.data.classes import is_number
from throughtime.data.naming import quote, quote_all
from throughtime.errors import DataError

if TYPE_CHECKING:
    from throughtime.data.sequences import Sequences


def vocabulary(texts: Iterable[str]) -> tuple[str, ...]:
    """The distinct texts: in order of number if all are whole numbers, else of text."""
    distinct = sorted(set(texts))
    if all(is_number(text, int) for text in distinct):
        return tuple(sorted(distinct, key=int))
    return tuple(distinct)


def restrict_categories(train: "Sequences", *others: "Sequences") -> "tuple[Sequences, ...]":
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
        seen = occurring(train.values[:, channel], len(texts))
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
    known = column >= 0
    values[known, channel] = places[column[known].long()]
    return values


def check_categories(
    channels: Sequence[str], categories: Mapping[str, tuple[str, ...]], values: Tensor
) -> None:
    """**Raises:** `DataError` for values `(N, C)` that are no places among the texts of theirs."""
    for name, texts in categories.items():
        if name not in channels:
            raise DataError(
                f"Sequences: categories has {quote(name)}; expected one of the channels "
                f"{quote_all(channels)}. Name one of them."
            )
        if len(set(texts)) < len(texts):
            raise DataError(
                f"Sequences: category {quote(name)} has a text twice; expected each once, because "
                "values are places among them. Leave one out."
            )
        column = values[:, channels.index(name)]
        wrong = (column != column.trunc()) | (column < -1) | (column >= len(texts))
        wrong &= ~column.isnan()
        if wrong.any():
            raise DataError(
                f"Sequences: category {quote(name)} has the value {column[wrong][0].item():g}; "
                f"expected a whole number from -1 to {len(texts) - 1} because it has {len(texts)} "
                "texts. Give places among its texts."
            )
