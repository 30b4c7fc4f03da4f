"""The CPU engine: the loop over time in C++, what lies around it in torch.

What depends on the input alone is part of the loop, or, where few rows go through time or few units
read a wide input, one product ahead of it; what no step waits for is done after the loop. See
`lower.py` for what the loops do and `derived.py` for what they keep.
"""

import functools
import math
from collections.abc import Container, Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from throughtime.engines.after import After, Values
from throughtime.engines.call import Call, Gradients, Result
from throughtime.engines.cpu import products
from throughtime.engines.cpu.loops import backward_loop, forward_loop
from throughtime.engines.cpu.lowered import Lowered
from throughtime.engines.cpu.native import native
from throughtime.engines.derived import (
    LoopMode,
    adjoint,
    anything_ahead,
    late_maps,
    late_vectors,
    loop_kept_nodes,
    operand_nodes,
    operand_states,
    plan,
    revisited_nodes,
    stored_columns,
)
from throughtime.engines.evaluate import ahead
from throughtime.engines.parts import Parts, packed
from throughtime.engines.pieces import pieces
from throughtime.engines.time_order import steady
from throughtime.program.pointwise import CONDITIONS
from throughtime.program.program import Program

DTYPES = (torch.float32, torch.float64)
MANY = 512  # steps of rows, for a product ahead of the loop to pay
LARGE = 1 << 20  # bytes; larger tensors are of memory that is kept for the next call
_PLAIN = (Tensor, torch.nn.Parameter)
_split: tuple[int, bool, int, int, int] | None = None  # for tests: `Split` in native/engine.h


def why_not(call: Call, parts: Parts | None = None) -> str | None:
    """Why this engine cannot run a call, or None if it can."""
    module = native()
    if module is None:
        return "the compiled module is missing: throughtime was installed without a C++ compiler"
    tensors = [call.x, *call.weights, *call.vectors, *call.start, *call.initial, *call.randoms]
    if call.bias is not None:
        tensors.append(call.bias)
    if parts is not None:
        tensors += parts.vectors
        for pieces in parts.weights:
            tensors += pieces
    mode = torch._C._len_torch_dispatch_stack()
    if not mode and not torch.is_autocast_enabled("cpu") and module.all_plain(tensors):
        if any([t.is_neg() for t in tensors]):  # a view that torch negates as it is read
            return "a tensor is a negated view: call resolve_neg() on it"
        return None
    if mode or any(type(t) not in _PLAIN for t in tensors):
        return "tensors are not plain: a torch mode or subclass is active"
    if torch.is_autocast_enabled("cpu"):
        return "autocast is active"
    if not all(t.is_cpu for t in tensors):
        return "not all tensors are on the CPU"
    if call.x.dtype not in DTYPES or any(t.dtype != call.x.dtype for t in tensors):
        return f"the dtypes are {', '.join(sorted({str(t.dtype) for t in tensors}))}, not one of " \
               "torch.float32 and torch.float64"  # fmt: skip
    return "not all tensors are dense"


def mode(program: Program, call: Call) -> LoopMode:
    """How a call is run: a pure function of shapes, the same forward and backward."""
    T, B = call.x.shape[:2]
    # with few rows a step costs as much as reading the weights, which many steps can share
    few = T * B > 4 and program.input_size >= 64 * B * B
    wide = T * B >= MANY and call.lengths is None and _is_wide(program)
    return LoopMode(few or wide, call.recompute)


@functools.lru_cache(maxsize=256)
def _is_wide(program: Program) -> bool:
    """Whether the input is much wider than what products make of it, and that is narrow: side by
    side its columns have less padding than one map after the other, and there is less to move."""
    nodes, first = program.nodes, plan(program).ahead
    if any(nodes[i].op != "constant" for i in first.nodes):  # made of the input, and as wide
        return False
    columns = sum(nodes[a].width for a in program.affines
                  for arg in nodes[a].args if nodes[arg].op == "input")  # fmt: skip
    return columns <= products.NARROW and program.input_size >= 4 * columns


def _new(call: Call, *shape: int) -> Tensor:
    """Room for values over time; 0 at steps past a length, which are never written."""
    x, count = call.x, math.prod(shape)
    if count * x.element_size() < LARGE:
        return x.new_empty(shape) if call.lengths is None else x.new_zeros(shape)
    single = x.dtype == torch.float32
    flat = (native().empty_float32 if single else native().empty_float64)(count)
    if call.lengths is not None:
        flat.zero_()
    return flat.view(shape)


class _Forward(NamedTuple):
    """What of a call forward does not depend on its tensors.

    - `columns`: of the stored values.
    - `widths`: of the states.
    - `beside`: the states that products read, where the step before each is its neighbour: their
      starts are put beside their values over time.
    - `begins`: for each of these its values over time and its start among `lowered.tensors`.
    - `ahead`: whether there is anything to compute before the loop.
    """

    lowered: Lowered
    columns: int
    widths: tuple[int, ...]
    beside: tuple[int, ...]
    begins: tuple[tuple[int, int], ...]
    ahead: bool


@functools.lru_cache(maxsize=256)
def _forward(program: Program, mode_: LoopMode, save: bool, wanted: int, plain: bool) -> _Forward:
    lowered = forward_loop(program, mode_, save, wanted)
    at = lowered.tensors.index
    beside = operand_states(program) if plain else ()
    return _Forward(
        lowered,
        stored_columns(program, mode_)[1],
        tuple(program.states.values())[:wanted],
        beside,
        tuple((at(("state", k)), at(("start", k))) for k in beside),
        anything_ahead(program, mode_),
    )


def forward(
    program: Program,
    call: Call,
    *,
    save: bool = False,
    mode_: LoopMode | None = None,
    parts: Parts | None = None,
) -> Result:
    """Run a program over time, see `Call` and `Result`; in another mode than its own if given,
    and then with states in memory of their own; with `parts`, if given, in place of what the
    call has of them.

    `Result.saved`: the stored values side by side `(T, B, columns)`; each state over time that
    is not returned; and for each state that products read its value before every step.
    """
    loop, result = _prepared(program, call, parts, save=save, mode_=mode_)
    _run(call, [loop])
    return result


def forward_both(
    runs: Sequence[tuple[Program, Call, Parts | None]],
) -> tuple[Tensor, list[Result]]:
    """Directions over the same steps at once, and their outputs side by side, `(T, B, widths)`;
    nothing is kept for a backward step."""
    call = runs[0][1]
    widths = [program.states[program.output] for program, _, _ in runs]
    y = _new(call, *call.x.shape[:2], sum(widths))
    prepared = [
        _prepared(*run, save=False, output=output)
        for run, output in zip(runs, y.split_with_sizes(widths, -1), strict=True)
    ]
    _run(call, [loop for loop, _ in prepared])
    return y, [result for _, result in prepared]


def _prepared(
    program: Program,
    call: Call,
    parts: Parts | None,
    *,
    save: bool,
    mode_: LoopMode | None = None,
    output: Tensor | None = None,
) -> tuple[tuple, Result]:
    """The loop forward, see `_loop`, and what it will have written; the first state over time
    into `output`, if given."""
    plain = save and mode_ is None and steady(call)
    mode_, x = mode_ or mode(program, call), call.x
    T, B, _ = x.shape
    shown = len(call.start) if call.every_state else 1
    loop = _forward(program, mode_, save, len(call.start) if save else shown, plain)
    if parts is not None and loop.ahead:
        call, parts = packed(call, parts), None
    known, part = ahead_of_loop(program, call, mode_)
    states: list[Tensor] = []
    before: list[Tensor] = []
    for k, width in enumerate(loop.widths):
        if k in loop.beside:  # what stood before the first step, then all the others
            whole = _new(call, T + 1, B, width)
            before.append(whole[1:] if call.reverse else whole[:T])
            states.append((whole[:T] if call.reverse else whole[1:]).detach())
        else:
            given = output if k == 0 else None
            states.append(_new(call, T, B, width) if given is None else given)
    final = tuple([x.new_empty(s.shape) for s in call.start])
    saved = (_new(call, T, B, loop.columns),) if save else ()
    groups = {
        "x": (x,), "bias": (_bias(program, call, parts),), "part": part,
        "known": known, "saved": saved, "state": states, "final": final, "start": call.start,
        "initial": call.initial or call.start,
    }  # fmt: skip
    run = _loop(loop.lowered, call, parts, groups, call.reverse, loop.begins)
    return run, Result(tuple(states[:shown]), final, (*saved, *states[shown:], *before))


class _Backward(NamedTuple):
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
def _backward(program: Program, mode_: LoopMode, given: tuple[bool, ...]) -> _Backward:
    nodes = adjoint(program).nodes
    return _Backward(
        backward_loop(program, mode_, given),
        program.affine_width,
        tuple((i, nodes[i].width) for i in loop_kept_nodes(program)),
        not late_maps(program) and not late_vectors(program),
        operand_nodes(program),
        anything_ahead(program, mode_),
    )


def backward(
    program: Program,
    call: Call,
    result: Result,
    dstates: Sequence[Tensor | None],
    dfinal: Sequence[Tensor | None],
    *,
    dx: bool = True,
    dstart: bool = True,
    mode_: LoopMode | None = None,
    parts: Parts | None = None,
) -> Gradients:
    """The gradients of a loss through `forward`, see `Gradients`; `dx` and `dstart`: whether
    these are wanted; `parts`: as forward was given them.

    Of `Result.saved` the values before each step may be missing.
    """
    mode_, x = mode_ or mode(program, call), call.x
    T, B, _ = x.shape
    given = [d is not None for d in dstates] + [False] * (len(call.start) - len(dstates))
    loop = _backward(program, mode_, tuple(given))
    again = call.recompute
    biased = call.bias is not None or bool(parts and parts.vectors)
    if parts is not None and (loop.ahead or again or dx or not loop.complete):
        call, parts = packed(call, parts), None
    only = None if again else revisited_nodes(program, mode_)
    known, part = ahead_of_loop(program, call, mode_, only)
    values = Values(program, call, mode_, result, known)
    dz = _new(call, T, B, loop.columns)
    kept = {i: _new(call, T, B, width) for i, width in loop.kept}
    starts = tuple([x.new_empty(s.shape) if dstart else None for s in call.start])
    dinitial = tuple([torch.zeros_like(i) for i in call.initial])
    dbias = x.new_empty((loop.columns,))
    dvectors = [torch.empty_like(v) for v in call.vectors]
    groups = {"x": (x,), "bias": (_bias(program, call, parts) if again else None,),
              "part": part, "known": known, "saved": (values.stored,), "state": values.states,
              "start": call.start, "initial": call.initial or call.start, "dstate": dstates,
              "dfinal": dfinal, "dstart": starts, "dinitial": dinitial or starts, "dz": (dz,),
              "kept": kept, "dbias": (dbias,), "dvector": dvectors}  # fmt: skip
    _run(call, [_loop(loop.lowered, call, parts, groups, not call.reverse)])
    over_x = None
    if dx or not loop.complete:
        after = After(program, call, values, dz, kept)
        after.complete(dbias, dvectors)
        over_x = after.output("dx", program.input_size) if dx else None
    return Gradients(
        dz,
        tuple([values.operand(i) for i in loop.operands]),
        over_x,
        starts,
        dinitial,
        tuple(dvectors),
        dbias if biased else None,
    )


def whole_bias(program: Program, call: Call) -> Tensor:
    """What the maps begin from, `(columns,)`."""
    return call.x.new_zeros(program.affine_width) if call.bias is None else call.bias


def _bias(program: Program, call: Call, parts: Parts | None) -> Tensor | Parts:
    """As `whole_bias`, or in parts, which the loop puts together."""
    return parts if parts and parts.vectors else whole_bias(program, call)


def ahead_of_loop(
    program: Program, call: Call, mode_: LoopMode, only: Container[int] | None = None
) -> tuple[dict[int, Any], dict[int, Tensor | None]]:
    """What is known before the loop: values by node, and by block of maps what it begins from,
    where that is not the bias alone. Conditions are the numbers 0 and 1, as the loops read them."""
    if anything_ahead(program, mode_):
        linear = functools.partial(_linear, call)
        known, part = ahead(program, call, only=only, hoist=mode_.hoist, linear=linear)
        for i, value in known.items():
            if program.nodes[i].op in CONDITIONS:
                known[i] = value.to(call.x.dtype)
        return known, part
    known = {}
    if call.vectors or call.randoms:
        known.update(zip(program.find("parameter"), call.vectors, strict=True))
        known.update(zip(program.find("random"), call.randoms, strict=True))
    return known, {}


def _linear(call: Call, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """As `F.linear`, over time into memory that is kept; small products without the cost of
    calling torch, whose threads then wait for more work and take the cores from other processes."""
    if x.dim() != 3:
        return F.linear(x, weight, bias)
    out, in_ = weight.shape
    rows, z = x.detach().reshape(-1, in_), _new(call, *x.shape[:2], out)
    own = out <= products.NARROW or rows.shape[0] * weight.numel() <= products.SMALL // 4
    beside = [weight.stride(1), rows.stride(1), 1 if bias is None else bias.stride(0)]
    if own and beside == [1, 1, 1]:
        native().affine(x.element_size() == 8, rows, weight, bias, z, torch.get_num_threads())
        return z
    columns, flat = weight.detach().t(), z.view(-1, out)
    for piece in pieces(rows.shape[0], weight.numel()):
        if bias is None:
            torch.mm(rows[piece], columns, out=flat[piece])
        else:
            torch.addmm(bias.detach(), rows[piece], columns, out=flat[piece])
    return z


def tensors(lowered: Lowered, groups: Mapping[str, Any]) -> list[Tensor | Parts | None]:
    """What a loop reads and writes, in its order, from all of each name."""
    return [groups[name][k] for name, k in lowered.tensors]


def _loop(
    lowered: Lowered,
    call: Call,
    parts: Parts | None,
    groups: Mapping[str, Any],
    reverse: bool,
    begins: Sequence[tuple[int, int]] = (),
) -> tuple:
    """A loop and its tensors, as `run` of native/bindings.cpp takes them."""
    weights = parts.weights if parts and parts.weights else call.weights
    return lowered.native, tensors(lowered, groups), weights, begins, reverse, int(call.reverse)


def _run(call: Call, loops: list[tuple]) -> None:
    """Loops over the steps of a call."""
    T, B, _ = call.x.shape
    lengths = None if call.lengths is None else call.lengths.contiguous()
    resets = None if call.resets is None else call.resets.contiguous()
    native().run(
        loops, call.x.dtype == torch.float64, T, B,
        0 if lengths is None else lengths.data_ptr(), 0 if resets is None else resets.data_ptr(),
        torch.get_num_threads(), _split,
    )  # fmt: skip
