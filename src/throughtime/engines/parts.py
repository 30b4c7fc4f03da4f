"""A bias that is given in parts, and packed where it is used: no operation that autograd sees."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor


class Parts(NamedTuple):
    """A packed bias `(columns,)` as the sum of parts of vectors; 0 where there is none.

    - `vectors`: of any lengths.
    - `places`: of each part `(vector, its first number, its first column, how many)`.
    """

    vectors: tuple[Tensor, ...]
    places: tuple[tuple[int, int, int, int], ...]
    columns: int


def traced(bias: Parts) -> Tensor:
    """Packed by torch's operations, for autograd and whatever else follows them."""
    packed = bias.vectors[0].new_zeros(bias.columns)
    for k, first, column, count in bias.places:
        after = bias.columns - column - count
        packed = packed + F.pad(bias.vectors[k][first : first + count], (column, after))
    return packed
