"""The formats of a table, told apart by the suffix of the file.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

from pathlib import Path

from throughtime.data.csv_file import Csv
from throughtime.data.json_lines import JsonLines
from throughtime.data.naming import quote, quote_all
from throughtime.data.parquet_file import Parquet
from throughtime.errors import DataError

TEXTS = {".csv": Csv, ".tsv": Csv, ".txt": Csv, ".jsonl": JsonLines, ".ndjson": JsonLines}
FORMATS = {**TEXTS, ".parquet": Parquet}
PACKED = {f"{suffix}.gz": form for suffix, form in TEXTS.items()}


def open_table(path: Path) -> Csv | JsonLines | Parquet:
    """The table in the file at `path`, its format told by the suffix.

    **Raises:** `DataError` if there is no such file, or it is not of that format.
    """
    try:
        if path.is_dir():
            raise DataError("path has a folder; expected a file. Name a file in it.")
        if not path.exists():
            raise DataError("path has no file; expected a table. Check the spelling and folder.")
        suffix = path.suffix
        if suffix.lower() == ".gz":
            suffix = path.with_suffix("").suffix + suffix
        form = (FORMATS | PACKED).get(suffix.lower())
        if form is None:
            raise DataError(
                f"path has the suffix {quote(suffix)}; expected one of "
                f"{quote_all(FORMATS)}, or a text with '.gz' behind its suffix. Save the table in "
                "one of these formats."
            )
        return form(path)
    except OSError as error:
        raise DataError(
            f"path has an obstacle ({error.strerror}); expected a file that can be read. "
            "Check its name and permissions."
        ) from None
