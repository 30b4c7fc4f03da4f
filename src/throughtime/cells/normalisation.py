"""Layer normalisation of one row, with its gain and shift."""

from typing import Any

import torch.nn.functional as F

from throughtime.program import Symbol, parameter


def layer_norm(name: str, z: Symbol, *, shift: Any = 0.0, eps: float = 1e-5) -> Symbol:
    """`gain * (z - mean) / sqrt(variance + eps) + shift` over the units of a row.

    Declares `<name>_gain`, which starts at 1, and `<name>_shift`, which starts at `shift`.

    Ba, Kiros, Hinton, Layer normalization, 2016, arXiv 1607.06450, eq. 3.
    """
    gain = parameter(f"{name}_gain", z.width, init=1.0)
    return F.layer_norm(z, (z.width,), gain, parameter(f"{name}_shift", z.width, init=shift), eps)  # type: ignore[arg-type]
