"""A call as one row of tensors, and back.

Autograd and torch's operators take tensors one by one and save them so. The node of `node.py` and
the operator of `operator.py` both do it this way.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from throughtime.engines.call import Call, Gradients, Packed, SeparateParameters
from throughtime.engines.parameters import parameter_gradients, tensors_of

_REST = Call._fields.index("lengths")


class Layout(NamedTuple):
    """What a call is beside its row of tensors.

    - `counts`: how many tensors of the row, after x, are `start`, `initial`, weights, biases,
      `vectors` and `randoms`.
    - `separate`: of `SeparateParameters` how many matrices each weight has, `places` and
      `columns`; None for `Packed`.
    - `rest`: the fields that no gradient reaches, `lengths` and those after it.
    """

    counts: tuple[int, ...]
    separate: tuple[tuple[int, ...], tuple[tuple[int, int, int, int], ...], int] | None
    rest: tuple[Any, ...]


def flatten(call: Call) -> list[Tensor]:
    """The tensors of a call that a gradient may reach, and last its noise and masks."""
    return [call.x, *call.start, *call.initial, *tensors_of(call.parameters), *call.vectors,
            *call.randoms]  # fmt: skip


def layout(call: Call) -> Layout:
    """What `restore` needs beside the row of `flatten`."""
    parameters, separate = call.parameters, None
    if isinstance(parameters, Packed):
        weights, biases = len(parameters.weights), int(parameters.bias is not None)
    else:
        sizes = tuple([len(matrices) for matrices in parameters.weights])
        weights, biases = sum(sizes), len(parameters.biases)
        separate = sizes, parameters.places, parameters.columns
    counts = (len(call.start), len(call.initial), weights, biases, len(call.vectors),
              len(call.randoms))  # fmt: skip
    return Layout(counts, separate, call[_REST:])


def restore(layout: Layout, row: Sequence[Tensor]) -> tuple[Call, tuple[Tensor, ...]]:
    """The call that a row of tensors is of, and the tensors that stand after it."""
    row, groups, at = tuple(row), [], 1
    for count in layout.counts:
        groups.append(row[at : at + count])
        at += count
    start, initial, weights, biases, vectors, randoms = groups
    if layout.separate is None:
        parameters = Packed(weights, biases[0] if biases else None)
    else:
        sizes, places, columns = layout.separate
        matrices = iter(weights)
        each = tuple([tuple([next(matrices) for _ in range(size)]) for size in sizes])
        parameters = SeparateParameters(biases, places, columns, each)
    call = Call(row[0], start, initial, parameters, vectors, randoms, *layout.rest)
    return call, row[at:]


def flat_gradients(
    call: Call, gradients: Gradients, dweights: tuple[Tensor, ...]
) -> list[Tensor | None]:
    """The gradient at each tensor of `flatten(call)`.

    `gradients` and `dweights` are what an engine returned for the call with packed weights and a
    start for each sequence.
    """
    dstart = [d if d is None or s.dim() > 1 else d[0] if len(d) == 1 else d.sum(0)
              for s, d in zip(call.start, gradients.dstart, strict=True)]  # fmt: skip
    dparameters = parameter_gradients(call.parameters, dweights, gradients.dbias)
    return [gradients.dx, *dstart, *gradients.dinitial, *dparameters, *gradients.dvectors,
            *[None] * len(call.randoms)]  # fmt: skip
