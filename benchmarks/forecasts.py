"""Forecasts by default settings beside all baselines, on the real sets of `forecast_sets.py`.

    python benchmarks/forecasts.py [--sets a,b] [--seeds 1] [folder]

Each set is trained by `throughtime train` as a person would call it, so that what is measured is
what the command line does. Settings were chosen on validation windows, see
`docs/guide/forecasting.md`. The monthly sunspots are forecast one step ahead on their last fifth,
and twelve.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

from forecast_sets import SETS, table

from throughtime.cli import main

FOLDER = Path(__file__).parent / "results" / "forecasts"
SUNSPOTS = ("sunspots 1", "sunspots 12")
COLUMNS = ("MASE", "wQL", "RMSE")


def command(name: str, data: Path, sunspots: Path | None) -> list[str]:
    """The command line of a set."""
    if name in SUNSPOTS:
        ahead = ["1", "--test-share", "0.2"] if name == SUNSPOTS[0] else ["12", "--windows", "5"]
        return [str(sunspots), "--time", "month", "--forecast", "sunspots", "--horizon", *ahead]
    of = SETS[name]
    series = [] if of.series is None else ["--sequence", of.series]
    known = [] if not of.known else ["--known", ",".join(of.known)]
    return [
        str(table(name, data)), *series, "--time", "time", "--forecast", of.target, *known,
        "--horizon", str(of.horizon), "--windows", str(of.windows), "--all-baselines",
    ]  # fmt: skip


def results(name: str, seed: int, folder: Path, sunspots: Path | None) -> dict:
    """What a run came to, trained unless it has been."""
    run = folder / "runs" / f"{name.replace(' ', '-')}-{seed}"
    kept = run / "results.json"
    if not kept.exists():
        started = time.monotonic()
        given = ["train", *command(name, folder / "sets", sunspots)]
        if main([*given, "--seed", str(seed), "--run", str(run), "--quiet"]):
            raise SystemExit(f"{name}: the run failed")
        (run / "seconds").write_text(f"{time.monotonic() - started:.1f}")
    content = json.loads(kept.read_text())
    return content.get("results", content) | {"seconds": float((run / "seconds").read_text())}


def main_() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--sets", default=",".join([*SETS, *SUNSPOTS]))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--sunspots", type=Path, help="the table with the columns month, sunspots")
    given = parser.parse_args()
    for name in given.sets.split(","):
        if name in SUNSPOTS and given.sunspots is None:
            print(f"{name}: left out without --sunspots", file=sys.stderr)
            continue
        of = [results(name, seed, given.folder, given.sunspots) for seed in range(given.seeds)]
        first = of[0]
        scored = [k for k, v in first.items() if isinstance(v, dict) and "MASE" in v]
        covered = statistics.median(r["test"]["coverage"][0] for r in of)
        print(f"\n{name}: {first['seconds']:.0f} s, {covered:.1%} within 0.1 to 0.9", flush=True)
        titles = sorted(scored, key="test".__eq__)
        for title in titles:
            values = (statistics.median(r[title][c] for r in of) for c in COLUMNS)
            print(f"  {title:<12}", *(f"{v:10.4g}" for v in values))


if __name__ == "__main__":
    main_()
