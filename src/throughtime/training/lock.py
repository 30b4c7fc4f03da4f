"""A run folder that one process writes at a time: a lock that ends with the process."""

import fcntl
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from throughtime.errors import RunError

NAME = ".lock"
_held: ContextVar[frozenset[Path]] = ContextVar("held", default=frozenset())


@contextmanager
def locked(folder: Path | None) -> Iterator[None]:
    """Hold the lock of a run folder that exists; without a folder there is nothing to hold.

    The operating system frees the lock when the process ends, however it ends: the empty file
    that a killed process leaves in the folder locks nothing. Inside of another `locked` of the
    same folder this one does nothing.

    **Raises:** `RunError`, at once, if the folder is locked by another process or thread, or
    cannot be written to.
    """
    key = None if folder is None else folder.resolve()
    if key is None or key in _held.get():
        yield
        return
    path = key / NAME
    number = _take(path)
    token = _held.set(_held.get() | {key})
    try:
        yield
    finally:
        _held.reset(token)
        path.unlink(missing_ok=True)  # before it is freed: nobody else can hold this file yet
        os.close(number)


def _take(path: Path) -> int:
    """Make the file and lock it. **Returns:** its number, for `os.close` to free it."""
    while True:
        try:
            number = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as e:
            raise RunError(
                f"{path}: cannot be written ({e.strerror or e}); expected a folder that may be "
                "written to. Choose another place."
            ) from e
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            os.close(number)
            raise RunError(
                f"{path.parent}: is in use by another process that trains or resumes this run; "
                "expected one at a time, because two would write the same files. Wait until it "
                "ends, or stop it."
            ) from e
        except OSError as e:
            warnings.warn(
                f"{path.parent}: cannot be locked ({e.strerror or e}), because its file system has "
                "no locks. Take care that no second process resumes this run.",
                stacklevel=2,
            )
            return number
        if _is(number, path):
            return number
        os.close(number)  # the one who held it has removed it since it was opened


def _is(number: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(number), os.stat(path))
    except FileNotFoundError:
        return False
