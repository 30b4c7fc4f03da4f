"""Peak memory for `throughtime bench`: each contestant in a process of its own."""

import subprocess
from dataclasses import replace

import torch

from throughtime.bench.allocator import command
from throughtime.bench.contestants import PEERS
from throughtime.bench.measure import Measurement
from throughtime.errors import RunError


def with_memory(measurement: Measurement, spec: str, beside: str) -> Measurement:
    """The measurement with the peak memory of each contestant, from processes of their own."""
    task = measurement.task
    options = {"cell": spec, "shape": task.shape, "layers": task.layers, "seed": task.seed,
               "dtype": str(task.dtype).removeprefix("torch."), "beside": beside,
               "threads": torch.get_num_threads(),
               "pass": "training" if task.training else "inference"}  # fmt: skip
    arguments = ["bench", *(f"--{name}={value}" for name, value in options.items())]
    arguments += ["--both"] * task.both + ["--ragged"] * task.ragged
    timings = []
    for timing in measurement.timings:
        peer = timing.name if timing.name in PEERS else "torch"
        done = subprocess.run(
            command([*arguments, f"--peers={peer}", f"--memory-of={timing.name}"]),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            said = done.stderr.strip().rpartition("\n")[2]
            raise RunError(
                f"--memory: {timing.title} at T,B,I,H={task.shape} ended with status "
                f"{done.returncode} ({said}); expected a size. Leave --memory out."
            )
        timings.append(replace(timing, memory=float(done.stdout)))
    return replace(measurement, timings=tuple(timings))
