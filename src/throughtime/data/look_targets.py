"""Targets in a few words: how many of each class, or from which number to which."""

from dataclasses import dataclass

import torch

from throughtime.data.target import MISSING, Target

MOST = 6  # classes that are counted one by one


@dataclass(frozen=True)
class Spread:
    """What a target has in some sequences.

    - `classes`: by name how many have it; empty for numbers.
    - `least`, `mean`, `most`: of numbers that are known; None without any.
    - `unknown`: how many are not known, of `count`.
    """

    classes: dict[str, int]
    least: float | None
    mean: float | None
    most: float | None
    unknown: int
    count: int

    def __str__(self) -> str:
        says = [self._known()]
        if self.unknown:
            says.append(f"{self.unknown:,} of {self.count:,} not known")
        return ", ".join(says)

    def _known(self) -> str:
        if len(self.classes) > MOST:
            counts = self.classes.values()
            least, most = min(counts), max(counts)
            return f"{least:,}{f' to {most:,}' if least < most else ''} of each class"
        if self.classes:
            return ", ".join(f"{name} {count:,}" for name, count in self.classes.items())
        if self.mean is None:
            return "no number"
        return f"{self.least:.4g} to {self.most:.4g}, mean {self.mean:.4g}"


def spread(target: Target) -> Spread:
    """What a target has, of all sequences or steps that it is of."""
    values = target.values
    if target.classes:
        known = values[values != MISSING]
        counts = torch.bincount(known, minlength=len(target.classes)).tolist()
        return Spread(
            dict(zip(target.classes, counts, strict=True)), None, None, None,
            len(values) - len(known), len(values),
        )  # fmt: skip
    known = values[~values.isnan()].double()
    three = (None, None, None)
    if len(known):
        three = (known.min().item(), known.mean().item(), known.max().item())
    return Spread({}, *three, values.numel() - len(known), values.numel())
