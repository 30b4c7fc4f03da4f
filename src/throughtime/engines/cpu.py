"""The CPU engine: the loop over time in C++, what lies around it in torch.

What depends on the input alone is part of the loop where the input is narrow, else one large
torch product ahead of it; what no step waits for is done after the loop. See `lower.py` for
what the loops do and `stored.py` for what they keep.
"""

import importlib
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import torch
from torch import Tensor

from throughtime.engines.after import After, Values
from throughtime.engines.backward import by_name
from throughtime.engines.call import Call, Gradients, Result
from throughtime.engines.evaluate import ahead, plan
from throughtime.engines.lower import Lowered, backward_loop, forward_loop
from throughtime.engines.reference import adjoint
from throughtime.engines.steps import steady
from throughtime.engines.stored import Mode, kept_nodes, operand_states, stored_columns
from throughtime.program.program import Program

DTYPES = (torch.float32, torch.float64)
WIDE = 192  # an input of so many columns is worth a product of its own, ahead of the loop
_PLAIN = (Tensor, torch.nn.Parameter)
_split: tuple[int, bool, int, int, int] | None = None  # for tests: `Split` in native/engine.h


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


def mode(program: Program, call: Call) -> Mode:
    """How a call is run: a pure function of shapes, the same forward and backward."""
    return Mode(program.input_size >= WIDE and call.x.shape[1] > 1, call.recompute)


def forward(program: Program, call: Call, *, save: bool = False) -> Result:
    """Run a program over time, see `Call` and `Result`.

    `Result.saved`: the stored values side by side `(T, B, columns)`; each state over time that
    is not returned; and for each state that products read its value before every step.
    """
    mode_, x = mode(program, call), call.x
    T, B = x.shape[:2]
    names = tuple(program.states)
    wanted = len(names) if call.every_state or save else 1
    lowered = forward_loop(program, _native(), mode_, save, wanted)
    known, parts = ahead(program, call, hoist=mode_.hoist)
    # steps past a length are never written
    new = x.new_empty if call.lengths is None else x.new_zeros
    states: list[Tensor] = []
    before: list[Tensor] = []
    for k, name in enumerate(names[:wanted]):
        width = program.states[name]
        if save and name in operand_states(program) and steady(call):
            # one step longer: what stood before the first step, then all the others
            whole = new(T + 1, B, width)
            whole[T if call.reverse else 0] = call.start[k]
            before.append(whole[1:] if call.reverse else whole[:T])
            states.append((whole[:T] if call.reverse else whole[1:]).detach())
        else:
            states.append(new(T, B, width))
    final = tuple(x.new_empty(B, width) for width in program.states.values())
    saved = new(T, B, stored_columns(program, mode_)[1]) if save else None

    def address(key: Any) -> tuple[Tensor, int]:
        kind = key[0]
        if kind == "part":
            return parts_at(key[1])
        if kind == "saved":
            assert saved is not None
            return saved, stored_columns(program, mode_)[0][key[1]]
        if kind == "x":
            return x, 0
        if kind == "known":
            return known[key[1]], 0
        k = names.index(key[1])
        if kind == "initial":
            return (call.initial or call.start)[k], 0
        return (states if kind == "state" else final if kind == "final" else call.start)[k], 0

    parts_at = _parts(program, mode_, parts, x)
    _run(lowered, program, call, address, reverse=call.reverse)
    shown = len(names) if call.every_state else 1
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
) -> Gradients:
    """The gradients of a loss through `forward`, see `Gradients`; dx is 0 unless it is wanted."""
    mode_, x, back = mode(program, call), call.x, adjoint(program)
    T, B = x.shape[:2]
    names = tuple(program.states)
    given = tuple(d is not None for d in dstates) + (False,) * (len(names) - len(dstates))
    lowered = backward_loop(program, _native(), mode_, given)
    known, parts = ahead(program, call, for_loop=call.recompute, hoist=mode_.hoist)
    new = x.new_empty if call.lengths is None else x.new_zeros
    values = Values(program, call, mode_, result, known)
    dz = new(T, B, program.affine_width)
    kept = {i: new(T, B, back.nodes[i].width) for i in kept_nodes(program, mode_)}
    dstart = tuple(x.new_empty(B, width) for width in program.states.values())
    dinitial = tuple(torch.zeros_like(i) for i in call.initial)
    dbias = x.new_zeros(program.affine_width)
    dvectors = {name: torch.zeros_like(v)
                for name, v in zip(program.vectors, call.vectors, strict=True)}  # fmt: skip

    def address(key: Any) -> tuple[Tensor, int]:
        kind = key[0]
        if kind == "dz":
            return dz, key[1]
        if kind == "dbias":
            return dbias, key[1]
        if kind == "dvector":
            return dvectors[key[1]], 0
        if kind == "kept":
            return kept[key[1]], 0
        if kind == "part":
            return _parts(program, mode_, parts, x)(key[1])
        if kind == "saved":
            return values.stored, stored_columns(program, mode_)[0][key[1]]
        if kind == "x":
            return x, 0
        if kind == "known":
            return known[key[1]], 0
        k = names.index(key[1])
        if kind == "state":
            return values.states[k], 0
        if kind == "dfinal":
            d = dfinal[k]
            return x.new_zeros(1, 1).expand(B, program.states[key[1]]) if d is None else d, 0
        if kind == "initial":
            return (call.initial or call.start)[k], 0
        if kind == "dinitial":
            return (dinitial or dstart)[k], 0
        return {"start": call.start, "dstate": dstates, "dstart": dstart}[kind][k], 0

    _run(lowered, program, call, address, reverse=not call.reverse)
    after = After(program, call, mode_, values, dz, kept)
    for name, columns in program.columns.items():
        if after.late(f"dz_{name}"):
            dz[..., columns] = after.output(f"dz_{name}", columns.stop - columns.start)
            dbias[columns] = dz[..., columns].sum((0, 1))
    for name, d in dvectors.items():
        if after.late(f"dparameter_{name}"):
            dvectors[name] = after.output(f"dparameter_{name}", d.shape[0]).sum((0, 1))
    return Gradients(
        dz,
        tuple(values.operand(p.operand) for p in plan(program).products),
        after.output("dx", program.input_size) if dx else x.new_zeros(()).expand(x.shape),
        dstart,
        dinitial,
        tuple(dvectors.values()),
        None if call.bias is None else dbias,
    )


def _parts(
    program: Program, mode_: Mode, parts: dict[int, Tensor | None], x: Tensor
) -> Callable[[int], tuple[Tensor, int]]:
    """What the affine map at a column begins from: a tensor and a column of it."""
    zeros: list[Tensor] = []

    def part(column: int) -> tuple[Tensor, int]:
        for b, found in parts.items():
            columns = plan(program, mode_.hoist).blocks[b].columns
            if columns.start <= column < columns.stop:
                if found is not None:
                    return found, column - columns.start
                if not zeros:
                    zeros.append(x.new_zeros(program.affine_width))
                return zeros[0], column
        raise AssertionError(f"no map at column {column}")

    return part


def _run(
    lowered: Lowered,
    program: Program,
    call: Call,
    address: Callable[[Hashable], tuple[Tensor, int]],
    *,
    reverse: bool,
) -> None:
    T, B = call.x.shape[:2]
    alive: list[Tensor] = []
    arrays: list[int] = []
    for key in lowered.arrays:
        t, column = address(key)
        t = _units_together(t)
        alive.append(t)
        step, row = (0, 0, *t.stride()[:-1])[-2:]
        arrays += [t.data_ptr() + column * t.element_size(), step, row]
    weights = by_name(program, call)
    matrices: list[int] = []
    for weight, transposed in lowered.matrices:
        w = weights[weight]
        out, in_ = w.stride()
        matrices += [w.data_ptr(), in_, out] if transposed else [w.data_ptr(), out, in_]
    lengths = None if call.lengths is None else call.lengths.contiguous()
    resets = None if call.resets is None else call.resets.contiguous()
    _native().run(
        lowered.native, call.x.dtype == torch.float64, arrays, matrices, T, B, reverse,
        int(call.reverse), 0 if lengths is None else lengths.data_ptr(),
        0 if resets is None else resets.data_ptr(), torch.get_num_threads(), _split,
    )  # fmt: skip


def _units_together(t: Tensor) -> Tensor:
    """The engine steps over time and rows by any stride, over units by 1."""
    return t if t.dim() and (t.shape[-1] == 1 or t.stride(-1) == 1) else t.contiguous()
