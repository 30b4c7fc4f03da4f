"""Random calls of an engine, and whether the CPU engine agrees with the reference engine."""

import torch
from catalogue import CELLS

from throughtime.engines.cpu import products
from throughtime.engines.cpu import run as cpu
from throughtime.engines.reference import forward as reference
from throughtime.engines.reference.backward import backward, weight_gradients
from throughtime.layers.direction import Direction


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


def agree(program, call, bound):
    with torch.no_grad():
        truth = reference.forward(program, call, save=True)
        found = cpu.forward(program, call, save=True)
        dstates = [torch.randn_like(s) for s in truth.states]
        dfinal = [torch.randn_like(s) for s in truth.final]
        dtruth = backward(program, call, truth, dstates, dfinal)
        dfound = cpu.backward(program, call, found, dstates, dfinal)
    pairs = [*zip(found.states, truth.states, strict=True),
             *zip(found.final, truth.final, strict=True)]  # fmt: skip
    pairs += [(dfound.dz, dtruth.dz), (dfound.dx, dtruth.dx)]
    for field in ("dstart", "dinitial", "dvectors"):
        pairs += zip(getattr(dfound, field), getattr(dtruth, field), strict=True)
    weights = products.weight_gradients(program, dfound)
    pairs += zip(weights, weight_gradients(program, dtruth), strict=True)
    pairs += [] if dfound.dbias is None else [(dfound.dbias, dtruth.dbias)]
    for a, b in pairs:
        assert a.shape == b.shape
        assert _off(a, b) <= bound
