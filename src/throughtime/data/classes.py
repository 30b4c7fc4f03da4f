"""Classes: the distinct labels of a training set, in a fixed order."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from throughtime.data.naming import nearest, quote, quote_all
from throughtime.errors import DataError


def sort_classes(labels: Iterable[str], origin: str = "labels") -> tuple[str, ...]:
    """The distinct `labels`: in order of number if all are whole numbers, else of text.

    `origin` is what an error says they are.

    **Raises:** `DataError` if all are numbers but some are not whole, as in a regression.
    """
    classes = sorted(set(labels))
    if all(is_number(name, int) for name in classes):
        return tuple(sorted(classes, key=int))
    if all(is_number(name, float) for name in classes):
        fraction = next(name for name in classes if not is_number(name, int))
        raise DataError(
            f"{origin} has the number {quote(fraction)}; expected text or whole numbers because "
            "each distinct label is a class. Write the classes as text or whole numbers."
        )
    return tuple(classes)


def encode(labels: Sequence[str], classes: Sequence[str]) -> Int[Tensor, " S"]:
    """The place of every label in `classes`, shape `(S,)`, int64.

    **Raises:** `DataError` if a label is none of `classes`.
    """
    places = {name: place for place, name in enumerate(classes)}
    for label in labels:
        if label not in places:
            raise DataError(f"labels {unknown(label, classes)}")
    return torch.tensor([places[label] for label in labels], dtype=torch.int64)


def unknown(label: str, classes: Sequence[str]) -> str:
    """What to say of a `label` that is none of `classes`."""
    near = nearest(label, classes)
    return (
        f"has the unknown class {quote(label)}; expected one of {quote_all(classes)} because "
        "these are the classes of the training set. "
        + (f"Did you mean {quote(near)}?" if near else "Correct it or leave it out.")
    )


def is_number(value: Any, kind: type = float) -> bool:
    """Whether a text, or anything else, is a number of a kind of Python's."""
    try:
        kind(value)
    except (TypeError, ValueError):
        return False
    return True
