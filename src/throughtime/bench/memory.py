"""Peak memory of one contestant; to be measured in a process of its own."""

import gc
import resource
import sys
from dataclasses import replace
from pathlib import Path

from throughtime.bench.contestant import Contestant
from throughtime.bench.task import Task, draw

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak(task: Task, contestant: Contestant) -> float:
    """MiB that the first pass needs beyond the library, the weights, the input and what one step
    of it left behind.

    Where the kernel lets a process begin its peak anew (Linux) it is right to within some pages
    that the kernel has counted but not yet added up; elsewhere it is the largest size so far less
    that before the pass, at least 0.
    """
    single = replace(task, shape=task.shape._replace(T=1))
    warm = contestant.prepare(single, draw(single))
    warm.run()
    prepared = contestant.prepare(task, draw(task))
    gc.collect()
    before = _begin()
    result = prepared.run()
    after = _largest()
    del result
    return max(0.0, after - before)


def _begin() -> float:
    """The size that a peak is counted from, in MiB."""
    try:
        CLEAR.write_text("5")
    except OSError:
        return _largest()
    return _status("VmHWM")


def _largest() -> float:
    """The largest size of this process so far, or since `_begin`, in MiB."""
    try:
        return _status("VmHWM")
    except OSError:
        unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _status(field: str) -> float:
    line = next(row for row in STATUS.read_text().splitlines() if row.startswith(field))
    return int(line.split()[1]) / 1024
