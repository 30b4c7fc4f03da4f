"""What torch.compile and torch.export see: one operator for the whole loop over time.

`throughtime::forward` and `throughtime::backward` take the program as its JSON, so that an
exported graph stands on its own. Their graph does not grow with T. Gradients of gradients
and torch.func transforms go through the reference engine instead, see `choose.py`.
"""

import functools

import torch
from torch import Tensor

from throughtime.engines.call import Call, Result
from throughtime.engines.constant import assume_constant_result
from throughtime.engines.cpu import products
from throughtime.engines.cpu import run as cpu
from throughtime.engines.derived import LoopMode, stored_columns
from throughtime.engines.reference import backward
from throughtime.engines.reference import forward as reference
from throughtime.program.program import Program

_read = functools.lru_cache(maxsize=256)(Program.from_json)


def run(program: Program, call: Call, named: str | None = None) -> Result:
    """`forward` as one operator, on the engine that is named if it is the reference engine;
    differentiable once."""
    dtype = None
    if torch.is_autocast_enabled(call.x.device.type):
        dtype = torch.get_autocast_dtype(call.x.device.type)
    native = named != "reference" and dtype is None and call.x.device.type == "cpu"
    engine = "cpu" if native and _same(call) else "reference"
    start = tuple(s[0] if s.dim() == 3 else s for s in call.start)
    found = _forward(program.json, engine, dtype, *call._replace(start=start, every_state=True))
    n = len(start)
    pairs = zip(found[n : 2 * n], call.start, strict=True)
    final = tuple(f.unsqueeze(0) if s.dim() == 3 else f for f, s in pairs)
    return Result(tuple(found[: n if call.every_state else 1]), final)


def _same(call: Call) -> bool:
    """Whether the CPU engine knows the dtypes of a call."""
    tensors = [*call.weights, *call.vectors, *call.start, *call.initial, *call.randoms]
    tensors += [] if call.bias is None else [call.bias]
    return call.x.dtype in cpu.DTYPES and all(t.dtype == call.x.dtype for t in tensors) and _there()


@assume_constant_result
def _there() -> bool:
    return cpu.native() is not None


@torch.library.custom_op("throughtime::forward", mutates_args=())
def _forward(
    program: str,
    engine: str,
    autocast: torch.dtype | None,
    x: Tensor,
    start: list[Tensor],
    initial: list[Tensor],
    weights: list[Tensor],
    bias: Tensor | None,
    vectors: list[Tensor],
    randoms: list[Tensor],
    lengths: Tensor | None,
    resets: Tensor | None,
    reverse: bool,
    every_state: bool,
    recompute: bool,
) -> list[Tensor]:
    call = _call(x, start, initial, weights, bias, vectors, randoms, lengths, resets, reverse,
                 every_state, recompute)  # fmt: skip
    read = _read(program)
    if engine == "cpu":
        result = cpu.forward(read, call, save=True, mode_=_mode(recompute))
        return [*result.states, *result.final, result.saved[0]]
    with _autocast(x, autocast):
        result = reference.forward(read, call, save=True)
    # an operator may not return its own arguments, nor one tensor twice
    return [t.clone() for t in (*result.states, *result.final, *result.saved)]


def _mode(recompute: bool) -> LoopMode:
    """Of the CPU engine: one for all shapes, so that none is a constant of the graph."""
    return LoopMode(hoist=False, recompute=recompute)


@_forward.register_fake
def _(program, engine, autocast, x, start, *rest):
    read = _read(program)
    T, B = x.shape[:2]
    if engine == "cpu":
        widths = [*read.states.values()]
        columns = stored_columns(read, _mode(rest[-1]))[1]
        return [
            *(x.new_empty(T, B, width) for width in widths),
            *(x.new_empty(B, width) for width in widths),
            x.new_empty(T, B, columns),
        ]
    call = _call(x[:1], start, *rest)
    call = call._replace(
        randoms=tuple(r[:1] if r.dim() == 3 else r for r in call.randoms),
        resets=None if call.resets is None else call.resets[:1],
        lengths=call.lengths,
    )
    with _autocast(x, autocast):
        one = reference.forward(read, call, save=True)
    return [
        *(x.new_empty(T, B, s.shape[-1], dtype=s.dtype) for s in one.states),
        *(torch.empty_like(s) for s in one.final),
        *(x.new_empty(T, B, s.shape[-1], dtype=s.dtype) for s in one.saved),
    ]


@torch.library.custom_op("throughtime::backward", mutates_args=())
def _backward(
    program: str,
    engine: str,
    autocast: torch.dtype | None,
    gradients: list[Tensor],
    states: list[Tensor],
    saved: list[Tensor],
    x: Tensor,
    start: list[Tensor],
    initial: list[Tensor],
    weights: list[Tensor],
    bias: Tensor | None,
    vectors: list[Tensor],
    randoms: list[Tensor],
    lengths: Tensor | None,
    resets: Tensor | None,
    reverse: bool,
    every_state: bool,
    recompute: bool,
) -> list[Tensor]:
    read = _read(program)
    call = _call(x, start, initial, weights, bias, vectors, randoms, lengths, resets, reverse,
                 every_state, recompute)  # fmt: skip
    n = len(start)
    result, given = Result(tuple(states), (), tuple(saved)), (gradients[:n], gradients[n:])
    if engine == "cpu":
        found = cpu.backward(read, call, result, *given, mode_=_mode(recompute))
        dweights = products.weight_gradients(read, found)
    else:
        with _autocast(x, autocast):
            found = backward.backward(read, call, result, *given)
            dweights = backward.weight_gradients(read, found)
    bias_ = [] if found.dbias is None or bias is None else [found.dbias]
    given = [x, *start, *initial, *weights, *([] if bias is None else [bias]), *vectors]
    back = [found.dx, *found.dstart, *found.dinitial, *dweights, *bias_, *found.dvectors]
    return [d.to(g.dtype).clone() for d, g in zip(back, given, strict=True)]


@_backward.register_fake
def _(
    program, engine, autocast, gradients, states, saved, x, start, initial, weights, bias,
    vectors, *rest
):  # fmt: skip
    given = [x, *start, *initial, *weights, *([] if bias is None else [bias]), *vectors]
    return [torch.empty_like(g) for g in given]


def _save(ctx, inputs, output):
    program, engine, autocast, *call = inputs
    n = len(_read(program).states)
    ctx.run, ctx.n = (program, engine, autocast), n
    ctx.sizes = [len(part) if isinstance(part, list) else None for part in call]
    ctx.flags = call[-3:]
    flat = [t for part in call[:-3] for t in (part if isinstance(part, list) else [part])]
    ctx.present = [t is not None for t in flat]
    ctx.save_for_backward(*(t for t in flat if t is not None), *output[:n], *output[2 * n :])


def _differentiate(ctx, gradients):
    tensors = list(ctx.saved_tensors)
    flat = [tensors.pop(0) if present else None for present in ctx.present]
    call: list = []
    for size in ctx.sizes[:-3]:
        call.append([flat.pop(0) for _ in range(size)] if size is not None else flat.pop(0))
    n = ctx.n
    back = _backward(*ctx.run, gradients[: 2 * n], tensors[:n], tensors[n:], *call, *ctx.flags)
    x, start, initial, weights, bias, vectors, randoms = call[:7]

    def take(part):
        return [back.pop(0) for _ in part]

    back = list(back)
    dx = back.pop(0)
    dstart, dinitial, dweights = take(start), take(initial), take(weights)
    dbias = None if bias is None else back.pop(0)
    return (
        None, None, None, dx, dstart, dinitial, dweights, dbias, take(vectors),
        [None] * len(randoms), None, None, None, None, None,
    )  # fmt: skip


_forward.register_autograd(_differentiate, setup_context=_save)


def _call(x, start, initial, weights, bias, vectors, randoms, *rest) -> Call:
    return Call(
        x, tuple(start), tuple(initial), tuple(weights), bias, tuple(vectors), tuple(randoms), *rest
    )


def _autocast(x: Tensor, dtype: torch.dtype | None) -> torch.autocast:
    return torch.autocast(x.device.type, dtype, enabled=dtype is not None)
