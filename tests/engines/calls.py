"""Calls for the engine tests: any program with random parameters, lengths and resets."""

import torch

from throughtime.engines import Call, Packed
from throughtime.engines.derived import plan
from throughtime.engines.parameters import tensors_of
from throughtime.layers.direction import draw
from throughtime.program import Program

# lengths and resets of (T, B), with those that are easily got wrong
LENGTHS = {
    "all": lambda T, B: None,
    "ragged": lambda T, B: torch.tensor([(0, 1, T, T // 2)[b % 4] for b in range(B)]).clamp(max=T),
}
RESETS = {
    "never": lambda T, B: None,
    "some": lambda T, B: torch.rand(T, B) < 0.4,
}
OPTIONS = [(n, r, w) for n in LENGTHS for r in RESETS for w in (False, True)]


def random_call(
    program: Program,
    T: int,
    B: int,
    *,
    lengths: str = "all",
    resets: str = "never",
    reverse: bool = False,
    dtype: torch.dtype = torch.float64,
    seed: int = 0,
) -> Call:
    """A call of which every tensor that can have a gradient asks for one."""
    torch.manual_seed(seed)

    def leaf(*shape: int, scale: float = 1.0) -> torch.Tensor:
        return (torch.randn(shape, dtype=dtype) * scale).requires_grad_()

    schedule, shapes = plan(program), program.parameters
    weights = []
    for product in schedule.products:
        rows = sum(shapes[w].shape[0] for w in product.weights)
        width = shapes[product.weights[0]].shape[1]
        weights.append(leaf(rows, width, scale=0.7 / width**0.5))
    bias = None
    if any(isinstance(b, str) for b in schedule.biases):
        has = [torch.full((program.nodes[a].width,), isinstance(b, str))
               for a, b in zip(program.affines, schedule.biases, strict=True)]  # fmt: skip
        values = torch.randn(program.affine_width, dtype=dtype) * 0.5
        bias = torch.where(torch.cat(has), values, 0.0).requires_grad_()
    like = torch.zeros((), dtype=dtype)
    when = RESETS[resets](T, B)
    return Call(
        leaf(T, B, program.input_size),
        tuple(leaf(B, w) for w in program.states.values()),
        () if when is None else tuple(leaf(B, w) for w in program.states.values()),
        Packed(tuple(weights), bias),
        tuple(leaf(*shapes[name].shape) for name in program.vectors),
        tuple(draw(node, T, B, like) for node in program.randoms),
        LENGTHS[lengths](T, B),
        when,
        reverse,
    )


def leaves(call: Call) -> list[torch.Tensor]:
    """x, start, initial, weights, bias, vectors: what has a gradient, in one list."""
    return [call.x, *call.start, *call.initial, *tensors_of(call.parameters), *call.vectors]


def error(got: torch.Tensor, want: torch.Tensor) -> float:
    """The largest difference relative to the largest value.

    Values below 1e-3 count as 1e-3: a gradient that is 0 in exact arithmetic (layer
    normalisation of one unit) is rounding alone.
    """
    assert got.shape == want.shape, (got.shape, want.shape)
    if not want.numel():
        return 0.0
    got, want = got.detach(), want.detach()
    if not bool(torch.isfinite(got).all()):
        return float("inf")
    return float((got - want).abs().max() / want.abs().max().clamp(min=1e-3))
