"""Missing values: the last one that is known takes their place."""

import torch
from torch import Tensor

from throughtime.data.sequences import Sequences


def last_known(values: Tensor, begins: Tensor | None = None) -> Tensor:
    """`values` with the last known value of its column in place of each nan.

    **Arguments:**

    - `values`: `(T, ..., C)`, the first axis is time; `(N, C)` of sequences end to end, say.
    - `begins`: `(T, ...)`, true where a sequence begins: nothing is taken from before.

    **Returns:** `(T, ..., C)`; nan where no value is known before.
    """
    steps = torch.arange(len(values), device=values.device)
    steps = steps.view(-1, *[1] * (values.dim() - 1)).expand_as(values)
    at = torch.where(values.isnan(), -1, steps).cummax(0).values
    if begins is not None:
        first = torch.where(begins[..., None], steps, 0).cummax(0).values
        at = torch.where(at < first, -1, at)
    return values.gather(0, at.clamp(min=0)).where(at >= 0, torch.nan)


def filled(sequences: Sequences) -> Tensor:
    """The values of sequences, the last known one of its sequence in place of each that is missing
    or masked, `(N, C)`; nan where none is known before."""
    values = sequences.values
    if sequences.mask is not None:
        values = values.masked_fill(~sequences.mask[:, None], torch.nan)
    begins = torch.zeros(len(values), dtype=torch.bool)
    begins[sequences.offsets[:-1]] = True
    return last_known(values, begins)
