"""How directions grow along a trajectory: what Jacobians make of them, and QR again and again.

Each span of steps pushes k orthonormal directions, V = J_n ... J_1 Q. A factorisation V = Q' R
gives the directions for the next span, and |R_ii| is the factor by which the volume of the first i
directions grew beyond that of the first i - 1 (Benettin et al. 1980, doi 10.1007/BF02128237).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

COARSE = 1e-8  # directions that differ more in size within a span are followed in shorter ones
EPS = torch.finfo(torch.float64).eps

Push = Callable[[Tensor], Tensor]  # the Jacobians of one step times columns, (B, S, k) -> same


def random_directions(start: Tensor, count: int, seed: int) -> Tensor:
    """Orthonormal columns `(B, S, count)` for the states `start (B, S)`."""
    generator = torch.Generator().manual_seed(seed)
    columns = torch.randn(*start.shape, count, dtype=torch.float64, generator=generator)
    return torch.linalg.qr(columns.to(start.device))[0]


def follow(pushes: Sequence[Push], q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Directions `q (B, S, k)` after some steps, with one factorisation where its digits suffice.

    **Returns:** the new directions; ln |R_ii| summed over the steps, `(B, k)`; and in how many
    steps it was lost in rounding, `(B, k)`. A lost one counts as the size of the rounding, which
    is an upper bound. It is minus infinity where R_ii is 0 for certain, because fewer than i rows
    of V are not 0.
    """
    v = q
    for push in pushes:
        v = push(v)
    new, r = torch.linalg.qr(v)
    size = r.diagonal(dim1=-2, dim2=-1).abs()
    largest = size.amax(-1, keepdim=True)
    if len(pushes) > 1 and not bool(((size > COARSE * largest) & size.isfinite()).all()):
        half = len(pushes) // 2
        q, first, lost_first = follow(pushes[:half], q)
        q, second, lost_second = follow(pushes[half:], q)
        return q, first + second, lost_first + lost_second
    floor = v.shape[-2] * EPS * largest
    rank = (v != 0).any(-1).sum(-1, keepdim=True)
    none = torch.arange(v.shape[-1], device=v.device) >= rank
    logs = torch.maximum(size, floor).log().masked_fill(none, -torch.inf)
    return new, logs, (size <= floor).long()
