"""Which class is taken for which, and what that says of each."""

from collections.abc import Sequence

import torch
from torch import Tensor

Each = tuple[float, ...]  # a number for each class


def confusion_of(true: Tensor, chosen: Tensor, classes: int) -> Tensor:
    """How often class i, of `true (n,)`, was taken for class j, of `chosen (n,)`: int64 `(classes,
    classes)`."""
    return torch.bincount(true * classes + chosen, minlength=classes**2).view(classes, classes)


def precision_recall_f1(confusion: Sequence[Sequence[int]]) -> tuple[Each, Each, Each]:
    """Precision, recall and F1 of each class; `confusion[i][j]` of class i were taken for j.

    Precision is the share of those taken for a class that are of it, recall the share of those of a
    class that were taken for it, F1 their harmonic mean. Where a class is never predicted, its
    precision is 0, and where it is never true, its recall.
    """
    right = [row[k] for k, row in enumerate(confusion)]
    true = [sum(row) for row in confusion]
    predicted = [sum(column) for column in zip(*confusion, strict=True)]
    precision = tuple(r / max(p, 1) for r, p in zip(right, predicted, strict=True))
    recall = tuple(r / max(t, 1) for r, t in zip(right, true, strict=True))
    sums = zip(right, true, predicted, strict=True)
    return precision, recall, tuple(2 * r / max(t + p, 1) for r, t, p in sums)
