"""The texts of categories, in a fixed order, and whether values are places among them."""

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor

from throughtime.data.classes import is_number
from throughtime.data.naming import quote, quote_all
from throughtime.errors import DataError


def vocabulary(texts: Iterable[str]) -> tuple[str, ...]:
    """The distinct texts: in order of number if all are whole numbers, else of text."""
    distinct = sorted(set(texts))
    if all(is_number(text, int) for text in distinct):
        return tuple(sorted(distinct, key=int))
    return tuple(distinct)


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
