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

    def traced(self) -> Tensor:
        """Packed by torch's operations, for autograd and whatever else follows them."""
        packed = self.vectors[0].new_zeros(self.columns)
        for k, first, column, count in self.places:
            after = self.columns - column - count
            packed = packed + F.pad(self.vectors[k][first : first + count], (column, after))
        return packed
