"""What is counted, and what the counts say together."""

import subprocess
import sys

import pytest
import torch

from throughtime.bench import Shape, Task, agreement, allocator
from throughtime.bench.measure import Measurement, Timing, measure
from throughtime.bench.modules import Throughtime, TorchNN
from throughtime.bench.record import rows
from throughtime.bench.summary import own_cell, summary


def test_turns_are_timed():
    task = Task("rnn", Shape(20, 4, 3, 8))
    both = [Throughtime(), TorchNN()]
    found = measure(task, both, agreement.exact(task, both), 2)
    assert found.rounds == 2 and found.ours.name == "throughtime"
    assert found.best_peer is found.timings[1] and found.peak > 1e8
    for timing in found.timings:
        assert 1e-6 < timing.seconds < 1 and timing.faults >= 0
        assert timing.rate == pytest.approx(2 * 20 * 4 * 8 * 11 / timing.seconds)


def measured(ours, steps=1, peak=1e9, **others):
    """Seconds of throughtime and of the others by name; 1e6 operations each."""
    timings = [Timing(n, n, s, 0, 10**6) for n, s in {"throughtime": ours, **others}.items()]
    return Measurement(Task("lstm", Shape(steps, 1, 1, 1)), tuple(timings), peak, 7)


def test_summary():
    found = summary(
        [
            measured(0.010, 1, torch=0.020, jax=0.011),
            measured(0.010, 2, torch=0.0096),
            measured(0.010, 3, torch=0.009, jax=0.0200),
            measured(0.010, 4, torch=0.001),
            measured(0.010, 5, reference=0.001, beside=0.001),
        ]
    )
    assert found.large is not None and found.tiny is not None
    assert (found.large.count, found.large.level, found.large.under) == (3, 1, 1)
    assert found.large.median == pytest.approx(0.96)
    assert (found.tiny.count, found.tiny.level) == (1, 0)
    assert [m.task.shape.T for m in found.worst] == [3, 2, 1]
    assert summary([]).large is None


def test_a_cell_of_ones_own_beside_another():
    found = own_cell(
        [
            measured(0.010, 1, reference=0.1, beside=0.020),
            measured(0.012, 2, reference=0.6, beside=0.010),
            measured(0.010, 3, reference=0.2, beside=0.010),
        ]
    )
    assert found is not None
    assert (found.median, found.worst, found.at.task.shape.T) == (1.0, 1.2, 2)
    assert found.each_operation == pytest.approx(1.0) and found.reference == pytest.approx(20)
    assert own_cell([measured(0.01, torch=0.01)]) is None


def test_rows():
    ours, theirs = rows(measured(0.010, peak=1e9, torch=0.005), {"machine": "here"})
    assert (ours["ms"], ours["ratio"], ours["of_peak"], ours["machine"]) == (
        "10", "1", "0.1", "here",
    )  # fmt: skip
    assert (theirs["contestant"], theirs["ratio"], theirs["class"]) == ("torch", "0.5", "")


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_peak_memory_of_a_pass():
    """An output of 32 MiB: at least that; what was large before and is gone does not count."""
    code = (
        "import torch\n"
        "from throughtime.bench import Shape, Task, memory\n"
        "from throughtime.bench.modules import Throughtime\n"
        "torch.ones(100 << 20, dtype=torch.uint8).sum()\n"
        "print(memory.peak(Task('rnn', Shape(1024, 32, 1, 256)), Throughtime()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 32 <= float(done.stdout) < 90


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs glibc")
def test_the_allocator_keeps_memory():
    if allocator.platform.libc_ver()[0] != "glibc":
        pytest.skip("needs glibc")
    code = (
        "import resource, torch\n"
        "from throughtime.bench import allocator\n"
        "print(allocator.described())\n"
        "for _ in range(4):\n    a = torch.ones(1 << 24)\n    del a\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "a = torch.ones(1 << 24)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)\n"
    )
    environment = {"PATH": "", allocator.VARIABLE: allocator.TUNABLES}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    said, faults = done.stdout.splitlines()
    assert "no page faults" in said and int(faults) < 100
    assert "as it is" in allocator.described()


def test_it_computes_in_the_dtype_asked_for():
    task = Task("lstm", Shape(3, 2, 2, 4), training=True, dtype=torch.float64)
    both = [Throughtime(), TorchNN()]
    assert len(measure(task, both, agreement.exact(task, both), 1).timings) == 2
