"""What is counted, and what the counts say together."""

import functools
import platform
import subprocess
import sys

import pytest
import torch

from throughtime.bench import Shape, Task, agreement, allocator, memory
from throughtime.bench.measure import Measurement, Timing, measure
from throughtime.bench.modules import Throughtime, TorchNN
from throughtime.bench.record import rows
from throughtime.bench.summary import own_cell, summary


def test_turns_are_timed():
    task = Task("rnn", Shape(20, 4, 3, 8))
    both = [Throughtime(), TorchNN()]
    measurement = measure(task, both, agreement.exact(task, both), 2)
    assert measurement.rounds == 2 and measurement.ours.name == "throughtime"
    assert measurement.best_peer is measurement.timings[1] and measurement.peak > 1e8
    for timing in measurement.timings:
        assert 1e-6 < timing.seconds < 1 and timing.faults >= 0
        assert timing.rate == pytest.approx(2 * 20 * 4 * 8 * 11 / timing.seconds)


def measured(ours, steps=1, peak=1e9, **others):
    """Seconds of throughtime and of the others by name; 1e6 operations each."""
    timings = [Timing(n, n, s, 0, 10**6) for n, s in {"throughtime": ours, **others}.items()]
    return Measurement(Task("lstm", Shape(steps, 1, 1, 1)), tuple(timings), peak, 7, steps)


def test_summary():
    told = summary(
        [
            measured(0.010, 1, torch=0.020, jax=0.011),
            measured(0.010, 2, torch=0.0096),
            measured(0.010, 3, torch=0.009, jax=0.0200),
            measured(0.010, 4, torch=0.001),
            measured(0.010, 5, reference=0.001, beside=0.001),
        ]
    )
    assert told.large is not None and told.tiny is not None
    assert (told.large.count, told.large.level, told.large.under) == (3, 1, 1)
    assert told.large.median == pytest.approx(0.96)
    assert (told.tiny.count, told.tiny.level) == (1, 0)
    assert [m.task.shape.T for m in told.worst] == [3, 2, 1]
    assert summary([]).large is None


def test_a_cell_of_ones_own_beside_another():
    own = own_cell(
        [
            measured(0.010, 1, reference=0.1, beside=0.020),
            measured(0.012, 2, reference=0.6, beside=0.010),
            measured(0.010, 3, reference=0.2, beside=0.010),
        ]
    )
    assert own is not None
    assert (own.median, own.worst, own.at.task.shape.T) == (1.0, 1.2, 2)
    assert own.each_operation == pytest.approx(1.0) and own.reference == pytest.approx(20)
    assert own_cell([measured(0.01, torch=0.01)]) is None


def test_rows():
    ours, theirs = rows(measured(0.010, peak=1e9, torch=0.005), {"machine": "here"})
    assert (ours["ms"], ours["ratio"], ours["of_peak"], ours["machine"]) == (
        "10", "1", "0.1", "here",
    )  # fmt: skip
    assert (theirs["contestant"], theirs["ratio"], theirs["class"]) == ("torch", "0.5", "")


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_peak_memory_of_a_pass():
    """An output of 32 MiB: about that at least (Linux counts resident pages for each processor and
    adds them up late, so that the figure is a few pages off); what was large before and is gone
    does not count."""
    _ = torch.ones(100 << 20, dtype=torch.uint8)
    del _
    assert 31 <= memory.peak(Task("rnn", Shape(1024, 32, 1, 256)), Throughtime()) < 90


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_the_allocator_keeps_memory():
    code = (
        "import ctypes, resource\n"
        "c = ctypes.CDLL(None)\n"
        "c.malloc.restype = ctypes.c_void_p\n"
        "c.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]\n"
        "c.free.argtypes = [ctypes.c_void_p]\n"
        "for _ in range(4):\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "    block = c.malloc(1 << 26)\n"
        "    c.memset(block, 1, 1 << 26)\n"
        "    c.free(block)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)\n"
    )
    run = functools.partial(subprocess.check_output, [sys.executable, "-c", code], text=True)
    assert int(run(env={allocator.VARIABLE: allocator.TUNABLES})) < 100
    assert int(run(env={})) > 1000
    assert "as it is" in allocator.described()


def test_it_computes_in_the_dtype_asked_for():
    task = Task("lstm", Shape(3, 2, 2, 4), training=True, dtype=torch.float64)
    both = [Throughtime(), TorchNN()]
    assert len(measure(task, both, agreement.exact(task, both), 1).timings) == 2
