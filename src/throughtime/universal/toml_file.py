"""Machines in TOML files, and those that come with the package."""

import tomllib
from importlib.resources import files
from pathlib import Path

from throughtime.errors import MachineError
from throughtime.universal.machine import Automaton, Machine, from_data

LARGEST = 10_000_000  # bytes


def shipped() -> list[str]:
    """The names of the machines in the package."""
    paths = (files("throughtime.universal") / "machines").iterdir()
    return sorted(f.name.removesuffix(".toml") for f in paths if f.name.endswith(".toml"))


def read_machine(which: str) -> Machine | Automaton:
    """A machine by its name in the package, or from the path of a TOML file.

    ```toml
    states = ["even", "odd", "yes"]
    symbols = ["_", "1"]
    blank = "_"                           # without it: a finite automaton
    start = "even"
    accept = ["yes"]
    transitions = [                       # state, read, write, move (L, R, S), next state
        ["even", "1", "1", "R", "odd"],   # of an automaton: state, read, next state
        ["odd",  "1", "1", "R", "even"],
        ["even", "_", "_", "S", "yes"],
    ]
    ```

    `reject`, `about` and `tape` (an example) may be left out.

    **Raises:** `MachineError`, which begins with the file, for what cannot be read as a machine.
    """
    if which in shipped():
        data = (files("throughtime.universal") / "machines" / f"{which}.toml").read_bytes()
    else:
        data = _bytes(which)
    try:
        return from_data(tomllib.loads(data.decode()))
    except UnicodeDecodeError as e:
        raise MachineError(f"{which}: byte {e.start} is not UTF-8; expected a text file.") from e
    except tomllib.TOMLDecodeError as e:
        raise MachineError(f"{which}: is not TOML: {e}. Mend it there.") from e
    except RecursionError as e:
        raise MachineError(f"{which}: brackets are nested too deeply; expected lists.") from e
    except MachineError as e:
        raise MachineError(f"{which}: {e}") from e


def _bytes(which: str) -> bytes:
    try:
        with Path(which).open("rb") as f:
            data = f.read(LARGEST + 1)
    except (OSError, ValueError) as e:  # ValueError: a null byte in the name
        raise MachineError(
            f"{which}: cannot be read ({getattr(e, 'strerror', None) or e}); expected a TOML file "
            f"or one of {', '.join(shipped())}. Check the name."
        ) from e
    if len(data) > LARGEST:
        raise MachineError(f"{which}: is larger than {LARGEST} bytes; expected a machine in TOML.")
    return data
