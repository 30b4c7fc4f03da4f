"""How long each contestant takes: they take turns, so that a busy machine slows all."""

import gc
import math
import random
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from throughtime.bench import agreement
from throughtime.bench.contestant import Contestant, Prepared
from throughtime.bench.task import Task, draw, operations

TURN = 0.005  # seconds that a turn lasts at least
REST = 0.06  # seconds before it: waiting threads spin after a pass, ONNX Runtime's for 40 to 55 ms
SHORT = 0.05  # below, a turn begins with as many runs that are not timed
LONG = 2.0  # seconds; where a round takes longer there are three


@dataclass(frozen=True)
class Timing:
    """One contestant: seconds (median over rounds), page faults and operations of a pass."""

    name: str
    title: str
    seconds: float
    faults: float
    operations: int
    memory: float | None = None  # MiB

    @property
    def rate(self) -> float:
        """Operations a second."""
        return self.operations / self.seconds


@dataclass(frozen=True)
class Measurement:
    """A task and its contestants, throughtime first; `peak` is the machine's rate for large
    products in the task's dtype, in operations a second, measured before and after; `compared`:
    steps over which the contestants were compared."""

    task: Task
    timings: tuple[Timing, ...]
    peak: float
    rounds: int
    compared: int

    @property
    def ours(self) -> Timing:
        return self.timings[0]

    @property
    def best_peer(self) -> Timing | None:
        """The fastest of the other libraries, if there are any."""
        peers = [t for t in self.timings[1:] if t.name not in ("reference", "beside")]
        return min(peers, key=lambda t: t.seconds, default=None)

    def find(self, name: str) -> Timing | None:
        """The contestant of that name, if it took part."""
        return next((t for t in self.timings if t.name == name), None)


def measure(
    task: Task, contestants: Sequence[Contestant], expected: agreement.Expected, rounds: int = 7
) -> Measurement:
    """Time a task.

    **Arguments:**

    - `expected`: what `agreement.exact` gave, for training if this is.
    - `rounds`: turns of each contestant, in a new order every round; at most 3 where one round
      takes longer than `LONG`.

    **Raises:** `AgreementError` if what is about to be timed gives other results.
    """
    material = draw(task)
    prepared = [c.prepare(task, material) for c in contestants]
    for contestant, each in zip(contestants, prepared, strict=True):
        agreement.check(task, contestant, each, expected)
    estimates = [_seconds(each.run) for each in prepared]
    rounds = min(rounds, 3) if sum(estimates) > LONG else rounds
    times: list[list[float]] = [[] for _ in prepared]
    faults: list[list[float]] = [[] for _ in prepared]
    order, shuffle = list(range(len(prepared))), random.Random(task.seed)
    rates = _product_rates(task.dtype)
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            shuffle.shuffle(order)
            for k in order:
                seconds, faulted = _turn(prepared[k], estimates[k])
                times[k].append(seconds)
                faults[k].append(faulted)
    finally:
        gc.enable()
    rates += _product_rates(task.dtype)
    timings = tuple(
        Timing(
            contestant.name,
            contestant.title,
            statistics.median(times[k]),
            statistics.median(faults[k]),
            operations(task, material, None if contestant.agrees else task.beside),
        )
        for k, contestant in enumerate(contestants)
    )
    return Measurement(task, timings, statistics.median(rates), rounds, expected.shape.T)


def _turn(prepared: Prepared, estimate: float) -> tuple[float, float]:
    """Seconds and page faults of a pass. Threads of the contestant before that still spin would
    take its cores; a short pass is repeated, and begins with caches and threads as in a loop."""
    repeats = max(1, math.ceil(TURN / estimate))
    time.sleep(REST)
    for _ in range(repeats if estimate < SHORT else 0):
        prepared.run()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    start = time.perf_counter()
    for _ in range(repeats):
        prepared.run()
    seconds = time.perf_counter() - start
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    return seconds / repeats, faults / repeats


def _seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return max(1e-6, time.perf_counter() - start)


def _product_rates(dtype: torch.dtype, size: int = 1024, count: int = 3) -> list[float]:
    """Operations a second of a large matrix product, each time anew."""
    time.sleep(REST)
    a, b = torch.ones(size, size, dtype=dtype), torch.ones(size, size, dtype=dtype)
    out = torch.zeros_like(a)
    torch.mm(a, b, out=out)
    return [2 * size**3 / _seconds(lambda: torch.mm(a, b, out=out)) for _ in range(count)]
