"""Targets from Python: one number for each sequence, or a class or a number for each step."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch

from throughtime.data.classes import is_number, sort_classes, unknown
from throughtime.data.naming import quote
from throughtime.data.target import MISSING, Target
from throughtime.errors import DataError


def given_target(
    name: str,
    values: Iterable[Any] | Target,
    lengths: Sequence[int],
    classes: Sequence[str] | None,
) -> Target:
    """The target of the sequences of these lengths: of numbers of each, or arrays `(T_i,)`.

    `classes`: where codes written as numbers, or classes of another set, are to be looked up.
    """
    if isinstance(values, Target):
        return values
    values = list(values)
    if not any(_axes(value) for value in values):
        return _of_sequences(name, values)
    if len(values) != len(lengths):
        raise DataError(
            f"Sequences: target {quote(name)} has {len(values)} arrays; expected {len(lengths)}, "
            "one for each sequence. Give one for each."
        )
    parts = [_steps(name, k, value, lengths[k]) for k, value in enumerate(values)]
    each = [value for part in parts for value in part]
    known = [value for value in each if not is_missing(value)]
    if classes or any(isinstance(value, str | bool) for value in known):
        return _classes(name, each, classes)
    for value in known:
        if not is_number(value):
            raise DataError(
                f"Sequences: target {quote(name)} has {quote(value)}; expected texts or numbers, "
                "or None where it is not known. Give an array (T,) for each sequence."
            )
    numbers = [math.nan if is_missing(value) else float(value) for value in each]
    return Target(torch.tensor(numbers, dtype=torch.float32), each_step=True)


def is_missing(value: Any) -> bool:
    """Whether a step has no value: None, nan or an empty text."""
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def _classes(name: str, each: list[Any], classes: Sequence[str] | None) -> Target:
    texts = [None if is_missing(value) else str(value).strip() for value in each]
    if classes is None:
        classes = sort_classes((t for t in texts if t is not None), f"target {quote(name)}")
    places = {text: place for place, text in enumerate(classes)}
    for text in texts:
        if text is not None and text not in places:
            raise DataError(f"Sequences: target {quote(name)} {unknown(text, classes)}")
    values = [MISSING if text is None else places[text] for text in texts]
    return Target(torch.tensor(values, dtype=torch.int64), tuple(classes), each_step=True)


def _steps(name: str, place: int, value: Any, length: int) -> list[Any]:
    """The values of one sequence, one for each step."""
    axes = _axes(value)
    each = list(value.tolist() if hasattr(value, "tolist") else value) if axes == 1 else []
    if axes != 1 or len(each) != length or any(map(_axes, each)):
        got = f"shape {tuple(value.shape)}" if hasattr(value, "shape") else quote(value)
        raise DataError(
            f"Sequences: target {quote(name)} of sequence {place} has {got}; expected shape "
            f"({length},), a class or a number for each of its steps, or one number for each "
            "sequence. Give None where one is not known."
        )
    return each


def _axes(value: Any) -> int:
    """How many axes something has; a text or a number has none."""
    shape = getattr(value, "shape", None)
    if shape is not None:
        return len(shape)
    return int(not isinstance(value, str | bytes) and hasattr(value, "__len__"))


def _of_sequences(name: str, values: list[Any]) -> Target:
    numbers = [torch.nan if value is None else value for value in values]
    for place, value in enumerate(numbers):
        if isinstance(value, str | bytes) or not is_number(value):
            raise DataError(
                f"Sequences: target {quote(name)} of sequence {place} has {quote(value)}; expected "
                "one number for each sequence, or None where it is not known. Give numbers of "
                "shape (S,), or for a class or a number of each step an array (T,) for each."
            )
    return Target(torch.tensor([float(value) for value in numbers], dtype=torch.float32))
