"""How fast an engine is: beside torch.nn's own loops, and beside a loop written by hand.

Agreement of outputs and gradients is checked first, in float64; a pair that disagrees is not
timed. The members of a pair take turns, so that a busy machine slows both, and the median of
the rounds counts. Beside each ratio stands the share of the machine's rate for large products,
measured in the same run. Prints a table, and writes it as CSV with `--csv FILE`.
"""

import argparse
import csv
import platform
import statistics
import sys
import time

import torch
from torch import nn

import throughtime
from throughtime.engines import choose, reference

SHAPES = (  # T, B, I, H
    (100, 1, 32, 64),
    (1000, 1, 16, 64),
    (100, 1, 128, 256),
    (1000, 8, 16, 64),
    (100, 32, 32, 64),
    (100, 32, 128, 128),
    (200, 64, 128, 256),
    (100, 32, 256, 512),
    (784, 64, 1, 128),
)
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


class GRULoop(nn.Module):
    """The GRU with its reset gate before the product, as a loop that a person would write."""

    def __init__(self, layer: throughtime.Recurrent) -> None:
        super().__init__()
        self.cell = layer.cells[0][0]

    def forward(self, x):
        c = self.cell
        gates_x = torch.cat([c.update_x, c.reset_x, c.candidate_x])
        bias = torch.cat([c.update_bias, c.reset_bias, c.candidate_bias])
        gates_h = torch.cat([c.update_h, c.reset_h])
        heard = nn.functional.linear(x, gates_x, bias)
        h = c.initial.h0.expand(x.shape[1], -1)
        H, rows = h.shape[1], []
        for t in range(len(x)):
            z = heard[t, :, : 2 * H] + h @ gates_h.t()
            update, reset = torch.sigmoid(z).chunk(2, -1)
            candidate = torch.tanh(heard[t, :, 2 * H :] + (reset * h) @ c.candidate_0.t())
            h = (1 - update) * h + update * candidate
            rows.append(h)
        return torch.stack(rows)


def pairs(inputs: int, H: int, dtype: torch.dtype):
    """name -> (what it is compared with, throughtime); both of the same weights."""
    torch.manual_seed(0)
    for name in GATES:
        theirs = getattr(nn, name)(inputs, H, dtype=dtype)
        ours = getattr(throughtime.nn, name)(inputs, H, dtype=dtype)
        ours.load_state_dict(theirs.state_dict())
        yield f"nn.{name}", f"torch.nn.{name}", theirs, ours
    layer = throughtime.Recurrent(throughtime.GRU, inputs, H, dtype=dtype)
    yield 'Recurrent(GRU("before"))', "loop by hand", GRULoop(layer), layer


def output(model, x):
    y = model(x)
    return y[0] if isinstance(y, tuple) else y


def agree(T: int, B: int, inputs: int, H: int) -> None:
    """Stop unless outputs and gradients at the input agree in float64."""
    for name, _, theirs, ours in pairs(inputs, H, torch.float64):
        found = []
        for model in (theirs, ours):
            x = torch.randn(
                T, B, inputs, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
            )
            y = output(model, x.requires_grad_())
            found.append((y.detach(), *torch.autograd.grad(y.square().sum(), x)))
        for a, b in zip(*found, strict=True):
            error = float((a - b).abs().max() / a.abs().max())
            if not error < 1e-10:
                sys.exit(f"{name} at T={T}, B={B}, I={inputs}, H={H}: differs by {error:.1e}")


def peak_rate() -> float:
    """Multiply-adds a second of a large float32 product, times two."""
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    times = []
    for _ in range(9):
        start = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - start)
    return 2 * 1024**3 / statistics.median(times)


def timed(model, x, backward: bool) -> float:
    start = time.perf_counter()
    with torch.set_grad_enabled(backward):
        y = output(model, x)
        if backward:
            y.sum().backward()
    return 1000 * (time.perf_counter() - start)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--engine", choices=("cpu", "reference"), default="cpu")
    options.add_argument("--threads", type=int, default=torch.get_num_threads())
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--torch-only", action="store_true", help="without the loop by hand")
    options.add_argument("--csv")
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    if given.engine == "reference":
        choose.run = lambda program, call, engine=None: reference.forward(program, call)
    about = {
        "engine": given.engine, "machine": platform.machine(), "threads": given.threads,
        "torch": torch.__version__,
        "throughtime": throughtime.__version__, "python": platform.python_version(),
        "dtype": "float32", "rounds": given.rounds,
    }  # fmt: skip
    print(", ".join(f"{k} {v}" for k, v in about.items()))
    rows = []
    print(
        f"{'layer':26}{'T, B, I, H':20}{'pass':10}{'theirs ms':>10}{'ours ms':>10}"
        f"{'theirs / ours':>15}{'of peak':>9}"
    )
    for T, B, inputs, H in SHAPES:
        agree(T, B, inputs, H)
        x = torch.randn(T, B, inputs)
        for name, beside, theirs, ours in pairs(inputs, H, torch.float32):
            if given.torch_only and not name.startswith("nn."):
                continue
            for backward in (False, True):
                models = (theirs, ours)
                times = [[timed(m, x, backward) for m in models] for _ in range(given.rounds + 2)]
                a, b = (statistics.median(column) for column in zip(*times[2:], strict=True))
                way = "fwd+bwd" if backward else "fwd"
                gates = GATES.get(name.removeprefix("nn."), 3)
                work = 2 * T * B * H * gates * (inputs + H) * (3 if backward else 1)
                share = work / (b / 1000) / peak_rate()
                shape = f"{T}, {B}, {inputs}, {H}"
                print(f"{name:26}{shape:20}{way:10}{a:10.2f}{b:10.2f}{a / b:15.2f}{share:9.0%}",
                      flush=True)  # fmt: skip
                rows.append({"layer": name, "beside": beside, "T": T, "B": B, "I": inputs, "H": H,
                             "pass": way, "theirs_ms": a, "ours_ms": b, "of_peak": share,
                             **about})  # fmt: skip
    if given.csv:
        with open(given.csv, "w", newline="") as f:
            writer = csv.DictWriter(f, rows[0])
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
