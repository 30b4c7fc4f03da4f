"""A class at every step of real sequences: when people sleep, from the movement of a wrist.

Four recordings of a week each that pyActigraphy has among its samples (four wrists, counts of
movement every 30 or 60 seconds; the device's software and its users marked the intervals in which
the person was active, at rest or asleep). One sequence from noon to noon, one step a minute. The
network is trained on three recordings with the settings of `throughtime train` and tested on the
fourth, beside the baselines of the task.

    pip install --no-deps pyactigraphy
    python benchmarks/tagging.py --folder rest

writes `train.csv`, `test.csv` and a run folder for each seed, and prints accuracy and macro F1.
Arguments that it does not know are handed to `throughtime train`, such as `--batch-size 4`.
"""

import argparse
import csv
import json
from datetime import datetime, timedelta
from importlib.metadata import files
from pathlib import Path

from throughtime.cli import main

TEST = "eng"
RECORDINGS = (TEST, "fr", "ger_no_light", "ger_with_light")
DATES = ("%d/%m/%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S")
# What the intervals are called in English, French and German; time off the wrist is not marked.
STATUS = {
    "ACTIVE": "active", "ACTIVITÉ": "active", "AKTIV": "active",
    "REST": "rest", "REPOS": "rest", "RUHE": "rest",
    "REST-S": "sleep", "S-REPOS": "sleep", "RUHE-S": "sleep",
    "EXCLUDED": "", "AUSGESCHLOSSEN": "",
}  # fmt: skip
COUNTS, STATES = ("Activity", "Activité", "Aktivität"), ("Interval Status", "Intervallstatus",
                                                         "Statut de l’intervalle")  # fmt: skip


def recording(name):
    """Each minute of a recording: when, the counts of movement in it, and the status."""
    ending = f"test_sample_rpx_{name}.csv"
    path = next(p for p in files("pyActigraphy") or () if p.name == ending).locate()
    lines = Path(str(path)).read_text("utf-8-sig").splitlines()
    place = max(
        k for k, line in enumerate(lines) if line.startswith(('"Line"', '"Ligne"', '"Zeile"'))
    )
    header = next(csv.reader([lines[place]]))
    date = next(k for k, column in enumerate(header) if column in ("Date", "Datum"))
    count = next(k for k, column in enumerate(header) if column in COUNTS)
    state = next(k for k, column in enumerate(header) if column in STATES)
    minutes = {}
    for row in csv.reader(lines[place + 1 :]):
        if len(row) <= state or not row[count].isdigit():
            continue  # off the wrist
        at = moment(f"{row[date]} {row[date + 1]}").replace(second=0)
        total, status = minutes.get(at, (0, STATUS[row[state]]))
        minutes[at] = total + int(row[count]), status
    return minutes


def moment(text):
    for form in DATES:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            pass
    raise ValueError(text)


def write(path, names):
    """The table of some recordings."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["day", "time", "movement", "status"])
        for name in names:
            for at, (count, status) in recording(name).items():
                noon = (at - timedelta(hours=12)).date()
                writer.writerow([f"{name} {noon}", at.isoformat(), round(count**0.5, 3), status])


def run(folder, seed, more):
    """Train, and the scores of the network and of the baselines."""
    place = folder / f"seed-{seed}"
    if not (place / "results.json").exists():
        columns = ["--sequence", "day", "--time", "time", "--tag", "status"]
        tables = [str(folder / "train.csv"), "--test", str(folder / "test.csv")]
        status = main(["train", *tables, *columns, "--seed", str(seed), "--run", str(place), *more])
        if status:
            raise SystemExit(status)
    return json.loads((place / "results.json").read_text())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path("rest"))
    parser.add_argument("--seeds", type=int, default=3)
    given, more = parser.parse_known_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    write(given.folder / "train.csv", [name for name in RECORDINGS if name != TEST])
    write(given.folder / "test.csv", [TEST])
    for seed in range(given.seeds):
        results = run(given.folder, seed, more)
        for name in ("constant", "linear", "test") if seed == 0 else ("test",):
            own = results[name]["targets"]["status"]
            print(f"seed {seed}, {name}: accuracy {own['accuracy']:.4f}, F1 {own['macro_F1']:.4f}")
