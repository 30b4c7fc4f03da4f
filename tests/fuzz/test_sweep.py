"""Every built-in cell and option in every direction, width, regulariser and depth, with and without
recompute: the CPU engine against the reference engine."""

from itertools import product

import pytest
import torch
from catalogue import CELLS

from throughtime import GRU, LSTM, RNN, IndRNN, LeakyRNN, MinimalGatedUnit, Recurrent
from throughtime.program import ACTIVATIONS

# options that the catalogue leaves out
MORE = {
    **{f"rnn-{name}": RNN(name) for name in ACTIVATIONS if name != "exp"},
    "rnn-hidden-gelu": RNN("gelu", hidden=(9,)),
    "rnn-hidden-twice": RNN("silu", hidden=(2, 11)),
    "lstm-projection-layer-norm": LSTM(projection=5, layer_norm=True),
    "lstm-peephole-projection": LSTM(peephole=True, projection=3),
    "gru-before-no-bias": GRU("before", bias=False),
    "leaky-no-noise": LeakyRNN(0.2, activation="softplus"),
    "indrnn-relu": IndRNN("relu"),
    "mgu": MinimalGatedUnit(),
}
SHAPES = [(3, 2, 1, 1), (4, 3, 7, 9), (3, 2, 10, 5), (3, 9, 70, 66), (6, 1, 130, 17)]  # T, B, I, H
REGULARISERS = {
    "none": {},
    "variational": {"variational_dropout": 0.3},
    "zoneout": {"zoneout": 0.2},
    "weight drop": {"weight_drop": 0.3},
    "all": {"variational_dropout": 0.2, "zoneout": 0.2, "weight_drop": 0.2},
}
DIRECTIONS = ("forward", "backward", "both")
NOT_RECURRENT = ("variational", "weight drop", "all")  # an IndRNN has no recurrent product


def _results(cell, shape, seed, regulariser, engine, **options):
    """Outputs and gradients by name."""
    T, B, I, H = shape  # noqa: E741
    torch.manual_seed(seed)
    layer = Recurrent(cell, I, H, engine=engine, dtype=torch.float64, **regulariser, **options)
    for p in layer.parameters():
        torch.nn.init.normal_(p, std=1 / p.shape[-1] ** 0.5)
    x = torch.randn(B, T, I, dtype=torch.float64).requires_grad_()
    call = {}
    if seed % 2:
        call["lengths"] = torch.randint(0, T + 1, (B,))
    if seed % 3 == 0:
        call["resets"] = torch.rand(T, B) < 0.3
    y, final, states = layer(x.transpose(0, 1), return_states=True, **call)
    found = {"y": y}
    for name, value in (("final", final), ("states", states)):
        found |= {f"{name}[{k}][{d}][{n}]": s for k, both in enumerate(value)
                  for d, direction in enumerate(both) for n, s in direction.items()}  # fmt: skip
    torch.autograd.backward([*found.values()], [torch.randn_like(o) for o in found.values()])
    gradients = {"x": x} | dict(layer.named_parameters())
    return found | {f"gradient of {n}": torch.zeros_like(p) if p.grad is None else p.grad
                    for n, p in gradients.items()}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("name", {**CELLS, **MORE})
def test_cells_and_options(name, recompute, types_unchecked):
    cell = {**MORE, **CELLS}[name]
    wrong = []
    cases = product(SHAPES, REGULARISERS, DIRECTIONS, (1, 2))
    if name.removeprefix("rnn-") in ACTIVATIONS:  # these differ in one operation
        cases = product(SHAPES, ("none", "all"), ("both",), (2,))
    for seed, (shape, regulariser, direction, layers) in enumerate(cases):
        if name.startswith("indrnn") and regulariser in NOT_RECURRENT:
            continue
        options = {"direction": direction, "layers": layers, "recompute": recompute}
        found, right = (
            _results(cell, shape, seed, REGULARISERS[regulariser], engine, **options)
            for engine in ("cpu", "reference")
        )
        largest = max(float(v.abs().max()) for n, v in right.items() if n.startswith("gradient"))
        for what, want in right.items():
            scale = max(1e-3 * largest if what.startswith("gradient") else 0.0, 1e-3)
            off = (found[what] - want).abs().max() / want.abs().max().clamp(min=scale)
            if not off <= 1e-9:
                wrong.append(f"{shape} {regulariser} {direction} {layers} layers: {what} {off:.1e}")
    assert not wrong, f"{len(wrong)} wrong, the first:\n" + "\n".join(wrong[:5])
