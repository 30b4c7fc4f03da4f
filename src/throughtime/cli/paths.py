"""The paths on a command line, looked at before torch is imported."""

import glob
import os
import shlex
from importlib.resources import files
from pathlib import Path

from throughtime.cli import made
from throughtime.errors import DataError, MachineError, OptionError, RunError

SEQUENCES = (".npz", ".ts")


def run_folder(path: str | None) -> str | None:
    """A callback of typer's. **Raises:** `RunError` unless there is a run in the folder."""
    if path is not None and not os.path.isfile(os.path.join(path, "config.json")):
        raise RunError(
            f"{path}: is not a run folder; expected a folder with a config.json, as `throughtime "
            "train` writes it. Check the path."
        )
    return path


def new_folder(path: str | None) -> None:
    """**Raises:** `RunError` if there is a run in the folder already."""
    if path is not None and os.path.exists(os.path.join(path, "config.json")):
        raise RunError(
            f"{path}: has a run in it; expected a new folder. Choose another name with --run, or "
            f"go on with that run: `throughtime train --resume {shlex.quote(path)}`."
        )


def table(path: str | None) -> str | None:
    """A callback of typer's. **Raises:** `DataError` unless there is a file or a folder, or a file
    that fits the pattern.
    """
    if path is None or os.path.exists(path):
        return path
    if not glob.has_magic(path):
        raise DataError(
            f"{path}: there is no such file; expected a table. Check the spelling and the folder."
        )
    if not any(glob.iglob(path, recursive=True)):
        raise DataError(
            f"{path}: there is no file of this pattern; expected a table. Check the spelling and "
            "the folder."
        )
    return path


def data(path: str | None) -> str | None:
    """A callback of typer's, of a table or a made data set. **Raises:** `DataError` unless there is
    one of them, `OptionError` for options of a made one that cannot be read.
    """
    if path is None or made.named(path) is not None:
        return path
    if not os.path.exists(path) and not any(glob.iglob(path, recursive=True)):
        made.check_spelling(path)
    return table(path)


def own_sequence(path: str | None) -> str | None:
    """The column that names the sequences, where the format of a table has one; else None."""
    if path is None:
        return None
    if os.path.isdir(path):
        names = os.listdir(path)
    else:
        names = [path] if os.path.exists(path) else glob.glob(path, recursive=True)
    of_sequences = any(name.lower().removesuffix(".gz").endswith(SEQUENCES) for name in names)
    return "sequence" if of_sequences else None


def output(option: str, path: str | None) -> None:
    """**Raises:** `OptionError` where no file can be written to this path."""
    if path is None:
        return
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        because = "it is a folder"
    elif not os.path.isdir(folder):
        because = f"there is no folder {folder}"
    elif not os.access(path if os.path.exists(path) else folder, os.W_OK):
        because = "you have no permission to"
    else:
        return
    raise OptionError(
        f"{path}: cannot be written, because {because}; expected a file in a folder that there is. "
        f"Choose another with {option}."
    )


def machine(name: str) -> str:
    """A callback of typer's. **Raises:** `MachineError` unless there is a file or a machine of the
    package of this name.
    """
    # not files("throughtime.universal"), which imports that package and torch with it
    folder = files("throughtime") / "universal" / "machines"
    known = sorted(Path(file.name).stem for file in folder.iterdir())
    if name in known or os.path.exists(name):
        return name
    raise MachineError(
        f"{name}: there is no such file; expected a TOML file or one of {', '.join(known)}. Check "
        "the name."
    )
