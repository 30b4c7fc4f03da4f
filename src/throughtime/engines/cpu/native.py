"""The compiled module, if it is there, and what it says of this machine."""

import functools
import importlib
import importlib.util
import warnings
from typing import Any

import torch


@functools.cache
def native() -> Any:
    """The compiled module, or None."""
    try:
        return importlib.import_module("throughtime._native")
    except ImportError:
        return None


@functools.cache
def compiled():  # its type, which a type checker reads from `_native.pyi`, has no name
    """The compiled module, where `native` has found it."""
    from throughtime import _native

    return _native


@functools.cache
def say_once_without_native() -> None:
    """One warning in a process whose installation has no compiled module."""
    if importlib.util.find_spec("throughtime._native") is None:
        warnings.warn(
            "throughtime was installed without its compiled module, as no C++ compiler was found: "
            "everything runs on the reference engine. Install a C++20 compiler, then throughtime "
            "again.",
            stacklevel=3,
        )


def describe() -> dict[str, Any]:
    """What runs on this machine, and why.

    - `engine`, `why`: what a call on the CPU runs on.
    - `instruction set`: the one chosen, of the `instruction sets` that this machine runs the best,
      or what the environment's `THROUGHTIME_INSTRUCTION_SET` names.
    - `threads`: torch's number; `threads of`: the OpenMP runtime they belong to, the one that
      torch has loaded, or throughtime's own.
    - `memory kept`: bytes of large tensors that are free and kept for the next call, see
      `release_memory`.

    Raises ValueError where that variable names a set that this machine does not run.
    """
    module = native()
    if module is None:
        return {"engine": "reference", "why": "the compiled module is missing: throughtime was "
                "installed without a C++ compiler"}  # fmt: skip
    return {
        "engine": "cpu",
        "why": "the compiled module is there; calls that it cannot run go to the reference engine",
        "instruction set": module.chosen_instruction_set(),
        "instruction sets": module.instruction_sets(),
        "threads": torch.get_num_threads(),
        "threads of": module.threads_from() or "throughtime",
        "memory kept": module.memory_kept(),
    }


def release_memory() -> None:
    """Give back the memory of large tensors that is kept for the next call."""
    if native() is not None:
        native().release_memory()
