"""What torch.compile and torch.export see: one operator for the whole loop over time.

`throughtime::forward` and `throughtime::backward` take the program as its JSON, so that an
exported graph stands on its own, and the call as a row of tensors, see `flat.py`. Their graph does
not grow with T. Gradients of gradients and torch.func transforms go through a traceable engine
instead, see `choose.py`.
"""

import functools
from typing import Any

import torch
from torch import Tensor

from throughtime.engines.call import Call, Result
from throughtime.engines.constant import assume_constant_result
from throughtime.engines.engine import Engine
from throughtime.engines.flat import Layout, flat_gradients, flatten, layout, restore
from throughtime.engines.registry import able_when_compiled, named
from throughtime.errors import OptionError
from throughtime.program.program import Program

_read = functools.lru_cache(maxsize=256)(Program.from_json)


def run(program: Program, call: Call, name: str | None = None) -> Result:
    """`forward` as one operator, differentiable once; the call with packed parameters.

    `name`: of an engine, or None, see `able_when_compiled`.
    """
    autocast, row = None, flatten(call)
    if torch.is_autocast_enabled(call.x.device.type):
        autocast = torch.get_autocast_dtype(call.x.device.type)
    dtype = call.x.dtype if all(t.dtype == call.x.dtype for t in row) else None
    engine = _able(program.json, call.x.device.type, dtype, autocast, name)
    if name is not None and engine != name:
        raise OptionError(
            f'`{program.cell}`: engine is "{name}"; expected "{engine}" here because "{name}" does '
            "not run such tensors under torch.compile, see their devices and dtypes. Leave engine "
            "out to let throughtime choose."
        )
    start = tuple(s[0] if s.dim() == 3 else s for s in call.start)
    shown = call._replace(start=start, every_state=True)
    outputs = _forward(program.json, engine, autocast, *arguments(shown))
    n = len(start)
    pairs = zip(outputs[n : 2 * n], call.start, strict=True)
    final = tuple(f.unsqueeze(0) if s.dim() == 3 else f for f, s in pairs)
    return Result(tuple(outputs[: n if call.every_state else 1]), final)


@assume_constant_result
def _able(program: str, *call: Any) -> str:
    return able_when_compiled(_read(program), *call)


def arguments(call: Call) -> tuple:
    """A call, its parameters packed, as the operators take it."""
    counts = layout(call).counts
    return (flatten(call), [*counts], call.lengths, call.resets, call.reverse, call.recompute)


def _call(
    row: list[Tensor],
    counts: list[int],
    lengths: Tensor | None,
    resets: Tensor | None,
    reverse: bool,
    recompute: bool,
) -> Call:
    rest = lengths, resets, reverse, True, recompute
    return restore(Layout(tuple(counts), None, rest), row)[0]


@torch.library.custom_op("throughtime::forward", mutates_args=())
def _forward(
    program: str,
    engine: str,
    autocast: torch.dtype | None,
    row: list[Tensor],
    counts: list[int],
    lengths: Tensor | None,
    resets: Tensor | None,
    reverse: bool,
    recompute: bool,
) -> list[Tensor]:
    compiled, call = _compiled(engine), _call(row, counts, lengths, resets, reverse, recompute)
    with _autocast(row[0], autocast):
        result = compiled.forward(_read(program), call, save=True)
    outputs = [*result.states, *result.final, *result.saved]
    # an operator may not return its own arguments, nor one tensor twice
    return outputs if compiled.fresh else [t.clone() for t in outputs]


@_forward.register_fake
def _(program, engine, autocast, row, counts, *rest):
    with _autocast(row[0], autocast):
        result = _compiled(engine).result_like(_read(program), _call(row, counts, *rest))
    return [*result.states, *result.final, *result.saved]


@torch.library.custom_op("throughtime::backward", mutates_args=())
def _backward(
    program: str,
    engine: str,
    autocast: torch.dtype | None,
    gradients: list[Tensor],
    states: list[Tensor],
    saved: list[Tensor],
    row: list[Tensor],
    counts: list[int],
    lengths: Tensor | None,
    resets: Tensor | None,
    reverse: bool,
    recompute: bool,
) -> list[Tensor]:
    compiled, call = _compiled(engine), _call(row, counts, lengths, resets, reverse, recompute)
    n, of_program = len(states), _read(program)
    result = Result(tuple(states), (), tuple(saved))
    with _autocast(row[0], autocast):
        back = compiled.backward(of_program, call, result, gradients[:n], gradients[n:])
        dweights = compiled.weight_gradients(of_program, back)
    pairs = zip(row, flat_gradients(call, back, dweights), strict=True)
    return [d.to(t.dtype).clone() for t, d in pairs if d is not None]


@_backward.register_fake
def _(program, engine, autocast, gradients, states, saved, row, counts, *rest):
    return [torch.empty_like(t) for t in row[: len(row) - counts[-1]]]


def _save(ctx, inputs, output):
    program, engine, autocast, row, counts, lengths, resets, *flags = inputs
    n = len(_read(program).states)
    ctx.run, ctx.n, ctx.counts, ctx.flags = (program, engine, autocast), n, counts, flags
    ctx.present = [t is not None for t in (lengths, resets)]
    others = [t for t in (lengths, resets) if t is not None]
    ctx.save_for_backward(*row, *others, *output[:n], *output[2 * n :])


def _differentiate(ctx, gradients):
    tensors = list(ctx.saved_tensors)
    end = 1 + sum(ctx.counts)
    row, others = tensors[:end], tensors[end:]
    lengths, resets = [others.pop(0) if present else None for present in ctx.present]
    n = ctx.n
    back = _backward(*ctx.run, gradients[: 2 * n], others[:n], others[n:], row, ctx.counts,
                     lengths, resets, *ctx.flags)  # fmt: skip
    drow = [*back, *[None] * ctx.counts[-1]]
    return None, None, None, drow, None, None, None, None, None


_forward.register_autograd(_differentiate, setup_context=_save)


def _compiled(engine: str) -> Engine:
    return named(engine).compiled()


def _autocast(x: Tensor, dtype: torch.dtype | None) -> torch.autocast:
    return torch.autocast(x.device.type, dtype, enabled=dtype is not None)
