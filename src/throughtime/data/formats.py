"""The formats of a table, told apart by the suffix of the file; several files; frames.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from throughtime.data.csv_file import Csv
from throughtime.data.frame import Tabular
from throughtime.data.from_frame import from_frame
from throughtime.data.json_lines import JsonLines
from throughtime.data.naming import quote, quote_all
from throughtime.data.npz_file import Npz
from throughtime.data.parquet_file import Parquet
from throughtime.data.paths import is_pattern, matching, suffix
from throughtime.data.several import Several
from throughtime.data.ts_file import Ts
from throughtime.errors import DataError

Format = Callable[[Path], Tabular]

TEXTS: dict[str, Format] = {
    ".csv": Csv, ".tsv": Csv, ".txt": Csv, ".jsonl": JsonLines, ".ndjson": JsonLines, ".ts": Ts,
}  # fmt: skip
FORMATS = {**TEXTS, ".parquet": Parquet, ".npz": Npz}
PACKED: dict[str, Format] = {f"{end}.gz": form for end, form in TEXTS.items()}
KNOWN = FORMATS | PACKED


def open_table(given: Any) -> Tabular:
    """The table at a path, or in a frame.

    A path is that of a file, its format told by the suffix; of a folder with files of one format;
    or a pattern of the names of such files.

    **Raises:** `DataError` if there is no such file, or it is not of that format.
    """
    if not isinstance(given, str | os.PathLike):
        return from_frame(given)
    path = os.fspath(given)
    try:
        if os.path.isdir(path) or is_pattern(path):
            files = matching(path, KNOWN)
            return Several({name: partial(_opened, file) for name, file in files.items()})
        return _opened(Path(path))
    except OSError as error:
        raise DataError(
            f"path has an obstacle ({error.strerror}); expected a file that can be read. "
            "Check its name and permissions."
        ) from None


def _opened(path: Path) -> Tabular:
    if not path.exists():
        raise DataError("path has no file; expected a table. Check the spelling and folder.")
    form = KNOWN.get(suffix(path))
    if form is None:
        raise DataError(
            f"path has the suffix {quote(suffix(path))}; expected one of "
            f"{quote_all(FORMATS)}, or a text with '.gz' behind its suffix. Save the table in "
            "one of these formats."
        )
    return form(path)
