"""Rows of numbers, added to a CSV file one by one, so that a long benchmark can be broken off."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path


def append(path: Path, fields: Sequence[str], row: Mapping[str, object]) -> None:
    """Add a row, and before the first the names of the fields."""
    with path.open("a", newline="") as f:
        writer = csv.DictWriter(f, fields)
        if f.tell() == 0:
            writer.writeheader()
        writer.writerow(row)


def saved(path: Path) -> list[dict[str, str]]:
    """The rows of a file, none if it is not there."""
    if not path.exists():
        return []
    with path.open(newline="") as f:
        return list(csv.DictReader(f))
