"""A layer beside a plain function of one step, written in the test from the equations."""

import torch

from throughtime import Recurrent

# T, B, inputs, H
SIZES = [(5, 3, 4, 6), (1, 3, 2, 5), (4, 1, 3, 3), (6, 2, 1, 1), (1, 1, 1, 1), (3, 2, 5, 7)]


def layer_of(cell, input_size, hidden_size, seed=0, scale=0.6):
    """A float64 layer whose every parameter is random, initial states and gains included."""
    generator = torch.Generator().manual_seed(seed)
    layer = Recurrent(cell, input_size, hidden_size, dtype=torch.float64)
    with torch.no_grad():
        for p in layer.parameters():
            p.copy_(scale * torch.randn(p.shape, generator=generator, dtype=torch.float64))
    return layer


def parameters_of(layer):
    return {
        name.split(".")[-1]: p.detach() for name, p in layer.directions[0][0].named_parameters()
    }


def same_as(cell, step, sizes=SIZES, shapes=None, **options):
    """Outputs, all states at all steps and the last states, to 1e-12.

    - `step(p, x, *states)`: one step in plain torch, from the parameters by name.
    - `shapes(inputs, H)`: the shape each parameter is to have, initial states aside.
    """
    for seed, (T, B, inputs, H) in enumerate(sizes):
        layer = layer_of(cell, inputs, H, seed, **options)
        p = parameters_of(layer)
        names = list(layer.directions[0][0].program.states)
        start = [p.pop(f"{name}0") for name in names]
        if shapes is not None:
            assert {n: tuple(v.shape) for n, v in p.items()} == shapes(inputs, H)
        x = torch.randn(
            T, B, inputs, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
        )
        y, final, over_time = layer(x, return_states=True)
        states = tuple(s.expand(B, -1) for s in start)
        for t in range(T):
            states = step(p, x[t], *states)
            states = states if isinstance(states, tuple) else (states,)
            close(y[t], states[0])
            for name, state in zip(names, states, strict=True):
                close(over_time[0][0][name][t], state)
        for name, state in zip(names, states, strict=True):
            close(final[0][0][name], state)


def close(got, want):
    torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)
