"""Large products outside the loop in pieces, between which Python acts on Ctrl-C."""

from collections.abc import Iterator

import torch
from torch import Tensor

PIECE = 2_000_000_000  # multiply-adds: less than a tenth of a second


def pieces(rows: int, work: int) -> Iterator[slice]:
    """All rows in order, cut where more would be too many; `work`: the multiply-adds of a row."""
    most = max(1, PIECE // max(1, work))
    yield slice(0, min(rows, most))
    for first in range(most, rows, most):
        yield slice(first, min(rows, first + most))


def times(a: Tensor, b: Tensor) -> Tensor:
    """a `(..., n)` times b `(n, m)`, rows of a in pieces; not for autograd."""
    rows = a.reshape(-1, a.shape[-1])
    cut = list(pieces(rows.shape[0], b.numel()))
    if len(cut) == 1:
        return a @ b
    out = a.new_empty(rows.shape[0], b.shape[1])
    for piece in cut:
        torch.mm(rows[piece], b, out=out[piece])
    return out.view(*a.shape[:-1], b.shape[1])


def transposed_times(a: Tensor, b: Tensor) -> Tensor:
    """a `(rows, n)` transposed times b `(rows, m)`, the sums of pieces of the rows added up."""
    first, *others = pieces(a.shape[0], a.shape[1] * b.shape[1])
    total = a[first].t() @ b[first]
    for piece in others:
        total += a[piece].t() @ b[piece]
    return total
