"""Singular values of long products of matrices, which neither under- nor overflow.

A product M is kept as Q D T: Q orthogonal, D a diagonal of which only the logarithms are kept,
T well-conditioned. A new factor meets Q alone; a QR factorisation with the columns ordered by
size makes it Q' R, and R D has rows of falling size, which go into D' and T' (stratification:
Loh et al. 1989; Tomás et al. 2012, doi 10.1109/IPDPS.2012.37). At the end a few more such
factorisations of D T and its transpose bring the values apart (the pivoted QLP of Stewart 1999,
doi 10.1137/S1064827597319519), and blocks of like size get a singular value decomposition.
"""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

ROUNDS = 8  # factorisations at the end
RANGE = 12.0  # nats within one block: rounding then costs exp(12) of 1e16


class Product:
    """M = A_k ... A_2 A_1 for factors `(..., S, S)` that come one after the other, float64."""

    def __init__(self, like: Tensor) -> None:
        S = like.shape[-1]
        eye = torch.eye(S, dtype=torch.float64, device=like.device)
        self.q = eye.expand(like.shape).clone()
        self.t = self.q.clone()
        self.logs = self.q.new_zeros(like.shape[:-1])  # of the diagonal D, falling

    def multiply(self, a: Tensor) -> None:
        """M becomes a M."""
        self.q, self.logs, step = _graded(a.double() @ self.q, self.logs)
        self.t = step @ self.t

    def log_singular_values(self) -> Tensor:
        """`(..., S)`, largest first; minus infinity for 0."""
        logs, t = self.logs, self.t
        for _ in range(ROUNDS):
            # T'D = Q D' T'', so that D'T'' has the singular values of D T
            _, logs, t = _graded(t.mT, logs)
        return _by_blocks(logs, t)


def _graded(c: Tensor, logs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """c D = Q D' T with D' falling, from c `(..., S, S)` and the logarithms of D `(..., S)`."""
    size = c.norm(dim=-2).log() + logs
    order = size.argsort(dim=-1, descending=True, stable=True)
    c = c.gather(-1, order[..., None, :].expand_as(c))
    logs = logs.gather(-1, order)
    q, r = torch.linalg.qr(c)
    diagonal = r.diagonal(dim1=-2, dim2=-1).abs()
    new = diagonal.log() + logs
    # R D = D' (D'^-1 R D): the ratio of two scales that may both be beyond any number
    ratio = (logs[..., None, :] - logs[..., :, None]).nan_to_num(0.0, posinf=0.0, neginf=-torch.inf)
    t = r / diagonal.clamp(min=torch.finfo(r.dtype).tiny)[..., None] * ratio.clamp(max=700).exp()
    gone = new.isneginf()
    eye = torch.eye(c.shape[-1], dtype=c.dtype, device=c.device)
    t = torch.where(gone[..., None], eye, t.triu())
    back = order.argsort(-1)
    return q, new, t.gather(-1, back[..., None, :].expand_as(t))


def _by_blocks(logs: Tensor, t: Tensor) -> Tensor:
    """Singular values of D T, cut where D falls most, so that each block is of like size."""
    shape, S = logs.shape, logs.shape[-1]
    sorted_values = []
    for row, matrix in zip(logs.reshape(-1, S), t.reshape(-1, S, S), strict=True):
        values = row.clone()
        for a, b in _blocks(row.tolist(), 0, S):
            top = float(row[a:b].max())
            if top > -torch.inf:
                scaled = (row[a:b] - top).exp()[:, None] * matrix[a:b, a:b]
                values[a:b] = torch.linalg.svdvals(scaled).log() + top
        sorted_values.append(values.sort(descending=True).values)
    return torch.stack(sorted_values).reshape(shape)


def _blocks(logs: list[float], a: int, b: int) -> Iterator[tuple[int, int]]:
    part = logs[a:b]
    if b - a > 1 and not (max(part) - min(part) < RANGE or max(part) == float("-inf")):
        gaps = [x - y for x, y in zip(part, part[1:], strict=False)]
        gaps = [g if g == g else 0.0 for g in gaps]
        cut = a + 1 + gaps.index(max(gaps))
        yield from _blocks(logs, a, cut)
        yield from _blocks(logs, cut, b)
    else:
        yield a, b


def log_singular_values(factors: Iterable[Tensor]) -> Tensor:
    """Of each product A_1, A_2 A_1, A_3 A_2 A_1, ...: `(K, ..., S)`, largest first.

    Computed in float64. Minus infinity for a singular value of 0.
    """
    product, over_products = None, []
    for a in factors:
        product = product or Product(a)
        product.multiply(a)
        over_products.append(product.log_singular_values())
    return torch.stack(over_products)
