"""What torch.compile and torch.export see: one operator for the whole loop over time.

`throughtime::forward` and `throughtime::backward` take the program as its JSON, so that an
exported graph stands on its own. Their graph does not grow with T. Gradients of gradients
and torch.func transforms go through the reference engine instead, see `choose.py`.
"""

import functools

import torch
from torch import Tensor

from throughtime.engines import backward, cpu, reference
from throughtime.engines.backward import weight_gradients
from throughtime.engines.call import Call, Result
from throughtime.program.program import Program

_read = functools.lru_cache(maxsize=256)(Program.from_json)


def run(program: Program, call: Call) -> Result:
    """`forward` as one operator; differentiable once."""
    dtype = None
    if torch.is_autocast_enabled(call.x.device.type):
        dtype = torch.get_autocast_dtype(call.x.device.type)
    found = _forward(program.json, dtype, *call)
    n = len(call.start)
    return Result(tuple(found[:n]), tuple(found[n : 2 * n]))


@torch.library.custom_op("throughtime::forward", mutates_args=())
def _forward(
    program: str,
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
) -> list[Tensor]:
    call = _call(x, start, initial, weights, bias, vectors, randoms, lengths, resets, reverse)
    with _autocast(x, autocast):
        result = _engine(call)[0](_read(program), call, save=True)
    # an operator may not return its own arguments, nor one tensor twice
    return [t.clone() for t in (*result.states, *result.final, *result.saved)]


@_forward.register_fake
def _(program, autocast, x, start, *rest):
    read = _read(program)
    T, B = x.shape[:2]
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
    autocast: torch.dtype | None,
    gradients: list[Tensor],
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
) -> list[Tensor]:
    read = _read(program)
    call = _call(x, start, initial, weights, bias, vectors, randoms, lengths, resets, reverse)
    n = len(start)
    with _autocast(x, autocast):
        found = _engine(call)[1](read, call, saved, gradients[:n], gradients[n:])
        dweights, dbias = weight_gradients(read, call, found)
    bias_ = [] if dbias is None or bias is None else [dbias]
    given = [x, *start, *initial, *weights, *([] if bias is None else [bias]), *vectors]
    back = [found.dx, *found.dstart, *found.dinitial, *dweights, *bias_, *found.dvectors]
    return [d.to(g.dtype).clone() for d, g in zip(back, given, strict=True)]


@_backward.register_fake
def _(program, autocast, gradients, saved, x, start, initial, weights, bias, vectors, *rest):
    given = [x, *start, *initial, *weights, *([] if bias is None else [bias]), *vectors]
    return [torch.empty_like(g) for g in given]


def _save(ctx, inputs, output):
    program, autocast, *call = inputs
    n = len(_read(program).states)
    ctx.program, ctx.autocast, ctx.n = program, autocast, n
    ctx.sizes = [len(part) if isinstance(part, list) else None for part in call]
    ctx.reverse = call[-1]
    flat = [t for part in call[:-1] for t in (part if isinstance(part, list) else [part])]
    ctx.present = [t is not None for t in flat]
    ctx.save_for_backward(*(t for t in flat if t is not None), *output[2 * n :])


def _differentiate(ctx, gradients):
    tensors = list(ctx.saved_tensors)
    flat = [tensors.pop(0) if present else None for present in ctx.present]
    call: list = []
    for size in ctx.sizes[:-1]:
        call.append([flat.pop(0) for _ in range(size)] if size is not None else flat.pop(0))
    n = ctx.n
    back = _backward(ctx.program, ctx.autocast, gradients[: 2 * n], tensors, *call, ctx.reverse)
    x, start, initial, weights, bias, vectors, randoms = call[:7]

    def take(part):
        return [back.pop(0) for _ in part]

    back = list(back)
    dx = back.pop(0)
    dstart, dinitial, dweights = take(start), take(initial), take(weights)
    dbias = None if bias is None else back.pop(0)
    return (
        None, None, dx, dstart, dinitial, dweights, dbias, take(vectors),
        [None] * len(randoms), None, None, None,
    )  # fmt: skip


_forward.register_autograd(_differentiate, setup_context=_save)


def _call(x, start, initial, weights, bias, vectors, randoms, lengths, resets, reverse) -> Call:
    return Call(
        x, tuple(start), tuple(initial), tuple(weights), bias, tuple(vectors), tuple(randoms),
        lengths, resets, reverse,
    )  # fmt: skip


def _engine(call: Call):
    """`forward` and `backward` of the engine that runs a call."""
    if cpu.why_not(call) is None:
        return cpu.forward, cpu.backward
    return reference.forward, backward.backward


def _autocast(x: Tensor, dtype: torch.dtype | None) -> torch.autocast:
    return torch.autocast(x.device.type, dtype, enabled=dtype is not None)
