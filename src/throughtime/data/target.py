"""Targets: what a network is to say of each sequence, or of each of its steps."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from throughtime.data.naming import quote
from throughtime.errors import DataError

MISSING = -1  # the place of a class that is not known; a number that is not known is nan


@dataclass(frozen=True, eq=False)
class Target:
    """One thing that a network is to say: a class or numbers.

    - `values`: of classes int64 places in `classes`, `(S,)`, and -1 where the class is not known;
      of numbers float32, `(S,)` or `(S, K)`, and nan where one is not known. With `each_step` the
      first axis is that of all steps end to end, `(N,)` or `(N, K)`, as in `Sequences.values`.
    - `classes`: their names; empty for numbers.
    - `each_step`: whether there is one for each step, not one for each sequence.
    """

    values: Tensor
    classes: tuple[str, ...] = ()
    each_step: bool = False

    def select(self, sequences: Tensor, steps: Tensor) -> "Target":
        """That of some sequences, whose steps are `steps` among all steps end to end."""
        return replace(self, values=self.values[steps if self.each_step else sequences])

    def padded(self, steps: Tensor, padding: Tensor) -> Tensor:
        """Of a batch, time first, `(T, B)` or `(T, B, K)`, for a target of each step.

        `steps (T, B)` are places among all steps end to end; where `padding (T, B)` is set the
        target is one that is not known.
        """
        missing = MISSING if self.classes else torch.nan
        padding = padding.view(*padding.shape, *[1] * (self.values.dim() - 1))
        return self.values[steps].masked_fill_(padding, missing)


def check(name: str, target: Target, sequences: int, steps: int) -> None:
    """**Raises:** `DataError` unless a target fits so many sequences of so many steps in all."""
    count, unit = (steps, "step") if target.each_step else (sequences, "sequence")
    values, of_classes = target.values, bool(target.classes)
    dtype = torch.int64 if of_classes else torch.float32
    fits = values.dim() == 1 or (values.dim() == 2 and not of_classes)
    if not fits or len(values) != count or values.dtype != dtype:
        shape = f"({count},)" if of_classes else f"({count},) or ({count}, K)"
        what = "label" if of_classes else "row of numbers"
        raise DataError(
            f"Sequences: {name} has shape {tuple(values.shape)} and {values.dtype}; expected "
            f"{shape} and {dtype}. Give one {what} for each {unit}."
        )
    if of_classes and (values.min() < MISSING or values.max() >= len(target.classes)):
        raise DataError(
            f"Sequences: {name} has {int(values.min())} to {int(values.max())}; expected 0 to "
            f"{len(target.classes) - 1}, or {MISSING} where it is not known, because there are "
            f"{len(target.classes)} classes. Name every class in classes."
        )
    if not of_classes and values.isinf().any():
        raise DataError(
            f"Sequences: {name} has an infinite number; expected finite numbers, or nan where it "
            "is not known. Replace or remove it."
        )


def said(targets: dict[str, Target]) -> Iterator[str]:
    """Each target in a few words, as `Sequences` shows itself."""
    for name, target in targets.items():
        what = f"{len(target.classes)} classes" if target.classes else "numbers"
        yield what if len(targets) == 1 else f"{quote(name)}: {what}"
