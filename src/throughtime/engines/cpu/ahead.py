"""What stands before the native loop begins: the bias, and what depends on the input alone."""

import functools
from collections.abc import Container
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from throughtime.engines.call import Call, Packed, SeparateParameters
from throughtime.engines.cpu import memory, products
from throughtime.engines.cpu.native import compiled
from throughtime.engines.derived import LoopMode, anything_ahead
from throughtime.engines.evaluate import ahead
from throughtime.engines.parameters import stacked
from throughtime.engines.pieces import pieces
from throughtime.program.pointwise import CONDITIONS
from throughtime.program.program import Program


def packed_natively(call: Call) -> Call:
    """The call with packed parameters, without a place in autograd's graph: sooner made than by
    `parameters.pack`."""
    parameters = call.parameters
    if isinstance(parameters, Packed):
        return call
    bias = None
    if parameters.biases:
        bias = call.x.new_empty((parameters.columns,))
        compiled().set_parts(bias, parameters.biases, parameters.places)
    weights = tuple([stacked(matrices).detach() for matrices in parameters.weights])
    return call._replace(parameters=Packed(weights, bias))


def bias_of(program: Program, call: Call) -> Tensor | tuple[Any, ...]:
    """What the maps begin from: `(columns,)`, or `(biases, places, columns)`, from which the loop
    makes it."""
    parameters = call.parameters
    if isinstance(parameters, SeparateParameters):
        if parameters.biases:
            return parameters[:3]
    elif parameters.bias is not None:
        return parameters.bias
    return call.x.new_zeros(program.affine_width)


def ahead_of_loop(
    program: Program, call: Call, loop_mode: LoopMode, only: Container[int] | None = None
) -> tuple[dict[int, Any], dict[int, Tensor | None]]:
    """What is known before the loop: values by node, and by block of maps what it begins from,
    where that is not the bias alone. Conditions are the numbers 0 and 1, as the loops read them.

    The parameters of the call are packed if there is anything to compute.
    """
    if anything_ahead(program, loop_mode):
        linear = functools.partial(product, call)
        known, part = ahead(program, call, only=only, hoist=loop_mode.hoist, linear=linear)
        for i, value in known.items():
            if program.nodes[i].op in CONDITIONS:
                known[i] = value.to(call.x.dtype)
        return known, part
    known = {}
    if call.vectors or call.randoms:
        known.update(zip(program.find("parameter"), call.vectors, strict=True))
        known.update(zip(program.find("random"), call.randoms, strict=True))
    return known, {}


def product(call: Call, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """As `F.linear`, over time into memory that is kept; small products without the cost of
    calling torch, whose threads then wait for more work and take the cores from other processes."""
    if x.dim() != 3:
        return F.linear(x, weight, bias)
    out, width = weight.shape
    rows, z = x.detach().reshape(-1, width), memory.over_time(call, *x.shape[:2], out)
    own = out <= products.NARROW or rows.shape[0] * weight.numel() <= products.SMALL // 4
    beside = [weight.stride(1), rows.stride(1), 1 if bias is None else bias.stride(0)]
    if own and beside == [1, 1, 1]:
        compiled().affine(x.element_size() == 8, rows, weight, bias, z, torch.get_num_threads())
        return z
    columns, flat = weight.detach().t(), z.view(-1, out)
    for piece in pieces(rows.shape[0], weight.numel()):
        if bias is None:
            torch.mm(rows[piece], columns, out=flat[piece])
        else:
            torch.addmm(bias.detach(), rows[piece], columns, out=flat[piece])
    return z
