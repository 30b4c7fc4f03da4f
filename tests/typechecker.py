"""The type checker of the tests: an int is a float, as the language itself has it (PEP 484)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype

_read = beartype(conf=BeartypeConf(is_pep484_tower=True))
_inner: dict[object, Any] = {}


def check(signature: Any) -> Any:
    """A checker of calls against the annotations of an empty function, which jaxtyping makes.

    A function inside another is defined anew at each call of the other. Its annotations are read
    once: to read them each time took a quarter of the time of building a program.
    """
    if "<locals>" not in signature.__qualname__:
        return _read(signature)
    annotations = tuple(signature.__annotations__.items())
    key = (signature.__module__, signature.__qualname__, signature.__code__, annotations)
    if key not in _inner:
        _inner[key] = _read(signature)
    return _inner[key]


@contextmanager
def unchecked() -> Iterator[None]:
    """Nothing is held against annotations; afterwards it is as it was before, be that unchecked."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", before)
