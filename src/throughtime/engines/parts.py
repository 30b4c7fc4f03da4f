"""Weights and biases as a layer has them, put together where they are used: no operation that
autograd sees."""

from typing import NamedTuple

import torch
from torch import Tensor

from throughtime.engines.call import Call
from throughtime.engines.cpu.native import native
from throughtime.program.program import Program
from throughtime.program.schedule import Schedule


class Parts(NamedTuple):
    """What stands in place of `Call.bias`, and of `Call.weights` and `Call.start` where these are
    in parts too.

    - `vectors`: of any lengths; a packed bias `(columns,)` is the sum of parts of them, 0 where
      there is none.
    - `places`: of each part `(vector, its first number, its first column, how many)`.
    - `weights`: for each product the matrices that its weight is made of, one below the other;
      empty where those of the call are whole.

    Beside parts, each of `Call.start` may be `(width,)`, one for all sequences.
    """

    vectors: tuple[Tensor, ...]
    places: tuple[tuple[int, int, int, int], ...]
    columns: int
    weights: tuple[tuple[Tensor, ...], ...] = ()


def own_biases(
    program: Program, plan: Schedule
) -> tuple[tuple[str, ...], tuple[tuple[int, int, int, int], ...]]:
    """The names of a program's biases, and their places."""
    names, places, column = [], [], 0
    for bias in plan.biases:
        width = program.parameters[bias].shape[0] if isinstance(bias, str) else bias
        if isinstance(bias, str):
            places.append((len(names), 0, column, width))
            names.append(bias)
        column += width
    return tuple(names), tuple(places)


def for_all(start: tuple[Tensor, ...], batch: int) -> tuple[Tensor, ...]:
    """Starts of each sequence, where they are one for all."""
    return tuple([s.expand(batch, -1) if s.dim() == 1 else s for s in start])


def traced(call: Call, parts: Parts) -> Call:
    """The call in whole tensors, by torch's operations, for autograd and whatever else follows
    them."""
    return call._replace(
        start=for_all(call.start, call.x.shape[1]),
        weights=tuple([_stacked(pieces) for pieces in parts.weights]) or call.weights,
        bias=_bias(parts) if parts.vectors else None,
    )


def packed(call: Call, parts: Parts) -> Call:
    """The call in whole tensors, without a place in autograd's graph."""
    bias = None
    if parts.vectors:
        bias = call.x.new_empty((parts.columns,))
        native().set_parts(bias, parts.vectors, parts.places)
    weights = tuple([_stacked(pieces).detach() for pieces in parts.weights]) or call.weights
    return call._replace(weights=weights, bias=bias)


def bias_gradients(parts: Parts, dbias: Tensor | None) -> list[Tensor]:
    """At each vector of a bias, of the gradient at the whole."""
    found = []
    for k, vector in enumerate(parts.vectors):
        assert dbias is not None
        own = [place for place in parts.places if place[0] == k]
        if len(own) == 1:
            _, _, column, count = own[0]
            found.append(dbias if count == parts.columns else dbias[column : column + count])
        else:
            found.append(vector.new_empty(vector.shape))
            back = [(0, column, first, count) for _, first, column, count in own]
            native().set_parts(found[-1], (dbias,), back)
    return found


def piece_gradients(parts: Parts, dweights: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """At each piece of each weight, of the gradients at the whole ones."""
    if not parts.weights:
        return dweights
    found = []
    for pieces, dweight in zip(parts.weights, dweights, strict=True):
        found += dweight.split_with_sizes([piece.shape[0] for piece in pieces])
    return tuple(found)


def _bias(parts: Parts) -> Tensor:
    """The sum of as few vectors as hold all parts side by side."""
    sums: list[list[Tensor]] = []
    ends: list[int] = []
    for k, first, column, count in parts.places:
        vector = parts.vectors[k]
        n = next((n for n, end in enumerate(ends) if end <= column), len(ends))
        if n == len(ends):
            sums.append([])
            ends.append(0)
        if column > ends[n]:
            sums[n].append(vector.new_zeros(column - ends[n]))
        sums[n].append(vector[first : first + count])
        ends[n] = column + count
    for side_by_side, end in zip(sums, ends, strict=True):
        if end < parts.columns:
            side_by_side.append(side_by_side[0].new_zeros(parts.columns - end))
    return sum([_stacked(tuple(found)) for found in sums[1:]], _stacked(tuple(sums[0])))


def _stacked(pieces: tuple[Tensor, ...]) -> Tensor:
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces)
