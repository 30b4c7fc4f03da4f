"""Random calls of an engine, and whether an engine agrees with the reference engine."""

import torch
from catalogue import CELLS

from throughtime.engines.cpu import CPU
from throughtime.engines.reference import Reference
from throughtime.layers.direction import Direction

# those that are compared with the reference engine, by name
ENGINES = {"cpu": CPU()}


def regularised_call(name, T, B, I, H, dtype, reverse, ragged, resets, seed):  # noqa: E741
    torch.manual_seed(seed)
    options = {} if name == "indrnn" else {"variational_dropout": 0.3}
    direction = Direction(CELLS[name], I, H, zoneout_rate=0.2, dtype=dtype, **options)
    p = direction.program
    x = torch.randn(B, T, I, dtype=dtype).transpose(0, 1)  # strides as batch_first gives them
    start = tuple(torch.randn(B, w, dtype=dtype) for w in p.states.values())
    initial = tuple(torch.randn(B, w, dtype=dtype) for w in p.states.values())
    lengths = torch.randint(0, T + 1, (B,)) if ragged else None
    with torch.no_grad():
        _, call = direction.call(x, start, lengths, torch.rand(T, B) < 0.3 if resets else None)
    vectors = tuple(v.detach() for v in call.vectors)
    call = call._replace(vectors=vectors, initial=initial if resets else (), reverse=reverse)
    return p, call


def _off(a, b):
    """The largest difference, relative to the largest value of the truth."""
    if not b.numel():
        return 0.0
    return ((a - b).abs().max() / b.abs().max().clamp(min=torch.finfo(b.dtype).tiny)).item()


def agree(program, call, bound, engine=None):
    """An engine, the CPU engine unless given, gives what the reference engine gives."""
    engine, reference = engine or CPU(), Reference()
    with torch.no_grad():
        want = reference.forward(program, call, save=True)
        got = engine.forward(program, call, save=True)
        dstates = [torch.randn_like(s) for s in want.states]
        dfinal = [torch.randn_like(s) for s in want.final]
        back = reference.backward(program, call, want, dstates, dfinal)
        own = engine.backward(program, call, got, dstates, dfinal)
        dweights = reference.weight_gradients(program, back)
        own_dweights = engine.weight_gradients(program, own)
    pairs = [*zip(got.states, want.states, strict=True), *zip(got.final, want.final, strict=True)]
    pairs += [(own.dz, back.dz), (own.dx, back.dx)]
    for field in ("dstart", "dinitial", "dvectors"):
        pairs += zip(getattr(own, field), getattr(back, field), strict=True)
    pairs += zip(own_dweights, dweights, strict=True)
    assert (own.dbias is None) == (back.dbias is None)
    pairs += [] if own.dbias is None else [(own.dbias, back.dbias)]
    for a, b in pairs:
        assert a.shape == b.shape
        assert _off(a, b) <= bound
