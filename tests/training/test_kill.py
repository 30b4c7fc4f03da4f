"""Killed at any moment and resumed, a run ends with the very weights it would have had."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from throughtime.training import load

pytestmark = pytest.mark.slow

KILLS = 20
NAMES = "checkpoint.safetensors", ".checkpoint.safetensors.part"
OPTIONS = ["--cell", "GRU", "--hidden", "16", "--epochs", "12", "--validation", "0.2",
           "--zoneout", "0.1", "--variational-dropout", "0.1", "--schedule", "onecycle",
           "--quiet", "--checkpoint-seconds", "0"]  # fmt: skip


def start(arguments, cwd: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", "from throughtime.cli import main; raise SystemExit(main())",
         "train", *arguments],
        cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(process: subprocess.Popen) -> str:
    out, err = process.communicate(timeout=600)
    assert (process.returncode, err) == (0, ""), err
    return out


def kill(process: subprocess.Popen, folder: Path, writes: int, seconds: float | None) -> bool:
    """Kill it `seconds` after so many more checkpoints, or, with None, while the next is written.

    **Returns:** whether it was still alive.
    """
    checkpoint, part = (folder / name for name in NAMES)
    last, until = identity(checkpoint), None
    while process.poll() is None:
        if writes and identity(checkpoint) != last:
            writes, last = writes - 1, identity(checkpoint)
        if not writes and seconds is None and part.exists():
            break
        if not writes and seconds is not None:
            until = until or time.monotonic() + seconds
            if time.monotonic() >= until:
                break
        time.sleep(0.0002)
    alive = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return alive


def identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def test_killed_at_random_moments(tmp_path, capsys):
    began = time.monotonic()
    finish(start([*OPTIONS, "--run", "whole"], tmp_path))
    length = time.monotonic() - began
    draw = random.Random(0)
    folder = tmp_path / "run"
    killed = in_write = anew = 0
    for number in range(KILLS):
        is_run = (folder / "config.json").exists()
        anew += number > 0 and not is_run
        arguments = ["--resume", "run", "--quiet", "--checkpoint-seconds", "0"]
        process = start(arguments if is_run else [*OPTIONS, "--run", "run"], tmp_path)
        if number % 5 == 4:  # while it starts, or soon after
            moment = 0, draw.uniform(0, 0.3) * length
        else:
            moment = number and draw.randrange(6), draw.choice([None, draw.uniform(0, 0.1)])
        killed += kill(process, folder, *moment)
        in_write += (folder / NAMES[1]).exists()
    finish(start(["--resume", "run", "--quiet"], tmp_path))
    with capsys.disabled():
        print(
            f"\n{killed} kills, {in_write} with a checkpoint half written, {anew} starts anew; "
            f"an uninterrupted run takes {length:.1f} s"
        )
    whole, again = (load_file(tmp_path / name / "weights.safetensors") for name in ("whole", "run"))
    assert {*whole} == {*again}
    for name, tensor in whole.items():
        assert tensor.numpy().tobytes() == again[name].numpy().tobytes(), name
    histories = [load(tmp_path / name).history for name in ("whole", "run")]
    for rows in zip(*histories, strict=True):
        assert len({str({k: v for k, v in row.items() if k != "seconds"}) for row in rows}) == 1
    results = [load(tmp_path / name).results for name in ("whole", "run")]
    assert results[0] == results[1]
    assert killed == KILLS and in_write >= 3


def test_a_run_killed_before_it_was_one_starts_anew(tmp_path):
    options = [*OPTIONS, "--epochs", "2"]
    finish(start([*options, "--run", "whole"], tmp_path))
    folder = tmp_path / "run"
    process = start([*options, "--run", "run"], tmp_path)
    assert kill(process, folder, 0, None)
    if (folder / "config.json").exists():
        pytest.skip("the machine was too slow to see the first write")
    finish(start([*options, "--run", "run"], tmp_path))
    names = [tmp_path / name / "weights.safetensors" for name in ("whole", "run")]
    assert names[0].read_bytes() == names[1].read_bytes()
