"""The CPU engine: the loop over time in C++, what lies around it in torch.

What depends on the input alone is part of the loop, or, where few rows go through time, one
torch product ahead of it; what no step waits for is done after the loop. See `lower.py` for
what the loops do and `stored.py` for what they keep.
"""

import functools
import importlib
import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from throughtime.engines.after import After, Values
from throughtime.engines.backward import product_columns
from throughtime.engines.backward import weight_gradients as torch_weight_gradients
from throughtime.engines.call import Call, Gradients, Result
from throughtime.engines.emitter import Lowered
from throughtime.engines.evaluate import ahead, plan
from throughtime.engines.lower import backward_loop, forward_loop
from throughtime.engines.reference import adjoint
from throughtime.engines.steps import steady
from throughtime.engines.stored import Mode, kept_nodes, operand_states, stored_columns
from throughtime.program.program import Program

DTYPES = (torch.float32, torch.float64)
LARGE = 1 << 20  # bytes; larger tensors are of memory that is kept for the next call
SMALL = 200_000_000  # multiply-adds; products that are larger in all are torch's
_PLAIN = (Tensor, torch.nn.Parameter)
_split: tuple[int, bool, int, int, int] | None = None  # for tests: `Split` in native/engine.h


def why_not(call: Call) -> str | None:
    """Why this engine cannot run a call, or None if it can."""
    if native() is None:
        return "the compiled module is missing: throughtime was installed without a C++ compiler"
    tensors = [call.x, *call.weights, *call.vectors, *call.start, *call.initial, *call.randoms]
    if call.bias is not None:
        tensors.append(call.bias)
    dtype, plain, here, same = call.x.dtype, True, True, True
    for t in tensors:
        plain = plain and type(t) in _PLAIN
        here = here and t.is_cpu
        same = same and t.dtype is dtype
    if torch._C._len_torch_dispatch_stack() or not plain:
        return "tensors are not plain: a torch mode or subclass is active"
    if torch.is_autocast_enabled("cpu"):
        return "autocast is active"
    if not here:
        return "not all tensors are on the CPU"
    if not same or dtype not in DTYPES:
        return f"the dtypes are {', '.join(sorted({str(t.dtype) for t in tensors}))}, not one of " \
               "torch.float32 and torch.float64"  # fmt: skip
    return None


@functools.cache
def native() -> Any:
    try:
        return importlib.import_module("throughtime._native")
    except ImportError:
        return None


def mode(program: Program, call: Call) -> Mode:
    """How a call is run: a pure function of shapes, the same forward and backward."""
    # with few rows a step costs as much as reading the weights, which many steps can share
    T, B = call.x.shape[:2]
    return Mode(T * B > 4 and program.input_size >= 64 * B * B, call.recompute)


def _new(call: Call, *shape: int) -> Tensor:
    """Room for values over time; 0 at steps past a length, which are never written."""
    x = call.x
    if math.prod(shape) * x.element_size() < LARGE:
        return x.new_empty(shape) if call.lengths is None else x.new_zeros(shape)
    single = x.dtype == torch.float32
    flat = (native().empty_float32 if single else native().empty_float64)(math.prod(shape))
    if call.lengths is not None:
        flat.zero_()
    return flat.view(shape)


def _linear(call: Call, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A product ahead of the loop; over time into memory that is kept, if it is large."""
    if bias is None or x.dim() != 3 or math.prod(x.shape[:2]) * bias.nbytes < LARGE:
        return F.linear(x, weight, bias)
    out = _new(call, *x.shape[:2], bias.shape[0])
    rows = x.detach().reshape(-1, x.shape[2])
    torch.addmm(bias.detach(), rows, weight.detach().t(), out=out.view(-1, bias.shape[0]))
    return out


def describe() -> dict[str, Any]:
    """What runs on this machine, and why.

    - `engine`, `why`: what a call on the CPU runs on.
    - `instruction set`: the one chosen, the best of `instruction sets` that this machine runs.
    - `threads`: torch's number; `threads of`: the OpenMP runtime they belong to, the one that
      torch has loaded, or throughtime's own.
    - `memory kept`: bytes of large tensors that are free and kept for the next call, see
      `release_memory`.
    """
    module = native()
    if module is None:
        return {"engine": "reference", "why": "the compiled module is missing: throughtime was "
                "installed without a C++ compiler"}  # fmt: skip
    return {
        "engine": "cpu",
        "why": "the compiled module is there; calls that it cannot run go to the reference engine",
        "instruction set": module.chosen_instruction_set(),
        "instruction sets": module.instruction_sets(),
        "threads": torch.get_num_threads(),
        "threads of": module.threads_from() or "throughtime",
        "memory kept": module.memory_kept(),
    }


def release_memory() -> None:
    """Give back the memory of large tensors that is kept for the next call."""
    if native() is not None:
        native().release_memory()


def forward(
    program: Program, call: Call, *, save: bool = False, mode_: Mode | None = None
) -> Result:
    """Run a program over time, see `Call` and `Result`; in another mode than its own if given,
    and then with states in memory of their own.

    `Result.saved`: the stored values side by side `(T, B, columns)`; each state over time that
    is not returned; and for each state that products read its value before every step.
    """
    plain = save and mode_ is None and steady(call)
    mode_, x = mode_ or mode(program, call), call.x
    T, B = x.shape[:2]
    widths = tuple(program.states.values())
    wanted = len(widths) if call.every_state or save else 1
    lowered = forward_loop(program, native(), mode_, save, wanted)
    known, parts = ahead_of_loop(program, call, mode_, for_loop=True)
    states: list[Tensor] = []
    before: list[Tensor] = []
    extended = operand_states(program) if plain else ()
    for k, width in enumerate(widths[:wanted]):
        if k in extended:  # what stood before the first step, then all the others
            whole = _new(call, T + 1, B, width)
            whole[T if call.reverse else 0] = call.start[k]
            before.append(whole[1:] if call.reverse else whole[:T])
            states.append((whole[:T] if call.reverse else whole[1:]).detach())
        else:
            states.append(_new(call, T, B, width))
    final = tuple([x.new_empty(B, width) for width in widths])
    saved = _new(call, T, B, stored_columns(program, mode_)[1]) if save else None
    groups = {
        "x": (x,), "part": parts, "known": known, "saved": (saved,), "state": states,
        "final": final, "start": call.start, "initial": call.initial or call.start,
    }  # fmt: skip
    _run(lowered, call, groups, reverse=call.reverse)
    shown = len(widths) if call.every_state else 1
    kept = () if saved is None else (saved, *states[shown:], *before)
    return Result(tuple(states[:shown]), final, kept)


def backward(
    program: Program,
    call: Call,
    result: Result,
    dstates: Sequence[Tensor | None],
    dfinal: Sequence[Tensor | None],
    *,
    dx: bool = True,
    mode_: Mode | None = None,
) -> Gradients:
    """The gradients of a loss through `forward`, see `Gradients`; dx is 0 unless it is wanted.

    Of `Result.saved` the values before each step may be missing.
    """
    mode_, x = mode_ or mode(program, call), call.x
    T, B = x.shape[:2]
    widths = tuple(program.states.values())
    given = (*(d is not None for d in dstates), *[False] * (len(widths) - len(dstates)))
    lowered = backward_loop(program, native(), mode_, given)
    known, parts = ahead_of_loop(program, call, mode_, for_loop=call.recompute)
    values = Values(program, call, mode_, result, known)
    dz = _new(call, T, B, program.affine_width)
    kept = {i: _new(call, T, B, adjoint(program).nodes[i].width) for i in kept_nodes(program)}
    dstart = tuple([x.new_empty(B, width) for width in widths])
    dinitial = tuple([torch.zeros_like(i) for i in call.initial])
    dbias = x.new_empty(program.affine_width)
    dvectors = [torch.empty_like(v) for v in call.vectors]
    groups = {"x": (x,), "part": parts, "known": known, "saved": (values.stored,),
              "state": values.states, "start": call.start, "initial": call.initial or call.start,
              "dstate": dstates, "dfinal": dfinal, "dstart": dstart,
              "dinitial": dinitial or dstart, "dz": (dz,), "kept": kept, "dbias": (dbias,),
              "dvector": dvectors}  # fmt: skip
    _run(lowered, call, groups, reverse=not call.reverse)
    after = After(program, call, values, dz, kept)
    after.complete(dbias, dvectors)
    return Gradients(
        dz,
        tuple([values.operand(p.operand) for p in plan(program).products]),
        after.output("dx", program.input_size) if dx else x.new_zeros(()).expand(x.shape),
        dstart,
        dinitial,
        tuple(dvectors),
        None if call.bias is None else dbias,
    )


def weight_gradients(program: Program, call: Call, gradients: Gradients) -> tuple[Tensor, ...]:
    """As `backward.weight_gradients`; small products without the cost of calling torch for each."""
    x, dz = call.x, gradients.dz
    steps = x.shape[0] * x.shape[1]
    if steps * sum(w.numel() for w in call.weights) > SMALL or any(
        len(columns) != 1 for columns in product_columns(program)
    ):
        return torch_weight_gradients(program, call, gradients)
    products: list[int] = []
    operands, dweights = [], [w.new_empty(w.shape) for w in call.weights]
    pairs = zip(gradients.operands, product_columns(program), dweights, strict=True)
    for operand, (columns,), dw in pairs:
        rows = operand.reshape(steps, dw.shape[1])
        operands.append(rows)
        products += (
            dz.data_ptr() + columns.start * dz.element_size(), dz.shape[2],
            rows.data_ptr(), rows.stride(0), steps, dw.data_ptr(), *dw.shape,
        )  # fmt: skip
    native().outer(x.element_size() == 8, products, torch.get_num_threads())
    return tuple(dweights)


def ahead_of_loop(
    program: Program, call: Call, mode_: Mode, *, for_loop: bool
) -> tuple[dict[int, Any], dict[int, Tensor]]:
    """What is known before the loop: values by node, and what each block of maps begins from."""
    if not _anything_ahead(program, mode_):
        known: dict[int, Any] = {}
        if call.vectors or call.randoms:
            known.update(zip(program.find("parameter"), call.vectors, strict=True))
            known.update(zip(program.find("random"), call.randoms, strict=True))
        if not for_loop:
            return known, {}
        bias = call.x.new_zeros(program.affine_width) if call.bias is None else call.bias
        blocks = plan(program, mode_.hoist).blocks
        if len(blocks) == 1:
            return known, {0: bias}
        return known, {b: bias[block.columns] for b, block in enumerate(blocks)}
    linear = functools.partial(_linear, call)
    known, parts = ahead(program, call, for_loop=for_loop, hoist=mode_.hoist, linear=linear)
    blocks = plan(program, mode_.hoist).blocks
    return known, {b: call.x.new_zeros(blocks[b].columns.stop - blocks[b].columns.start)
                   if part is None else part for b, part in parts.items()}  # fmt: skip


@functools.lru_cache(maxsize=256)
def _anything_ahead(program: Program, mode_: Mode) -> bool:
    """Whether there is anything to compute before the loop."""
    ahead = plan(program, mode_.hoist).ahead
    nodes = [i for i in ahead.nodes if program.nodes[i].op != "constant"]
    return bool(ahead.products or ahead.blocks or nodes)


def _run(lowered: Lowered, call: Call, groups: dict[str, Any], *, reverse: bool) -> None:
    T, B = call.x.shape[:2]
    tensors, matrices, _alive = addresses(lowered, call, groups)
    lengths = None if call.lengths is None else call.lengths.contiguous()
    resets = None if call.resets is None else call.resets.contiguous()
    native().run(
        lowered.native, call.x.element_size() == 8, tensors, matrices, T, B, reverse,
        int(call.reverse),
        0 if lengths is None else lengths.data_ptr(), 0 if resets is None else resets.data_ptr(),
        torch.get_num_threads(), _split,
    )  # fmt: skip


def addresses(
    lowered: Lowered, call: Call, groups: dict[str, Any]
) -> tuple[list[int], list[int], list[Tensor]]:
    """What the native loop is given: `(address, step, row)` of each tensor and `(address,
    out_stride, in_stride)` of each matrix, flat; and the tensors, to be kept while it runs."""
    alive: list[Tensor] = []
    tensors: list[int] = []
    for key in lowered.tensors:
        t: Tensor | None = groups[key[0]][key[-1] if len(key) > 1 else 0]
        if t is None:
            tensors += (0, 0, 0)
            continue
        strides = t.stride()
        if strides and strides[-1] != 1 and t.shape[-1] != 1:
            t = t.contiguous()  # units have to be neighbours; steps and rows any stride apart
            strides = t.stride()
        alive.append(t)
        if len(strides) == 3:
            tensors += (t.data_ptr(), strides[0], strides[1])
        else:
            tensors += (t.data_ptr(), 0, strides[0] if len(strides) == 2 else 0)
    matrices: list[int] = []
    itemsize = call.x.element_size()
    for k, row, transposed in lowered.matrices:
        w = call.weights[k]
        out, in_ = w.stride()
        address = w.data_ptr() + row * out * itemsize
        matrices += (address, in_, out) if transposed else (address, out, in_)
    return tensors, matrices, alive
