"""Turing machines as networks: sizes, capacities, steps of the machine a second.

Each machine is run on its example first, on both engines and in integers, and compared with
the machine itself step by step. Rates are medians over rounds that repeat the example in one
batch row from its start. Prints a table, and writes it as CSV with `--csv FILE`.

The busy beaver of five states, 47,176,870 steps:

    python benchmarks/turing.py --beaver 80 --state beaver.safetensors    # again, until it halts
    python benchmarks/turing.py --beaver-exact 60                         # how far in a minute

The first goes on from the file, so that it can be run in pieces; the network is that of
`--cells 12243,45`, float64, on the CPU engine. In the table `cells/s` is with 100 cells on either
side, and 1000 for that machine. A machine that has halted costs as much as one that runs, so the
rates go on after the end; integers stop there and have a rate for the longest only.
"""

import argparse
import csv
import platform
import statistics
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

import throughtime
from throughtime.universal import Machine, capacity, compile_machine, read_machine, shipped

MACHINES = ("binary-counter", "addition", "palindromes", "brackets", "copying", "busy-beaver-2",
            "busy-beaver-3", "busy-beaver-4", "busy-beaver-5")  # fmt: skip
CELLS = (12243, 45)  # what the busy beaver of five states visits


def machines() -> dict[str, Machine]:
    found = {name: read_machine(name) for name in MACHINES}
    known = {name for name in shipped() if isinstance(read_machine(name), Machine)}
    assert known == {*MACHINES}, f"not measured: {known - {*MACHINES}}"
    return found  # type: ignore[return-value]


def check(name: str, machine: Machine, steps: int) -> int:
    """Stop unless the networks do what the machine does; the steps it takes, or `steps`."""
    want = list(machine.history(machine.tape, steps))
    for engine, unbounded in (("cpu", False), ("reference", False), (None, True)):
        network = compile_machine(machine, engine=engine)
        if list(network.history(machine.tape, steps, unbounded=unbounded)) != want:
            sys.exit(f"{name}: the network is not the machine on {engine or 'integers'}")
    return len(want) - 1


def rate(machine: Machine, rounds: int, steps: int, **options) -> float:
    """Steps of the machine a second: the layer runs on, halted or not, at the same cost."""
    unbounded = options.pop("unbounded", False)
    network = compile_machine(machine, **options)
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        if unbounded:
            done = network.run([machine.tape], steps, unbounded=True)[0].steps
        else:
            done = sum(len(s["h"]) for s in network.stream(network.start([machine.tape]), steps))
        times.append((time.perf_counter() - start) / done)
    return 1 / statistics.median(times)


def table(rounds: int, path: str | None) -> None:
    about = {"machine": platform.machine(), "torch": torch.__version__,
             "throughtime": throughtime.__version__, "python": platform.python_version(),
             "threads": torch.get_num_threads()}  # fmt: skip
    print(", ".join(f"{k} {v}" for k, v in about.items()))
    heads = ("units", "per step", "float32", "float64", "steps", "cpu f32/s", "cpu f64/s",
             "reference/s", "exact/s", "cells/s")  # fmt: skip
    print(f"{'machine':16}" + "".join(f"{head:>12}" for head in heads))
    rows = []
    for name, machine in machines().items():
        taken = check(name, machine, 110)  # for so long all fit in a float64
        network = compile_machine(machine)
        endless = name == "busy-beaver-5"  # it outgrows the two stacks
        wide = {"steps": 20_000, "dtype": torch.float64, "engine": "cpu"}
        values = (
            network.neurons, network.per_step, capacity(machine, torch.float32), network.capacity,
            47_176_870 if endless else taken,
            *(float("nan") if endless or not fits(machine, options["dtype"])
              else rate(machine, rounds, **options)
              for options in (wide | {"dtype": torch.float32}, wide,
                              wide | {"engine": "reference", "steps": 500})),
            rate(machine, rounds, 20_000, unbounded=True) if endless else float("nan"),
            rate(machine, rounds, 20_000, cells=1000 if endless else 100),
        )  # fmt: skip
        print(f"{name:16}" + "".join(f"{v:>12,.0f}" for v in values), flush=True)
        rows.append({"name": name, **dict(zip(heads, values, strict=True)), **about})
    if path:
        with open(path, "w", newline="") as f:
            writer = csv.DictWriter(f, rows[0])
            writer.writeheader()
            writer.writerows(rows)


def fits(machine: Machine, dtype: torch.dtype) -> bool:
    try:
        compile_machine(machine, dtype=dtype).run([machine.tape], 110)
    except throughtime.errors.CapacityError:
        return False
    return True


def beaver(seconds: float, path: str) -> None:
    """The busy beaver of five states for some seconds, on from the file and into it."""
    network = compile_machine(read_machine("busy-beaver-5"), cells=CELLS)  # type: ignore[arg-type]
    steps, spent = 0, 0.0
    state = network.start([""])
    if Path(path).exists():
        found = load_file(path)
        steps, spent = int(found.pop("steps")), float(found.pop("seconds"))
        state = ((found,),)
    start = time.perf_counter()
    for states in network.stream(state, 10**9):
        halted = network.halted(states)[:, 0]
        last = {name: s[-1].clone() for name, s in states.items()}
        if halted.any():
            steps += int(halted.int().argmax()) + 1
            break
        steps += len(halted)
        if time.perf_counter() - start > seconds:
            break
    spent += time.perf_counter() - start
    save_file(last | {"steps": torch.tensor(steps), "seconds": torch.tensor(spent)}, path)
    at = network.configuration(last, 0)
    print(f"{network.neurons:,} units: {steps:,} steps in {spent:.1f} s, state {at.state}, "
          f"{at.tape.count('1'):,} ones, {len(at.tape):,} cells")  # fmt: skip


def beaver_exact(seconds: float) -> None:
    """The same in integers without limit, from the start."""
    network = compile_machine(read_machine("busy-beaver-5")).in_integers("")  # type: ignore[arg-type]
    start = time.perf_counter()
    while not network.halted and time.perf_counter() - start < seconds:
        network.advance(10_000)
    spent = time.perf_counter() - start
    print(f"integers: {network.steps:,} steps in {spent:.1f} s, halted {network.halted}")


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--csv")
    options.add_argument("--beaver", type=float, metavar="SECONDS")
    options.add_argument("--state", default="beaver.safetensors")
    options.add_argument("--beaver-exact", type=float, metavar="SECONDS")
    given = options.parse_args()
    torch.set_num_threads(1)
    if given.beaver is not None:
        beaver(given.beaver, given.state)
    elif given.beaver_exact is not None:
        beaver_exact(given.beaver_exact)
    else:
        table(given.rounds, given.csv)


if __name__ == "__main__":
    main()
