"""One step of a stream, beside the ways torch has to go one step on.

    python benchmarks/streaming.py

Microseconds for one step of one sequence, float32, a numpy array in and out, one thread. The four
take turns; the median of the rounds counts. They are checked to agree first.
"""

import statistics
import time

import numpy as np
import torch

from throughtime import nn
from throughtime.inference import Stream

ROUNDS, STEPS = 30, 300
SHAPES = [(32, 64), (128, 256), (256, 512)]


def torch_layer(layer):
    state = [None]

    def step(x):
        y, state[0] = layer(torch.from_numpy(x)[None], state[0])
        return y[0].numpy()

    return step


def torch_cell(cell, layer):
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
    state = [None]

    def step(x):
        state[0] = cell(torch.from_numpy(x)[None], state[0])
        h = state[0][0] if isinstance(state[0], tuple) else state[0]
        return h[0].numpy()

    return step


@torch.no_grad()
def measure(kind: str, I: int, H: int) -> dict[str, float]:  # noqa: E741
    ours = getattr(nn, kind)(I, H)
    theirs = getattr(torch.nn, kind)(I, H)
    theirs.load_state_dict(ours.state_dict())
    contestants = {
        "Stream": Stream(ours).step,
        f"torch.nn.{kind}Cell": torch_cell(getattr(torch.nn, f"{kind}Cell")(I, H), ours),
        f"torch.nn.{kind}": torch_layer(theirs),
        f"throughtime.nn.{kind}": torch_layer(ours),
    }
    x = torch.randn(ROUNDS * STEPS, I).numpy()
    outputs = [np.stack([step(row).copy() for row in x[:20]]) for step in contestants.values()]
    for out in outputs:
        assert np.abs(out - outputs[1]).max() < 1e-5
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for k in range(ROUNDS):
        for name, step in contestants.items():
            rows = x[k * STEPS : (k + 1) * STEPS]
            begin = time.perf_counter()
            for row in rows:
                step(row)
            times[name].append((time.perf_counter() - begin) / STEPS * 1e6)
    return {name: statistics.median(t) for name, t in times.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for kind in ("LSTM", "GRU", "RNN"):
        for I, H in SHAPES:  # noqa: E741
            found = measure(kind, I, H)
            print(f"{I:3d} -> {H}: " + ", ".join(f"{n} {t:.1f}" for n, t in found.items()))
