"""The CPU engine, backward."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from throughtime.engines.after import ForwardValues, RestOfBackward
from throughtime.engines.call import Call, Gradients, Result
from throughtime.engines.cpu import memory, run
from throughtime.engines.cpu.ahead import ahead_of_loop, bias_of, packed_natively
from throughtime.engines.cpu.loops import backward_loop
from throughtime.engines.cpu.lowered import Lowered
from throughtime.engines.cpu.settings import Settings
from throughtime.engines.derived import (
    LoopMode,
    adjoint,
    anything_ahead,
    late_maps,
    late_vectors,
    loop_kept_nodes,
    operand_nodes,
    revisited_nodes,
)
from throughtime.engines.parameters import has_bias
from throughtime.program.program import Program


class _Plan(NamedTuple):
    """What of a call backward does not depend on its tensors.

    - `kept`: the nodes that what comes after the loop needs, and their widths.
    - `complete`: whether the loop leaves nothing but dx to do.
    - `operands`: of each product.
    - `ahead`: whether there is anything to compute before the loop.
    """

    lowered: Lowered
    columns: int
    kept: tuple[tuple[int, int], ...]
    complete: bool
    operands: tuple[int, ...]
    ahead: bool


@functools.lru_cache(maxsize=256)
def _plan(program: Program, loop_mode: LoopMode, given: tuple[bool, ...]) -> _Plan:
    nodes = adjoint(program).nodes
    return _Plan(
        backward_loop(program, loop_mode, given),
        program.affine_width,
        tuple((i, nodes[i].width) for i in loop_kept_nodes(program)),
        not late_maps(program) and not late_vectors(program),
        operand_nodes(program),
        anything_ahead(program, loop_mode),
    )


def backward(
    program: Program,
    call: Call,
    settings: Settings,
    result: Result,
    dstates: Sequence[Tensor | None],
    dfinal: Sequence[Tensor | None],
    *,
    dx: bool = True,
    dstart: bool = True,
) -> Gradients:
    """The gradients of a loss through `forward`, see `Engine.backward`.

    Of `Result.saved` the values before each step may be missing.
    """
    loop_mode, x = settings.loop_mode(program, call), call.x
    T, B, _ = x.shape
    given = [d is not None for d in dstates] + [False] * (len(call.start) - len(dstates))
    plan = _plan(program, loop_mode, tuple(given))
    again = call.recompute
    if plan.ahead or again or dx or not plan.complete:
        call = packed_natively(call)
    only = None if again else revisited_nodes(program, loop_mode)
    known, part = ahead_of_loop(program, call, loop_mode, only)
    values = ForwardValues(program, call, loop_mode, result, known)
    dz = memory.over_time(call, T, B, plan.columns)
    kept = {i: memory.over_time(call, T, B, width) for i, width in plan.kept}
    starts = tuple([x.new_empty(s.shape) if dstart else None for s in call.start])
    dinitial = tuple([torch.zeros_like(i) for i in call.initial])
    dbias = x.new_empty((plan.columns,))
    dvectors = [torch.empty_like(v) for v in call.vectors]
    groups = {"x": (x,), "bias": (bias_of(program, call) if again else None,), "part": part,
              "known": known, "saved": (values.stored,), "state": values.states,
              "start": call.start, "initial": call.initial or call.start, "dstate": dstates,
              "dfinal": dfinal, "dstart": starts, "dinitial": dinitial or starts, "dz": (dz,),
              "kept": kept, "dbias": (dbias,), "dvector": dvectors}  # fmt: skip
    run.run(call, [run.loop(plan.lowered, call, groups, not call.reverse)], settings.split)
    over_x = None
    if dx or not plan.complete:
        rest = RestOfBackward(program, call, values, dz, kept)
        rest.complete(dbias, dvectors)
        over_x = rest.output("dx", program.input_size) if dx else None
    return Gradients(
        dz,
        tuple([values.operand(i) for i in plan.operands]),
        over_x,
        starts,
        dinitial,
        tuple(dvectors),
        dbias if has_bias(call.parameters) else None,
    )
