"""A cell named on the command line: built in, or a class in the user's own file."""

import ast
import difflib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from throughtime.errors import OptionError, ThroughtimeError

BUILT_IN = ("RNN", "LSTM", "GRU", "LeakyRNN", "MinimalGatedUnit", "IndRNN")


def cell(spec: str) -> Any:
    """`lstm`, `GRU(reset="after")`, `my_cells.py:MyCell` or `my_cells.py:MyCell(size=3)`.

    Options are plain values; nothing in `spec` is evaluated. **Raises:** `OptionError`.
    """
    stem, in_file, call = spec.partition(".py:")
    name, options = _call(call if in_file else spec, spec)
    made = _from_file(f"{stem}.py", name) if in_file else _built_in(name)
    try:
        return made(**options)
    except OptionError:
        raise
    except TypeError as e:
        raise OptionError(
            f"--cell {spec}: {e}; expected options of {name}. Leave out what it does not take."
        ) from e
    except Exception as e:
        raise OptionError(
            f"--cell {spec}: {type(e).__name__}: {e}; expected options that {name} takes. Give "
            "others, or mend it."
        ) from e


def check(made: Any, spec: str, input_size: int, hidden_size: int) -> None:
    """**Raises:** `OptionError` where the user's `step` raises what is no error of ours."""
    try:
        made.program(input_size, hidden_size)
    except ThroughtimeError:
        raise
    except Exception as e:
        path = Path(spec.partition(".py:")[0] + ".py")
        raise OptionError(
            f"--cell {path}:{_line_in(e, path)}: {type(e).__name__}: {e} Expected equations that "
            "can be traced. Mend the file."
        ) from e


def _call(text: str, spec: str) -> tuple[str, dict[str, Any]]:
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if isinstance(node, ast.Name):
            return node.id, {}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args:
            return node.func.id, {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        pass
    raise OptionError(
        f"--cell {spec!r} cannot be read; expected a name with options that are plain values, such "
        "as lstm, 'GRU(reset=\"after\")' or my_cells.py:MyCell. Quote it for the shell."
    )


def _built_in(name: str) -> Any:
    from throughtime import cells

    known = {n.lower(): n for n in BUILT_IN}
    if name.lower() in known:
        return getattr(cells, known[name.lower()])
    near = difflib.get_close_matches(name.lower(), known, n=1)
    raise OptionError(
        f"--cell {name!r}; expected one of {', '.join(BUILT_IN)} or a class in a file. "
        + (f"Did you mean {known[near[0]]}?" if near else "Write my_cells.py:MyCell for your own.")
    )


def _from_file(path: str, name: str) -> Any:
    from throughtime.cells import Cell

    file = Path(path)
    if not os.path.isfile(file):
        raise OptionError(f"--cell {path}: there is no such file; expected Python. Check the path.")
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
            f"--cell {path}:{line}: {type(e).__name__}: {e}; expected Python that runs. Mend the "
            "file."
        ) from e
    found = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, Cell)):
        own = [
            n for n, v in vars(module).items()
            if isinstance(v, type) and issubclass(v, Cell) and v.__module__ == own_name
        ]  # fmt: skip
        raise OptionError(
            f"--cell {path}: has no cell {name!r}; expected a class derived from throughtime.Cell. "
            + (f"It has {', '.join(own)}." if own else "Write `class MyCell(Cell)`.")
        )
    return found


def _line_in(error: BaseException, file: Path) -> int | str:
    at: int | str = "?"
    step = error.__traceback__
    while step is not None:
        if Path(step.tb_frame.f_code.co_filename).resolve() == file.resolve():
            at = step.tb_lineno
        step = step.tb_next
    return at
