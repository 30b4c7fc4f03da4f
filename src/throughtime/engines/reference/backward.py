"""The reference engine, backward: the adjoint program in a plain loop, time reversed.

Autograd through `reference.forward` gives the same sums; this gives what autograd does not
keep, the gradient at every affine map at every step, and needs no autograd to do so.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from throughtime.engines.call import Call, Gradients, Result
from throughtime.engines.derived import (
    adjoint,
    awaited_kept_nodes,
    awaited_nodes,
    needed_ahead,
    needed_in_loop,
    plan,
    product_columns,
)
from throughtime.engines.evaluate import ahead, evaluate, rounded
from throughtime.engines.parameters import packed, weights_by_name
from throughtime.engines.pieces import transposed_times
from throughtime.engines.time_order import real_steps, stack, steps
from throughtime.program.program import Program


def backward(
    program: Program,
    call: Call,
    result: Result,
    dstates: Sequence[Tensor | None],
    dfinal: Sequence[Tensor | None],
) -> Gradients:
    """The gradients of a loss through `forward`, see `Gradients`.

    - `result`: what `forward(save=True)` returned.
    - `dstates`, `dfinal`: the gradient at `Result.states` and `Result.final`; None for none.
    """
    back = adjoint(program)
    B = call.x.shape[1]
    known, _ = ahead(program, call, only=needed_ahead(program))
    loop = dict(zip(needed_in_loop(program), result.saved, strict=True))
    real = real_steps(call)
    value = valuer(program, call, known, loop)
    names = list(program.states)
    keep = awaited_kept_nodes(program)
    rows: dict[int, list[Tensor]] = {i: [] for i in keep}
    zeros = [torch.zeros_like(s[0] if s.dim() == 3 else s) for s in call.start]
    dstate = [z if d is None else d.reshape(z.shape) for z, d in zip(zeros, dfinal, strict=True)]
    dinitial = [torch.zeros_like(s) for s in call.initial]

    for t, restart in reversed(list(steps(call))):
        pairs = zip(dstate, (*dstates, *[None] * len(dstate)), strict=False)
        total = [d if g is None else d + _real(g[t], real, t) for d, g in pairs]
        entering = dict(zip(names, (_real(d, real, t) for d in total), strict=True))
        values: dict[int, Any] = {}
        for i in awaited_nodes(program):
            node = back.nodes[i]
            gradient = node.op == "gradient"
            values[i] = entering[node.attributes["name"]] if gradient else value(i, values, t)
        for i in keep:
            rows[i].append(values[i].expand(B, back.nodes[i].width))
        leaving = [rounded(values[back.outputs[f"dstate_{n}"]], call.x)
                   if f"dstate_{n}" in back.outputs else z
                   for n, z in zip(names, zeros, strict=True)]  # fmt: skip
        if real is not None:
            pairs = zip(leaving, total, strict=True)
            leaving = [torch.where(real[t], n, d) for n, d in pairs]
        if restart is not None:
            pairs = zip(dinitial, leaving, strict=True)
            dinitial = [d + torch.where(restart, s, 0.0) for d, s in pairs]
            leaving = [torch.where(restart, 0.0, s) for s in leaving]
        dstate = leaving

    reversed_call = call._replace(reverse=not call.reverse)
    over_time = {i: stack(r, reversed_call, (B, back.nodes[i].width)) for i, r in rows.items()}
    dstart = tuple(d.reshape(s.shape) for d, s in zip(dstate, call.start, strict=True))
    return finish(program, call, known, loop, over_time, dstart, tuple(dinitial))


def valuer(
    program: Program, call: Call, known: dict[int, Any], loop: dict[int, Tensor]
) -> Callable[[int, dict[int, Any], int | slice], Any]:
    """A function that gives a node of the adjoint at one step, or with a slice at all of them.

    `known`: what `ahead` returned; `loop`: the saved values of the loop, `(T, B, width)`.
    """
    back, timeless, weights = (
        adjoint(program),
        plan(program).timeless,
        weights_by_name(program, call),
    )

    def value(i: int, values: dict[int, Any], t: int | slice) -> Any:
        node = back.nodes[i]
        if node.op == "constant":
            return node.attributes["value"]
        if node.op == "saved":
            k = node.attributes["node"]
            return loop[k][t] if k in loop else known[k] if k in timeless else known[k][t]
        if node.op == "transposed":
            pairs = zip(node.args, node.attributes["weights"], strict=True)
            return sum(rounded(values[a], call.x) @ weights[w] for a, w in pairs)
        return evaluate(node, [values[a] for a in node.args], call.x)

    return value


def finish(
    program: Program,
    call: Call,
    known: dict[int, Any],
    loop: dict[int, Tensor],
    over_time: dict[int, Tensor],
    dstart: tuple[Tensor, ...],
    dinitial: tuple[Tensor, ...],
) -> Gradients:
    """What of the adjoint no step waits for, over all steps at once.

    `over_time`: each of `awaited_kept_nodes` at every step, `(T, B, width)`.
    """
    back = adjoint(program)
    T, B = call.x.shape[:2]
    real = real_steps(call)
    value = valuer(program, call, known, loop)
    inside = awaited_nodes(program)
    over_steps: dict[int, Any] = dict(over_time)
    for i, node in enumerate(back.nodes):
        if i not in over_steps and (i not in inside or node.op in ("constant", "saved")):
            over_steps[i] = value(i, over_steps, slice(None))

    def output(name: str, width: int) -> Tensor:
        if name not in back.outputs:
            return call.x.new_zeros(T, B, width)
        value = rounded(over_steps[back.outputs[name]], call.x).expand(T, B, width)
        return value if real is None else torch.where(real, value, 0.0)

    maps = [(program.nodes[a].attributes["name"], program.nodes[a].width) for a in program.affines]
    vectors = zip(program.vectors, call.vectors, strict=True)
    dz = torch.cat([call.x.new_zeros(T, B, 0), *(output(f"dz_{n}", w) for n, w in maps)], -1)
    return Gradients(
        dz,
        tuple(_operand(p.operand, call, known, loop) for p in plan(program).products),
        output("dx", program.input_size),
        dstart,
        dinitial,
        tuple(output(f"dparameter_{n}", v.shape[0]).sum((0, 1)) for n, v in vectors),
        None if packed(call).bias is None else dz.sum((0, 1)),
    )


def weight_gradients(program: Program, gradients: Gradients) -> tuple[Tensor, ...]:
    """The gradient of each packed weight: its replicas summed over time and rows."""
    return tuple([weight_gradient(program, gradients, k) for k in range(len(gradients.operands))])


def weight_gradient(program: Program, gradients: Gradients, k: int) -> Tensor:
    """That of product k."""
    dz, operand = gradients.dz.flatten(0, 1), gradients.operands[k]
    rows = operand.reshape(-1, operand.shape[-1])
    first, *others = (transposed_times(dz[:, c], rows) for c in product_columns(program)[k])
    return torch.cat([first, *others]) if others else first


def _real(g: Tensor, real: Tensor | None, t: int) -> Tensor:
    return g if real is None else torch.where(real[t], g, 0.0)


def _operand(i: int, call: Call, known: dict[int, Any], loop: dict[int, Tensor]) -> Tensor:
    value = rounded(loop[i] if i in loop else known[i], call.x)
    return value.expand(*call.x.shape[:2], value.shape[-1])
