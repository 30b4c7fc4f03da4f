"""Peak memory and time of one gradient over the length, Full beside Checkpointed.

LSTM, 64 units, one sequence, one input, a loss at every step. Each measurement is a process of
its own; its memory is the peak resident set above what it had with the input in place. A length
that is not expected to fit is left out. Rows of a CSV; those that are there are not run again.
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

from rows import append, saved

FIELDS = ("mode", "T", "hidden", "batch", "mib", "seconds")


def measure(mode: str, T: int, hidden: int, B: int) -> str:
    import torch

    from throughtime import LSTM, Recurrent
    from throughtime.bptt import backward
    from throughtime.bptt import mode as named

    torch.set_num_threads(1)
    torch.manual_seed(0)
    layer, head = Recurrent(LSTM, 1, hidden), torch.nn.Linear(hidden, 1)

    def read(total, y, start):
        value = (head(y)[..., 0] - x[start : start + len(y), :, 0]).square().sum() / T
        return value if total is None else total + value

    x = torch.randn(100, B, 1)
    backward(named(mode), layer, x, read=read)  # what is loaded once
    x = torch.randn(T, B, 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    backward(named(mode), layer, x, read=read)
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return f"{(after - before) / 1024:.2f} {seconds:.4f}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--csv", default="checkpointed.csv")
    options.add_argument("--lengths", type=int, nargs="*",
                         default=[1_000, 10_000, 100_000, 1_000_000])  # fmt: skip
    options.add_argument("--modes", nargs="*", default=["full", "checkpointed"])
    options.add_argument("--hidden", type=int, default=64)
    options.add_argument("--batch", type=int, default=1)
    options.add_argument("--limit-mib", type=float, default=6000, help="leave out what needs more")
    options.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.one:
        print(measure(given.one[0], int(given.one[1]), given.hidden, given.batch))
        return
    path = Path(given.csv)
    rows = saved(path)
    for T in given.lengths:
        for mode in given.modes:
            if any((r["mode"], int(r["T"])) == (mode, T) for r in rows):
                continue
            per_step = max((float(r["mib"]) / int(r["T"]) for r in rows if r["mode"] == mode
                            and int(r["T"]) >= 10_000), default=0.0)  # fmt: skip
            if mode == "full" and per_step * T > given.limit_mib:
                print(f"{mode}, T {T}: left out, about {per_step * T:,.0f} MiB")
                continue
            command = [sys.executable, __file__, "--one", mode, str(T), "--hidden",
                       str(given.hidden), "--batch", str(given.batch)]  # fmt: skip
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            mib, seconds = out.split()
            row = dict(zip(FIELDS, (mode, T, given.hidden, given.batch, mib, seconds), strict=True))
            append(path, FIELDS, row)
            rows.append(row)
    print("| T | mode | peak memory, MiB | seconds |\n|---|---|---|---|")
    for r in sorted(rows, key=lambda r: (int(r["T"]), r["mode"])):
        print(f"| {int(r['T']):,} | {r['mode']} | {float(r['mib']):,.1f} | {r['seconds']} |")


if __name__ == "__main__":
    main()
