"""A file is written whole or not at all, whatever ends the program on the way."""

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the file, wait until it is on the disk, then rename. **Raises:** `OSError`."""
    beside = path.with_name(f".{path.name}.part")
    with open(beside, "wb") as f:
        f.write(content)
        f.flush()
        os.fsync(f.fileno())
    os.replace(beside, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the rename itself
    finally:
        os.close(folder)
