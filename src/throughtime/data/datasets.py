"""Data that comes with the package."""

from importlib.resources import as_file, files

from throughtime.data.sequences import Sequences
from throughtime.data.table import read_table


def japanese_vowels() -> tuple[Sequences, Sequences]:
    """`(train, test)`: which of nine men said two Japanese vowels; the official split.

    270 and 370 utterances of 7 to 29 steps, 12 channels (LPC cepstrum coefficients, without
    unit), classes `1` to `9`. The training sequences are sorted by class.

    ??? cite "Reference"
        M. Kudo, J. Toyama, M. Shimbo, Multidimensional curve classification using
        passing-through regions, Pattern Recognition Letters 20 (1999), CC BY 4.0.
    """
    train, test = (_bundled(f"japanese_vowels_{part}.parquet") for part in ("train", "test"))
    return train, test


def _bundled(name: str) -> Sequences:
    with as_file(files("throughtime.data").joinpath("files", name)) as path:
        return read_table(path, sequence="series_id", time="t", label="label")
