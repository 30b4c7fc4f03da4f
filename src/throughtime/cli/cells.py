"""A cell named on the command line: built in, or a class in the user's own file."""

import ast
import importlib.util
import inspect
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from throughtime.cells import BUILT_IN
from throughtime.cli import named_call
from throughtime.errors import OptionError, ThroughtimeError, nearest

_UNITS = ("units", "hidden", "hidden_size", "hidden_dim", "num_units")
TRAINING = {
    **dict.fromkeys(_UNITS, "--hidden {}"),
    **dict.fromkeys(("layers", "num_layers"), "--layers {}"),
    **dict.fromkeys(("bidirectional", "direction"), "--direction both"),
    **{name: f"--{name} {{}}" for name in ("dropout", "zoneout")},
}
"""What other libraries give to the class of a cell, and the option of `train` that says it."""
MEASURING = {
    **dict.fromkeys(_UNITS, "--shape 100,32,32,{}"),
    **dict.fromkeys(("layers", "num_layers"), "--layers {}"),
    **dict.fromkeys(("bidirectional", "direction"), "--both"),
}
"""The same for `bench`."""


class Named(NamedTuple):
    """A cell as the command line names it.

    - `text`: what was written, after `option`.
    - `file`: the user's own, or None for a cell that is built in.
    - `name`, `options`: of the class.
    """

    option: str
    text: str
    file: str | None
    name: str
    options: dict[str, Any]


def read(text: str, option: str = "--cell") -> Named:
    """`lstm`, `GRU(reset="after")`, `my_cells.py:MyCell` or `my_cells.py:MyCell(size=3)`.

    Options are plain values; nothing in `text` is evaluated, and torch is not imported.

    **Raises:** `OptionError` for a text of another form, a cell that is not built in and a file
    that is not there.
    """
    stem, in_file, call = text.partition(".py:")
    if text.endswith(".py") and not in_file:
        _exists(text, option)
        raise OptionError(
            f"{option} {text}: names a file and no class in it; expected FILE.py:CLASS. "
            + _write(text, option)
        )
    name, options = _call(call if in_file else text, text, option)
    if in_file:
        _exists(f"{stem}.py", option)
        return Named(option, text, f"{stem}.py", name, options)
    known = {n.lower(): n for n in BUILT_IN}
    if name.lower() in known:
        return Named(option, text, None, known[name.lower()], options)
    near = nearest(name.lower(), known)
    raise OptionError(
        f"{option} {name!r}; expected one of {', '.join(BUILT_IN)} or a class in a file. "
        + (f"Did you mean {known[near]}?" if near else "Write my_cells.py:MyCell for your own.")
    )


def make(named: Named, elsewhere: Mapping[str, str] = TRAINING) -> Any:
    """The cell. **Raises:** `OptionError` for options that it does not take.

    `elsewhere`: which option of the command says what other libraries give to the class.
    """
    from throughtime import cells

    made = getattr(cells, named.name) if named.file is None else _from_file(named.file, named)
    taken = inspect.signature(made).parameters
    for given in named.options:
        if given in taken or any(p.kind is p.VAR_KEYWORD for p in taken.values()):
            continue
        near = nearest(given, taken)
        if given in elsewhere:
            option = elsewhere[given].format(named.options[given])
            fix = f"Leave it out and add {option}."
        else:
            fix = f"Did you mean {near!r}?" if near else "Leave it out."
        raise OptionError(
            f"{named.option} {named.text}: {named.name} has no option {given!r}; expected "
            + (f"one of {', '.join(taken)}. " if taken else "none, because it takes none. ")
            + fix
        )
    try:
        return made(**named.options)
    except OptionError:
        raise
    except Exception as e:
        raise OptionError(
            f"{named.option} {named.text}: {type(e).__name__}: {e}; expected options that "
            f"{named.name} takes. Give others, or mend it."
        ) from e


def check(made: Any, named: Named, input_size: int, hidden_size: int) -> None:
    """**Raises:** `OptionError` where the user's `step` raises what is no error of ours."""
    try:
        made.program(input_size, hidden_size)
    except ThroughtimeError:
        raise
    except Exception as e:
        path = Path(named.file or f"{named.text}.py")
        raise OptionError(
            f"{named.option} {path}:{_line_in(e, path)}: {type(e).__name__}: {e} Expected "
            "equations that can be traced. Mend the file."
        ) from e


def _call(text: str, whole: str, option: str) -> tuple[str, dict[str, Any]]:
    call = named_call.read(text)
    if call is not None:
        return call
    raise OptionError(
        f"{option} {whole!r} cannot be read; expected a name with options that are plain values, "
        "each by its name, such as lstm, 'GRU(reset=\"after\")' or my_cells.py:MyCell. Quote it "
        "for the shell."
    )


def _exists(path: str, option: str) -> None:
    if not os.path.isfile(path):
        raise OptionError(
            f"{option} {path}: there is no such file; expected Python. Check the path."
        )


def _write(path: str, option: str) -> str:
    """What to write for the classes in a file, which is read and not run."""
    try:
        body = ast.parse(Path(path).read_bytes()).body
    except (SyntaxError, ValueError, OSError, MemoryError, RecursionError):
        body = []
    for node in body:
        methods = [n.name for n in getattr(node, "body", ()) if isinstance(n, ast.FunctionDef)]
        if isinstance(node, ast.ClassDef) and "step" in methods:
            return f"Write {option} {path}:{node.name}."
    return f"Write {option} {path}:MyCell for a `class MyCell(Cell)` in it."


def _from_file(path: str, named: Named) -> Any:
    from throughtime.cells import Cell

    file, name = Path(path), named.name
    own_name = f"{file.stem} of --cell"  # no module that can be imported has such a name
    module_spec = importlib.util.spec_from_file_location(own_name, file)
    assert module_spec is not None and module_spec.loader is not None
    module = importlib.util.module_from_spec(module_spec)
    sys.modules[own_name] = module  # dataclasses look their module up
    try:
        module_spec.loader.exec_module(module)
    except (Exception, SystemExit) as e:
        line = getattr(e, "lineno", None) or _line_in(e, file)
        raise OptionError(
            f"{named.option} {path}:{line}: {type(e).__name__}: {e}; expected Python that runs. "
            "Mend the file."
        ) from e
    cell = getattr(module, name, None)
    if not (isinstance(cell, type) and issubclass(cell, Cell)):
        own = [
            n for n, v in vars(module).items()
            if isinstance(v, type) and issubclass(v, Cell) and v.__module__ == own_name
        ]  # fmt: skip
        raise OptionError(
            f"{named.option} {path}: has no cell {name!r}; expected a class derived from "
            "throughtime.Cell. "
            + (f"It has {', '.join(own)}." if own else "Write `class MyCell(Cell)`.")
        )
    return cell


def _line_in(error: BaseException, file: Path) -> int | str:
    at: int | str = "?"
    step = error.__traceback__
    while step is not None:
        if Path(step.tb_frame.f_code.co_filename).resolve() == file.resolve():
            at = step.tb_lineno
        step = step.tb_next
    return at
