"""Sequences in arrays of numpy, saved as .npz, as a long table.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np
import polars as pl
from numpy.lib.npyio import NpzFile

from throughtime.data.columns import check_header
from throughtime.data.frame import InMemory
from throughtime.data.naming import quote, quote_all
from throughtime.errors import DataError

KEYS = ("X", "y", "lengths", "offsets", "channels")
# What numpy and zipfile raise for a file that is damaged, or made to do damage.
BROKEN = (
    EOFError, KeyError, MemoryError, OverflowError, RuntimeError, SyntaxError, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip
AGAIN = "Copy or save it again."
SAVE = "Save it with numpy.savez(path, X=X, y=y)."


class Npz(InMemory):
    """`S` sequences as a table with the columns `sequence`, `c0`, `c1`, ... and `y`.

    The file has `X` and, if need be, others of these arrays, and no more:

    - `X`, or `x`: numbers, shape `(S, T, C)`, or `(S, T)` for one channel; or, with `offsets`, all
      steps end to end, `(N, C)` or `(N,)`.
    - `y`: numbers or texts, `(S,)`, one for each sequence; or `(S, K)`, then the columns are `y0`,
      `y1`, ...; or one for each step, `(S, T)` or `(S, T, K)`, with `offsets` `(N,)` or `(N, K)`.
    - `lengths`: whole numbers `(S,)`: what is beyond them in `X` and `y` is padding.
    - `offsets`: whole numbers `(S+1,)`: sequence `i` is `X[offsets[i]:offsets[i+1]]`.
    - `channels`: `C` texts, in place of `c0`, `c1`, ...

    Nothing is ever unpickled, so that a file from elsewhere cannot run anything.
    """

    def __init__(self, path: Path) -> None:
        arrays = _load(path)
        x, y = arrays["X"], arrays.get("y")
        if "offsets" in arrays:
            x, lengths = _end_to_end(x, arrays["offsets"])
            targets = {} if y is None else _targets(y, lengths, (len(x),))
        else:
            x, lengths = _padded(x, arrays.get("lengths"))
            real = np.arange(x.shape[1]) < lengths[:, None]  # (S, T)
            x = x[real]
            targets = {} if y is None else _targets(y, lengths, real.shape, real)
        channels = _channels(arrays.get("channels"), x.shape[1])
        check_header(["sequence", *channels, *targets])
        owner = np.repeat(np.arange(len(lengths)), lengths)
        columns = {"sequence": owner, **dict(zip(channels, x.T, strict=True)), **targets}
        step = np.arange(len(owner)) - (lengths.cumsum() - lengths)[owner]
        super().__init__(
            pl.DataFrame(columns),
            lambda place: f"{step[place]} of sequence {owner[place]}",
            sequence="sequence",
        )


def _load(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file, all of `KEYS`. **Raises:** `DataError`."""
    if not zipfile.is_zipfile(path):
        raise DataError(
            "file has other contents than arrays of numpy, or is cut off; expected a whole file of "
            f"numpy.savez. {SAVE}"
        )
    # Opened here and not by numpy, which would leave a broken file open.
    with path.open("rb") as given, _opened(given) as file:
        names = {"X" if key == "x" and "X" not in file.files else key: key for key in file.files}
        _check_keys(list(names))
        return {key: _plain(key, _array(file, name)) for key, name in names.items()}


def _opened(given: BinaryIO) -> NpzFile:
    try:
        return np.load(given, allow_pickle=False)
    except (ValueError, *BROKEN) as error:
        raise DataError(
            f"file is broken ({quote(error)}); expected a whole file. {AGAIN}"
        ) from None


def _array(file: NpzFile, key: str) -> np.ndarray:
    try:
        return file[key]
    except (ValueError, *BROKEN) as error:
        if "allow_pickle" in str(error):
            raise DataError(
                f"array {key} has Python objects; expected numbers or texts, because objects are "
                "never loaded. Pad X and give lengths, or lay all steps end to end and give "
                "offsets, then save it again."
            ) from None
        raise DataError(
            f"array {key} is broken ({quote(error)}); expected a whole file. {AGAIN}"
        ) from None


def _check_keys(keys: list[str]) -> None:
    if "X" not in keys:
        got = f"the arrays {quote_all(keys)}" if keys else "no array"
        raise DataError(f"file has {got}; expected X. {SAVE}")
    if others := [key for key in keys if key not in KEYS]:
        raise DataError(
            f"file has the array {quote(others[0])}; expected no others than {', '.join(KEYS)}, so "
            "that nothing is left out unnoticed. Rename it, or save the file without it."
        )
    if "lengths" in keys and "offsets" in keys:
        raise DataError(
            "file has lengths and offsets; expected one of the two, because X is either padded or "
            "end to end. Save the file without the other."
        )


def _plain(key: str, array: np.ndarray) -> np.ndarray:
    """`array` in a type that polars reads."""
    kinds = {"X": "biuf", "y": "biufU", "channels": "U"}.get(key, "iu")
    if array.dtype.kind not in kinds:
        want = {"biuf": "numbers", "biufU": "numbers or texts", "U": "texts"}
        raise DataError(
            f"array {key} has the type {array.dtype}; expected "
            f"{want.get(kinds, 'whole numbers')}. Convert it with astype and save the file again."
        )
    if array.dtype.kind == "f":
        return array.astype(np.float32 if array.itemsize <= 4 else np.float64)
    if array.dtype.kind == "b" and key == "X":
        return array.astype(np.uint8)
    return array.astype(array.dtype.newbyteorder("="))


def _end_to_end(x: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`X` as `(N, C)`, and the lengths of the sequences."""
    if x.ndim not in (1, 2) or 0 in x.shape:
        _refuse_shape("X", x, "(N, C) or (N,), none of them 0, because there are offsets")
    given = offsets.astype(np.int64)
    fits = given.ndim == 1 and len(given) > 1 and given[0] == 0 and given[-1] == len(x)
    if not fits or (np.diff(given) < 1).any():
        raise DataError(
            f"array offsets has other numbers; expected 0, then where each next sequence starts, "
            f"and {len(x)} at the end, the steps of X, with at least 1 step for each. Correct it."
        )
    return x.reshape(len(x), -1), np.diff(given)


def _padded(x: np.ndarray, lengths: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """`X` as `(S, T, C)`, and the lengths of the sequences."""
    if x.ndim not in (2, 3) or 0 in x.shape:
        _refuse_shape("X", x, "(S, T, C) or (S, T), none of them 0")
    x = x if x.ndim == 3 else x[:, :, None]
    count, most = x.shape[:2]
    if lengths is None:
        return x, np.full(count, most)
    if lengths.shape != (count,):
        _refuse_shape("lengths", lengths, f"({count},), one for each sequence of X")
    bad = (lengths < 1) | (lengths > most)
    if bad.any():
        place = int(bad.argmax())
        raise DataError(
            f"array lengths has {lengths[place]} for sequence {place}; expected 1 to {most}, the "
            "steps that X has. Correct it, or leave the sequence out."
        )
    return x, lengths.astype(np.int64)


def _targets(
    y: np.ndarray, lengths: np.ndarray, steps: tuple[int, ...], real: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """`y` at every step; `steps` is what shape of it has one for each step, `real` where they
    are no padding."""
    if y.shape[: len(steps)] == steps:
        values = y if real is None else y[real]
    elif y.shape[:1] == (len(lengths),):
        values = np.repeat(y, lengths, axis=0)
    else:
        values = None
    if values is None or values.ndim > 2 or 0 in y.shape:
        each = ", ".join(str(n) for n in steps)
        _refuse_shape(
            "y", y, f"({len(lengths)},) or ({len(lengths)}, K), for each sequence, or ({each},) or "
            f"({each}, K), for each step",
        )  # fmt: skip
    if values.ndim == 1:
        return {"y": values}
    return {f"y{k}": values[:, k] for k in range(values.shape[1])}


def _channels(names: np.ndarray | None, count: int) -> list[str]:
    if names is None:
        return [f"c{k}" for k in range(count)]
    if names.shape != (count,):
        _refuse_shape("channels", names, f"({count},), one for each channel of X")
    return [str(name) for name in names]


def _refuse_shape(key: str, array: np.ndarray, wanted: str) -> NoReturn:
    raise DataError(
        f"array {key} has shape {array.shape}; expected {wanted}. Reshape it and save the file "
        "again."
    )
