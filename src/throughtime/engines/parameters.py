"""Weights and biases as a layer has them: packed where an engine asks for it, and the gradients
at the packed ones given back to each.

An engine that reads `SeparateParameters` as they are spares a call these operations, and autograd
the nodes of a graph for them.
"""

import torch
from torch import Tensor

from throughtime.engines.call import Call, Packed, SeparateParameters
from throughtime.engines.derived import plan
from throughtime.program.program import Program
from throughtime.program.schedule import Schedule


def tensors_of(parameters: Packed | SeparateParameters) -> tuple[Tensor, ...]:
    """All of them: the weights one matrix after the other, then the biases."""
    if isinstance(parameters, Packed):
        weights, bias = parameters
        return weights if bias is None else (*weights, bias)
    return *sum(parameters.weights, ()), *parameters.biases


def has_bias(parameters: Packed | SeparateParameters) -> bool:
    """Whether any map has a bias."""
    if isinstance(parameters, Packed):
        return parameters.bias is not None
    return bool(parameters.biases)


def packed(call: Call) -> Packed:
    """The parameters of a call that has them packed, see `pack`."""
    assert isinstance(call.parameters, Packed)
    return call.parameters


def own_biases(
    program: Program, schedule: Schedule
) -> tuple[tuple[str, ...], tuple[tuple[int, int, int, int], ...]]:
    """The names of a program's biases, and their places, see `SeparateParameters`."""
    names, places, column = [], [], 0
    for bias in schedule.biases:
        width = program.parameters[bias].shape[0] if isinstance(bias, str) else bias
        if isinstance(bias, str):
            places.append((len(names), 0, column, width))
            names.append(bias)
        column += width
    return tuple(names), tuple(places)


def for_all(start: tuple[Tensor, ...], batch: int) -> tuple[Tensor, ...]:
    """The starts of each sequence, where they may be one for all."""
    return tuple([s.expand(batch, -1) if s.dim() == 1 else s for s in start])


def pack(call: Call) -> Call:
    """The same call with `Packed` parameters and a start for each sequence.

    Torch's operations make them, so that autograd and every transform can follow.
    """
    parameters = call.parameters
    if isinstance(parameters, SeparateParameters):
        bias = packed_bias(parameters) if parameters.biases else None
        parameters = Packed(tuple([stacked(m) for m in parameters.weights]), bias)
    return call._replace(start=for_all(call.start, call.x.shape[1]), parameters=parameters)


def weights_by_name(program: Program, call: Call) -> dict[str, Tensor]:
    """The packed weights cut back into that of each operand of each map."""
    weights = {}
    for product, matrix in zip(plan(program).products, packed(call).weights, strict=True):
        sizes = [program.parameters[name].shape[0] for name in product.weights]
        weights.update(zip(product.weights, matrix.split(sizes), strict=True))
    return weights


def parameter_gradients(
    parameters: Packed | SeparateParameters, dweights: tuple[Tensor, ...], dbias: Tensor | None
) -> list[Tensor]:
    """The gradient at each of `tensors_of(parameters)`, from those at the packed ones."""
    if isinstance(parameters, Packed):
        return [*dweights] if parameters.bias is None or dbias is None else [*dweights, dbias]
    gradients = []
    for matrices, dweight in zip(parameters.weights, dweights, strict=True):
        if len(matrices) == 1:
            gradients.append(dweight)
        else:
            gradients += dweight.split_with_sizes([matrix.shape[0] for matrix in matrices])
    for k in range(len(parameters.biases)):
        assert dbias is not None
        parts = [dbias if count == parameters.columns else dbias[column : column + count]
                 for vector, _, column, count in parameters.places if vector == k]  # fmt: skip
        gradients.append(stacked(tuple(parts)))
    return gradients


def packed_bias(parameters: SeparateParameters) -> Tensor:
    """The sum of as few vectors as hold all parts side by side, `(columns,)`."""
    rows: list[list[Tensor]] = []
    ends: list[int] = []
    for k, first, column, count in parameters.places:
        vector = parameters.biases[k]
        row = next((row for row, end in enumerate(ends) if end <= column), len(ends))
        if row == len(ends):
            rows.append([])
            ends.append(0)
        if column > ends[row]:
            rows[row].append(vector.new_zeros(column - ends[row]))
        rows[row].append(vector[first : first + count])
        ends[row] = column + count
    for side_by_side, end in zip(rows, ends, strict=True):
        if end < parameters.columns:
            side_by_side.append(side_by_side[0].new_zeros(parameters.columns - end))
    return sum([stacked(tuple(row)) for row in rows[1:]], stacked(tuple(rows[0])))


def stacked(pieces: tuple[Tensor, ...]) -> Tensor:
    """Matrices one below the other, or vectors one after the other."""
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces)
