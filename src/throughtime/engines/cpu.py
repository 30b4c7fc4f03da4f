"""The CPU engine: the loop over time in C++, what lies around it in torch.

What depends on the input alone is one large torch product ahead of the loop, and what no
step waits for is done after it, exactly as in the reference engine; only the loop is native.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from throughtime.engines.backward import by_name, finish, kept_nodes
from throughtime.engines.call import Call, Gradients, Result
from throughtime.engines.evaluate import ahead, plan
from throughtime.engines.lower import Lowered, backward_loop, forward_loop
from throughtime.engines.reference import adjoint, saved_nodes
from throughtime.program.program import Program

DTYPES = (torch.float32, torch.float64)
_PLAIN = (Tensor, torch.nn.Parameter)


def why_not(call: Call) -> str | None:
    """Why this engine cannot run a call, or None if it can."""
    if _native() is None:
        return "the compiled module is missing: throughtime was installed without a C++ compiler"
    tensors = [*call.weights, *call.vectors, *call.start, *call.initial, *call.randoms, call.x]
    tensors += [] if call.bias is None else [call.bias]
    if torch._C._len_torch_dispatch_stack() or any(type(t) not in _PLAIN for t in tensors):
        return "tensors are not plain: a torch mode or subclass is active"
    if torch.is_autocast_enabled("cpu"):
        return "autocast is active"
    if any(t.device.type != "cpu" for t in tensors):
        return "not all tensors are on the CPU"
    if any(t.dtype != call.x.dtype for t in tensors) or call.x.dtype not in DTYPES:
        return f"the dtypes are {', '.join(sorted({str(t.dtype) for t in tensors}))}, not one of " \
               "torch.float32 and torch.float64"  # fmt: skip
    return None


def _native() -> Any:
    try:
        return importlib.import_module("throughtime._native")
    except ImportError:
        return None


def forward(program: Program, call: Call, *, save: bool = False) -> Result:
    """Run a program over time, see `Call` and `Result`."""
    T, B = call.x.shape[:2]
    lowered = forward_loop(program, _native(), save)
    known, parts = ahead(program, call)
    widths = program.states
    # steps past a length are never written
    new = call.x.new_empty if call.lengths is None else call.x.new_zeros
    states = {name: new(T, B, width) for name, width in widths.items()}
    saved = {i: new(T, B, program.nodes[i].width) for i in (saved_nodes(program) if save else ())}
    final = {name: call.x.new_empty(B, width) for name, width in widths.items()}
    part = _columns(program, parts, call)
    given = {
        "start": dict(zip(widths, call.start, strict=True)),
        "initial": dict(zip(widths, call.initial or call.start, strict=True)),
        "state": states,
        "final": final,
        "known": known,
        "saved": saved,
    }

    def tensor(key: Any) -> Tensor:
        kind, name = key
        return part(name) if kind == "part" else given[kind][name]

    _run(lowered, call, tensor, by_name(program, call), reverse=call.reverse)
    return Result(tuple(states.values()), tuple(final.values()), tuple(saved.values()))


def backward(
    program: Program,
    call: Call,
    saved: Sequence[Tensor],
    dstates: Sequence[Tensor | None],
    dfinal: Sequence[Tensor | None],
) -> Gradients:
    """The gradients of a loss through `forward`, see `Gradients`."""
    T, B = call.x.shape[:2]
    lowered = backward_loop(program, _native(), tuple(d is not None for d in dstates))
    known, _ = ahead(program, call, for_loop=False)
    widths = program.states
    loop = dict(zip(saved_nodes(program), saved, strict=True))
    new = call.x.new_empty if call.lengths is None else call.x.new_zeros
    dz, kept = _kept(program, new, T, B)
    zeros = {name: call.x.new_zeros(B, width) for name, width in widths.items()}
    dstart = {name: call.x.new_empty(B, width) for name, width in widths.items()}
    dinitial = {name: torch.zeros_like(z) for name, z in zeros.items()}
    given = {
        "dstate": dict(zip(widths, dstates, strict=True)),
        "dfinal": {n: z if d is None else d
                   for (n, z), d in zip(zeros.items(), dfinal, strict=True)},
        "dstart": dstart,
        "dinitial": dinitial,
        "known": known,
        "saved": loop,
        "kept": kept,
    }  # fmt: skip
    _run(
        lowered,
        call,
        lambda key: given[key[0]][key[1]],
        by_name(program, call),
        reverse=not call.reverse,
    )
    for name, columns in program.columns.items():  # maps whose gradient is another's
        i = adjoint(program).outputs.get(f"dz_{name}")
        if i in kept and dz[..., columns].data_ptr() != kept[i].data_ptr():
            dz[..., columns] = kept[i]
    begun = tuple(dinitial.values()) if call.initial else ()
    return finish(program, call, known, loop, kept, tuple(dstart.values()), begun, dz)


def _kept(
    program: Program, new: Callable[..., Tensor], T: int, B: int
) -> tuple[Tensor, dict[int, Tensor]]:
    """Room for `Gradients.dz`, and for each of `kept_nodes`: there, or of its own."""
    back = adjoint(program)
    packed = new(T, B, program.affine_width)
    found = {}
    for name, columns in program.columns.items():
        i = back.outputs.get(f"dz_{name}")
        if i in kept_nodes(program) and i not in found:
            found[i] = packed[..., columns]
    for i in kept_nodes(program):
        if i not in found:
            found[i] = new(T, B, back.nodes[i].width)
    return packed, found


def _columns(
    program: Program, parts: dict[int, Tensor | None], call: Call
) -> Callable[[int], Tensor]:
    """What each affine map of the loop starts from, by its first column."""
    found: dict[int, Tensor] = {}
    for b, part in parts.items():
        block = plan(program).blocks[b]
        column = block.columns.start
        for a in block.affines:
            width = program.nodes[a].width
            if part is None:
                found[column] = call.x.new_zeros(1, 1, width).expand(*call.x.shape[:2], width)
            else:
                first = column - block.columns.start
                found[column] = part[..., first : first + width]
            column += width
    return found.__getitem__


def _run(
    lowered: Lowered,
    call: Call,
    tensor: Callable[[Any], Tensor],
    matrix: dict[str, Tensor],
    *,
    reverse: bool,
) -> None:
    T, B = call.x.shape[:2]
    alive: list[Tensor] = []
    arrays: list[int] = []
    for key in lowered.arrays:
        t = _units_together(tensor(key))
        alive.append(t)
        strides = t.stride()
        step, row = (0, 0, *strides[:-1])[-2:] if t.dim() < 3 else strides[:2]
        arrays += [t.data_ptr(), step, row]
    matrices: list[int] = []
    for weight, transposed in lowered.matrices:
        w = matrix[weight]
        out, in_ = w.stride()
        matrices += [w.data_ptr(), in_, out] if transposed else [w.data_ptr(), out, in_]
    lengths = None if call.lengths is None else call.lengths.contiguous()
    resets = None if call.resets is None else call.resets.contiguous()
    _native().run(
        lowered.native, call.x.dtype == torch.float64, arrays, matrices, T, B, reverse,
        int(call.reverse), 0 if lengths is None else lengths.data_ptr(),
        0 if resets is None else resets.data_ptr(), torch.get_num_threads(),
    )  # fmt: skip


def _units_together(t: Tensor) -> Tensor:
    """The engine steps over time and rows by any stride, over units by 1."""
    return t if t.dim() and (t.shape[-1] == 1 or t.stride(-1) == 1) else t.contiguous()
