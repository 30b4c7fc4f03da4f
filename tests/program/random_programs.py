"""Random programs for hypothesis: what `step` of a cell could be, finite for finite input."""

import torch
import torch.nn.functional as F
from hypothesis import strategies as st

from throughtime.program import affine, mask, noise, parameter, trace

UNARY = [
    torch.tanh,
    torch.sigmoid,
    torch.relu,
    torch.sin,
    torch.cos,
    torch.abs,
    torch.neg,
    torch.erf,
    torch.square,
    F.leaky_relu,
    F.elu,
    F.selu,
    F.gelu,
    F.silu,
    F.softplus,
    F.softsign,
    F.hardsigmoid,
    F.hardtanh,
    lambda a: F.gelu(a, approximate="tanh"),
    lambda a: torch.exp(torch.tanh(a)),
    lambda a: torch.log(F.softplus(a) + 0.1),
    lambda a: torch.sqrt(torch.abs(a) + 0.1),
    lambda a: torch.clamp(a, -0.5, 0.7),
    lambda a: (torch.abs(a) + 0.5) ** 1.5,
    lambda a: 2 ** torch.tanh(a),
    lambda a: 1 - a,
    lambda a: 0.5 * a,
]
BINARY = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / (1.5 + torch.tanh(b)),
    lambda a, b: (torch.abs(a) + 0.5) ** torch.tanh(b),
    torch.maximum,
    torch.minimum,
    lambda a, b: torch.where((a < b) | (a >= 0.5), a, b * 2),
    lambda a, b: (a > b) * a,
]


def random_program(data):
    """A program of 1 to 3 states of their own widths, affine maps, vectors, noise and masks.

    `data` is hypothesis' own, drawn from in the test: tracing is not for inside a strategy,
    where type checking may not draw random numbers.
    """
    draw = data.draw
    size = st.integers(1, 4)
    states = {name: draw(size) for name in ("h", "C", "n")[: draw(st.integers(1, 3))]}
    kinds = ["unary", "binary", "binary", "affine", "affine", "reduce", "parameter", "random"]
    plan = draw(st.lists(st.sampled_from(kinds), min_size=2, max_size=14))

    def step(*pool):
        pool = list(pool)

        def one():
            # mostly what is new, so that graphs are deep as well as wide
            near = st.integers(max(0, len(pool) - 4), len(pool) - 1)
            return pool[draw(near | st.integers(0, len(pool) - 1))]

        def map_to(width):
            operands = [one() for _ in range(draw(st.integers(1, 3)))]
            bias = draw(st.booleans())
            return affine(f"map{len(pool)}", *operands, size=width, bias=bias)

        for kind in plan:
            if kind == "unary":
                pool.append(draw(st.sampled_from(UNARY))(one()))
            elif kind == "binary":
                a = one()
                fitting = [b for b in pool if 1 in (a.width, b.width) or a.width == b.width]
                pool.append(draw(st.sampled_from(BINARY))(a, draw(st.sampled_from(fitting))))
            elif kind == "affine":
                pool.append(torch.tanh(map_to(draw(size))))
            elif kind == "reduce":
                reduce = draw(st.sampled_from([torch.mean, torch.sum, torch.var]))
                options = {"correction": 0} if reduce is torch.var else {}
                pool.append(reduce(one(), dim=-1, keepdim=True, **options))
            elif kind == "parameter":
                pool.append(parameter(f"vector{len(pool)}", draw(size)))
            else:
                width = draw(size)
                pool.append(
                    draw(
                        st.sampled_from(
                            [noise, lambda n: mask(0.5, n), lambda n: mask(0.5, n, fixed=True)]
                        )
                    )(width)
                )
        new = []
        for width in states.values():
            last = [s for s in pool if s.width in (1, width)][-3:]
            value = draw(st.sampled_from(last)) if last and draw(st.booleans()) else map_to(width)
            pool.append(value)
            new.append(value)
        return tuple(new)

    return trace(step, states, cell="Random", input_size=draw(size), hidden_size=draw(size))
