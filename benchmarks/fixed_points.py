"""Fixed points of a trained flip-flop: the search of throughtime beside the method of
FixedPointFinder, and how the search grows with units and starts.

    python benchmarks/fixed_points.py [--scaling] [--csv FILE]

FixedPointFinder (Golub and Sussillo 2018, doi 10.21105/joss.01003) minimises q = |F(s) - s|^2 / 2
over all starts at once with Adam, and takes the Jacobian of each point that it has found by
autograd, once for each unit. Both are written here as they are there: at most 5,000 steps, learning
rate 0.01 that is halved where q stops falling for 100 steps, an end where q is below 1e-12 for all
starts. Both begin from the same starts, states visited on data with noise, in float64, on the same
layer of torch.nn; ends are merged by the same function.
"""

import argparse
import copy
import csv
import math
import statistics
import time

import torch
from torch import nn

import throughtime.nn
from throughtime.bench.conditions import conditions
from throughtime.dynamics import Map, StateMap, fixed_points, visited
from throughtime.dynamics.fixed_points import different

BITS, STEPS, BATCH, UPDATES = 3, 100, 32, 600
ADAM_STEPS, PATIENCE, ENOUGH = 5000, 100, 1e-12
FIELDS = ("method", "units", "starts", "points", "fixed", "largest_q", "seconds", "jacobians_s")


def pulses(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Sparse pulses of three bits, and the last pulse of each at every step, `(T, B, 3)`."""
    drawn = torch.rand(STEPS, BATCH, BITS, generator=generator)
    x = (drawn < 0.05).float() - (drawn > 0.95).float()
    y, last = [], torch.zeros(BATCH, BITS)
    for row in x:
        last = torch.where(row != 0, row, last)
        y.append(last)
    return x, torch.stack(y)


def trained(hidden: int) -> nn.GRU:
    """A GRU that has learned to keep three bits, as torch.nn has it."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    layer, readout = throughtime.nn.GRU(BITS, hidden), nn.Linear(hidden, BITS)
    parameters = [*layer.parameters(), *readout.parameters()]
    optimiser = torch.optim.Adam(parameters, 1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, UPDATES)
    error = torch.tensor(0.0)
    for _ in range(UPDATES):
        x, y = pulses(generator)
        error = (readout(layer(x)[0]) - y).square().mean()
        optimiser.zero_grad()
        error.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()
    print(f"trained: {hidden} units, mean squared error {error.item():.4f}")
    plain = nn.GRU(BITS, hidden)
    plain.load_state_dict(layer.state_dict())
    return plain


def starts_of(system: StateMap, count: int) -> torch.Tensor:
    """States that are visited on data, half of them moved towards another one."""
    generator = torch.Generator().manual_seed(1)
    lengths = torch.full((BATCH,), STEPS)
    batches = [(pulses(generator)[0], lengths) for _ in range(1 + count // (BATCH * STEPS))]
    return visited(system, batches, count, between=0.5)


def by_adam(layer: nn.GRU, starts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, float]:
    """The different ends and q of each, as FixedPointFinder has them, and how many seconds their
    Jacobians took."""
    double = copy.deepcopy(layer).double().requires_grad_(False)
    x = torch.zeros(1, len(starts), BITS, dtype=torch.float64)

    def step(s: torch.Tensor) -> torch.Tensor:
        return double(x[:, : len(s)], s[None])[0][0]

    s = starts.clone().requires_grad_()
    optimiser = torch.optim.Adam([s], 1e-2)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=PATIENCE)
    for _ in range(ADAM_STEPS):
        q = (step(s) - s).square().sum(-1) / 2
        if q.max().item() < ENOUGH:
            break
        optimiser.zero_grad()
        q.mean().backward()
        optimiser.step()
        plateau.step(q.mean().item())
    ends, q = s.detach(), ((step(s) - s).square().sum(-1) / 2).detach()
    order = q.argsort()
    ends, q = ends[order], q[order]
    system = StateMap(layer).under([0.0] * BITS)
    spread = float((starts - starts.mean(0)).norm(dim=-1).square().mean().sqrt())
    first, _ = different(system, ends, 1, 1e-3 * spread)
    begin = time.perf_counter()
    for point in ends[first]:
        by_autograd(layer, point)
    return ends[first], q[first], time.perf_counter() - begin


def by_autograd(layer: nn.GRU, point: torch.Tensor) -> torch.Tensor:
    """The Jacobian at a state `(S,)`, once through autograd for each unit."""
    double = copy.deepcopy(layer).double()
    leaf = point[None].clone().requires_grad_()
    after = double(leaf.new_zeros(1, 1, BITS), leaf[None])[0][0, 0]
    rows = [torch.autograd.grad(unit, leaf, retain_graph=True)[0][0] for unit in after]
    return torch.stack(rows)


def beside(writer, hidden: int = 64, count: int = 512, times: int = 3) -> None:
    """Both methods, in turns."""
    layer = trained(hidden)
    system = StateMap(layer)
    starts = starts_of(system, count)
    seconds: dict[str, list[float]] = {"throughtime": [], "Adam": []}
    jacobians_s: dict[str, list[float]] = {"throughtime": [], "Adam": []}
    for _ in range(times):
        begin = time.perf_counter()
        found = fixed_points(system.under([0.0] * BITS), starts)
        middle = time.perf_counter()
        jacobians = found.jacobians
        end = time.perf_counter()
        seconds["throughtime"].append(end - begin)
        jacobians_s["throughtime"].append((end - middle) / len(found))
        begin = time.perf_counter()
        ends, q, took = by_adam(layer, starts)
        seconds["Adam"].append(time.perf_counter() - begin)
        jacobians_s["Adam"].append(took / len(ends))
    kept = q <= 1e-6
    rows = [
        ("throughtime", len(found), int(found.fixed.sum()), float(found.q.max())),
        (
            "Adam",
            int(kept.sum()),
            int((q <= 1e-20).sum()),
            float(q[kept].max()) if bool(kept.any()) else math.nan,
        ),
    ]
    for method, points, fixed, largest in rows:
        median = statistics.median(seconds[method])
        each = statistics.median(jacobians_s[method])
        row = [method, hidden, count, points, fixed, f"{largest:.1e}", f"{median:.2f}"]
        writer.writerow([*row, f"{each:.2e}"])
        print(f"{method:12} {points:4} points with q <= 1e-6, {fixed} with q <= 1e-20, largest q "
              f"{largest:.1e}: {median:.2f} s, {1e3 * each:.2f} ms a Jacobian")  # fmt: skip
    print(found)
    differences = [(jacobians[k] - by_autograd(layer, s)).abs().max() for k, s in
                   enumerate(found.states)]  # fmt: skip
    print(f"largest difference of a Jacobian from autograd's: {max(differences):.1e}")


def scaling(writer) -> None:
    """How long a search takes: by starts on a trained network, by units on random ones."""
    system = StateMap(trained(64))
    starts = starts_of(system, 10_000)
    for count in (100, 1000, 10_000):
        measure(writer, system.under([0.0] * BITS), starts[:count])
    for units, count in ((256, 100), (1024, 10)):
        torch.manual_seed(0)
        layer = nn.RNN(1, units, bias=False)
        with torch.no_grad():
            layer.weight_hh_l0.copy_(torch.randn(units, units) * 1.2 / units**0.5)
        map = StateMap(layer).under([0.0])
        measure(writer, map, map.orbit(0.1 * torch.randn(count, units).double(), 50)[-1])


def measure(writer, map: Map, starts: torch.Tensor) -> None:
    """One search."""
    begin = time.perf_counter()
    found = fixed_points(map, starts)
    took = time.perf_counter() - begin
    row = [len(found), int(found.fixed.sum()), f"{float(found.q.max()):.1e}", f"{took:.1f}"]
    writer.writerow(["throughtime", map.size, len(starts), *row, ""])
    print(f"{map.size} units: {took:.1f} s, {found}", flush=True)


def main() -> None:
    """See the top of the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--scaling", action="store_true", help="by units and starts instead")
    parser.add_argument("--csv", default="fixed_points.csv", help="the file to write")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(conditions())
    with open(given.csv, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(FIELDS)
        (scaling if given.scaling else beside)(writer)


if __name__ == "__main__":
    main()
