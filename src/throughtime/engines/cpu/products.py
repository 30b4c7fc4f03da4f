"""The gradients of weights, products over all steps: the engine's own or torch's, whichever takes
less time."""

import functools

import torch
from torch import Tensor

from throughtime.engines.call import Gradients
from throughtime.engines.cpu.native import compiled
from throughtime.engines.derived import plan, product_columns
from throughtime.engines.reference.backward import weight_gradient
from throughtime.program.program import Program

SMALL = 200_000_000  # multiply-adds; products that are larger in all are torch's, but not
NARROW = 48  # those of so few inputs: there torch takes up to 10 times as long
VECTOR = 100_000  # multiply-adds with a vector; larger ones are torch's


def weight_gradients(program: Program, gradients: Gradients) -> tuple[Tensor, ...]:
    """As `backward.weight_gradients`; small and narrow products without torch, which takes longer
    to call for each, and to compute them."""
    dz, own = gradients.dz, []
    each = [dz.shape[0] * dz.shape[1] * rows * width for rows, width, _ in _pieces(program)]
    dweights = []
    for k, (rows, width, pieces) in enumerate(_pieces(program)):
        vector = min(rows, width) == 1
        if each[k] <= VECTOR if vector else width <= NARROW or sum(each) <= SMALL:
            to = dz.new_empty((rows, width))
            own += [(column, count, gradients.operands[k], to, row)
                    for column, count, row in pieces]  # fmt: skip
        else:
            to = weight_gradient(program, gradients, k)
        dweights.append(to)
    if own:
        compiled().outer(dz.dtype == torch.float64, dz, own, torch.get_num_threads())
    return tuple(dweights)


@functools.lru_cache(maxsize=256)
def _pieces(program: Program) -> list[tuple[int, int, list[tuple[int, int, int]]]]:
    """For each product the rows and the width of its weight, and which columns of `dz` make which
    of these rows: `(first column, columns, first row)`."""
    products = []
    for k, neighbours in enumerate(product_columns(program)):
        pieces, row = [], 0
        for columns in neighbours:
            count = columns.stop - columns.start
            pieces.append((columns.start, count, row))
            row += count
        products.append((row, program.nodes[plan(program).products[k].operand].width, pieces))
    return products
