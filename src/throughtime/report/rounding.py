"""Numbers as the report keeps and draws them: few digits, and few points of a long curve."""

import math
from typing import Any

import torch
from torch import Tensor

STEPS = 400  # points of a curve over time, at most; of more, evenly spaced ones are kept


def rounded(value: Any) -> Any:
    """Nested numbers with five significant digits; nan and infinity as None."""
    if isinstance(value, Tensor):
        value = value.tolist()
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(v) for v in value]
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value


def thinned(steps: int, most: int = STEPS) -> list[int]:
    """Evenly spaced places among so many, the first and the last among them."""
    if steps <= most:
        return list(range(steps))
    return torch.linspace(0, steps - 1, most).round().long().tolist()
