"""Predictions as a file: CSV, Parquet or JSON lines, by its suffix."""

import csv
import sys
from collections.abc import Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughtime.cli import paths
from throughtime.errors import OptionError, RunError, one_line

if TYPE_CHECKING:
    from throughtime.data import Sequences
    from throughtime.data.left_out import LeftOut

SUFFIXES = (".csv", ".parquet", ".jsonl")
SAID = 5  # sequences that are named on stderr

Rows = Sequence[Sequence[Any]]


def check_output(option: str, path: str | None) -> None:
    """**Raises:** `OptionError` where no file can be written to this path, or not of its suffix."""
    paths.output(option, path)
    if path is not None and Path(path).suffix.lower() not in SUFFIXES:
        raise OptionError(
            f"{option} {path}: has the suffix {Path(path).suffix!r}; expected one of "
            f"{', '.join(SUFFIXES)}, because it says in which format the rows are written. Write "
            f"{option} {Path(path).stem or 'predictions'}.csv, say."
        )


def with_left_out(
    header: list[str],
    rows: Rows,
    sequences: "Sequences",
    left_out: "Sequence[LeftOut]",
    *,
    each_step: bool,
) -> tuple[list[str], Rows]:
    """Rows with those of sequences that could not be read, in the order of the table: nothing is
    predicted of these, and the column `error` says why.
    """
    if not left_out:
        return header, rows
    assert sequences.rows is not None  # they are from a table
    if each_step:
        places = sequences.rows.sort().values.tolist()
    else:
        places = [int(of.min()) for of in sequences.rows.split(sequences.lengths.tolist())]
    placed = [(place, [*row, None]) for place, row in zip(places, rows, strict=True)]
    for one in left_out:
        empty = [one.name, *[None] * (len(header) - 1), one.why]
        placed += [(place, empty) for place in (one.places if each_step else one.places[:1])]
    placed.sort(key=lambda pair: pair[0])
    return [*header, "error"], [row for _, row in placed]


def say_left_out(left_out: "Sequence[LeftOut]", count: int) -> None:
    """On stderr, which sequences could not be read and why; `count`: those that could."""
    from throughtime.data.naming import quote

    if not left_out:
        return
    many = len(left_out)
    say = lambda text: print(one_line(text), file=sys.stderr)  # noqa: E731
    say(
        f"throughtime: {many} of {count + many} sequences cannot be read; nothing is predicted of "
        f"{'it' if many == 1 else 'them'}:"
    )
    for one in left_out[:SAID]:
        say(f"  {'rows of no sequence' if one.name is None else quote(one.name)}: {one.why}")
    if many > SAID:
        say(f"  and {many - SAID} more, each named in the column error.")


def write_rows(path: str | None, header: Sequence[str], rows: Rows) -> None:
    """Write rows to a file, whole or not at all, in the format of its suffix; printed without one.

    In CSV numbers have six significant digits; in the other formats they are numbers, as they are.

    **Raises:** `RunError` if it cannot be written, `OptionError` for two columns of one name in a
    format that cannot have them.
    """
    from throughtime.whole_file import write_whole

    if path is None:
        sys.stdout.write(_csv(header, rows))
        return
    suffix = Path(path).suffix.lower()
    content = _csv(header, rows).encode() if suffix == ".csv" else _frame(suffix, header, rows)
    try:
        write_whole(Path(path), content)
    except OSError as e:
        raise RunError(
            f"{path}: cannot be written ({e.strerror or e}); expected a file in a folder that may "
            "be written to. Choose another."
        ) from e


def _csv(header: Sequence[str], rows: Rows) -> str:
    text = StringIO(newline="")
    written = ([f"{v:.6g}" if isinstance(v, float) else v for v in row] for row in rows)
    csv.writer(text, lineterminator="\n").writerows([header, *written])
    return text.getvalue()


def _frame(suffix: str, header: Sequence[str], rows: Rows) -> bytes:
    import polars as pl

    twice = next((name for k, name in enumerate(header) if name in header[:k]), None)
    if twice is not None:
        raise OptionError(
            f"the columns of the predictions have the name {twice!r} twice; expected each once in "
            f"{suffix}, which has no two of one name. Write them as .csv."
        )
    frame = pl.DataFrame(rows, schema=list(header), orient="row", infer_schema_length=None)
    content = BytesIO()
    if suffix == ".parquet":
        frame.write_parquet(content)
    else:
        frame.write_ndjson(content)
    return content.getvalue()
