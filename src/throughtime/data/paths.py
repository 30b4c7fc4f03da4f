"""The files that a path stands for: one, those in a folder, or those that a pattern matches."""

import glob
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from throughtime.data.naming import quote, quote_all
from throughtime.errors import DataError


def is_pattern(path: str) -> bool:
    """Whether `path` is a pattern such as `data/*.csv`, and not the name of a file."""
    return glob.has_magic(path) and not os.path.exists(path)


def matching(path: str, known: Mapping[str, object]) -> dict[str, Path]:
    """The tables in the folder, or of the pattern, `path`, sorted by name.

    Hidden files are left out, and so are files that are no tables. The names are those below the
    folder that all of them lie in.

    **Arguments:**

    - `known`: the suffixes of tables, each with its format.

    **Raises:** `DataError` if there is no table, or there are tables of several formats.
    """
    pattern = path if is_pattern(path) else os.path.join(glob.escape(path), "*")
    files = [Path(name) for name in glob.glob(pattern, recursive=True) if os.path.isfile(name)]
    tables = sorted(file for file in files if suffix(file) in known)
    if not tables:
        others = sorted({suffix(file) for file in files})
        got = f"no table, only files of the suffixes {quote_all(others)}" if others else "no file"
        formats = [end for end in known if not end.endswith(".gz")]
        fix = (
            "Check the pattern."
            if is_pattern(path)
            else "Put the tables in it, or name those in the folders below it with a pattern "
            f"such as {quote(os.path.join(path, '**', '*.parquet'))}."
        )
        raise DataError(f"path has {got}; expected tables, of {quote_all(formats)}. {fix}")
    _check_one_format(path, tables, known)
    folder = os.path.commonpath([file.parent for file in tables])
    return {os.path.relpath(file, folder): file for file in tables}


def suffix(path: Path) -> str:
    """The suffix of a file, in small letters; of one in gzip with what stands before it."""
    last = path.suffix.lower()
    return path.with_suffix("").suffix.lower() + last if last == ".gz" else last


def _check_one_format(path: str, tables: Iterable[Path], known: Mapping[str, object]) -> None:
    firsts: dict[object, Path] = {}
    for table in tables:
        firsts.setdefault(known[suffix(table)], table)
    if len(firsts) > 1:
        one, other = [*firsts.values()][:2]
        example = os.path.join(os.path.dirname(path) if is_pattern(path) else path, "*")
        raise DataError(
            f"path has {quote(one.name)} and {quote(other.name)}; expected tables of one format "
            "because all are read as one table. Name those to read with a pattern such as "
            f"{quote(example + suffix(one))}."
        )
