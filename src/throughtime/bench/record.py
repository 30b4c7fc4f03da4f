"""Measurements as rows of a CSV file."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from throughtime.bench.measure import Measurement
from throughtime.bench.shapes import CLASSES
from throughtime.bench.task import label
from throughtime.errors import OptionError
from throughtime.whole_file import write_whole

NAMES = {shape: name for name, shape in CLASSES.items()}


def rows(measurement: Measurement, about: Mapping[str, str]) -> list[dict[str, Any]]:
    """One row a contestant: `ratio` is its time over that of throughtime, `of_peak` its share of
    the machine's rate for large products, `page_faults` those of one pass."""
    task, peak = measurement.task, measurement.peak
    what = {
        "cell": label(task.cell), "class": NAMES.get(task.shape, ""), **task.shape._asdict(),
        "layers": task.layers, "directions": 2 if task.both else 1, "ragged": task.ragged,
        "dtype": str(task.dtype).removeprefix("torch."),
        "pass": "training" if task.training else "inference",
    }  # fmt: skip
    return [
        {
            **what,
            "contestant": timing.title,
            "ms": f"{1000 * timing.seconds:.5g}",
            "ratio": f"{timing.seconds / measurement.ours.seconds:.4g}",
            "gflops": f"{timing.rate / 1e9:.4g}",
            "of_peak": f"{timing.rate / peak:.4g}",
            "peak_gflops": f"{peak / 1e9:.4g}",
            "page_faults": f"{timing.faults:.4g}",
            "memory_mib": "" if timing.memory is None else f"{timing.memory:.1f}",
            "rounds": measurement.rounds,
            "compared_steps": measurement.compared,
            **about,
        }
        for timing in measurement.timings
    ]


def write(path: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """The whole file anew: written beside, then renamed. **Raises:** `OptionError`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    try:
        write_whole(Path(path), text.getvalue().encode())
    except OSError as e:
        raise OptionError(
            f"--csv {path}: cannot be written ({e.strerror or e}); expected a folder with room "
            "that may be written to. Give another file."
        ) from e
