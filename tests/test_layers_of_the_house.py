"""Each layer of the package imports only from those before it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "src" / "throughtime"

# A module may import from its own entry and from those above it.
ORDER = [
    "errors",
    "arguments",
    "whole_file",
    "_native",
    "program",
    "engines",
    "cells",
    "layers",
    "nn",
    "inference",
    "bptt",
    "diagnose",
    "dynamics",
    "universal",
    "bench",
    "data",
    "tasks",
    "training",
    "export",
    "report",
    "estimators",
    "tune",
    "cli",
    "__main__",
]


def imports(path: Path, parts: tuple[str, ...]):
    """Line and dotted name of all that a module of the package imports, at whatever depth.

    `parts` is the module's own path below the package, `__init__` included.
    """
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = ("throughtime", *parts[: len(parts) - node.level])
                base = ".".join([*package, base] if base else package)
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def violations(root: Path) -> list[str]:
    """One line for each import against the order, and for each top-level name it lacks."""
    complaints = []
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        own = parts[0]
        if own == "__init__":
            continue  # the package itself re-exports from everywhere
        if own not in ORDER:
            complaints.append(f"{path.relative_to(root)}: '{own}' has no place in ORDER")
            continue
        for line, name in imports(path, parts):
            names = name.split(".")
            if names[0] != "throughtime":
                continue
            target = names[1] if len(names) > 1 else "the package itself"
            if target not in ORDER or ORDER.index(target) > ORDER.index(own):
                complaints.append(f"{path.relative_to(root)}:{line}: {own} imports {target}")
    return complaints


def test_order_holds():
    assert violations(ROOT) == []


HOUSE = {
    "__init__.py": "from .cli import main as main\n",
    "errors.py": "import re\n",
    "program/__init__.py": "from .trace import trace as trace\n",
    "program/trace.py": "from ..errors import ShapeError\nfrom throughtime.program import levels\n",
    "program/levels.py": "import throughtime.errors\n",
    "engines/cpu/run.py": "def run():\n    from throughtime import _native\n    return _native\n",
    "cells/gru.py": "from .. import program\nfrom ..engines.cpu import run\n",
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_checker_accepts_an_ordered_house(tmp_path):
    write(tmp_path, HOUSE)
    assert violations(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("errors.py", "import throughtime.program\n", "errors.py:1: errors imports program"),
        (
            "program/trace.py",
            "import os\nfrom throughtime.cells.gru import GRU\n",
            "program/trace.py:2: program imports cells",
        ),
        (
            "program/trace.py",
            "from .. import engines\n",
            "program/trace.py:1: program imports engines",
        ),
        (
            "program/__init__.py",
            "from ..engines import cpu\n",
            "program/__init__.py:1: program imports engines",
        ),
        ("program/deep/x.py", "from ...nn import GRU\n", "program/deep/x.py:1: program imports nn"),
        (
            "engines/cpu/run.py",
            "def run():\n    from throughtime.layers import Recurrent\n",
            "engines/cpu/run.py:2: engines imports layers",
        ),
        (
            "cells/gru.py",
            "from throughtime import GRU\n",
            "cells/gru.py:1: cells imports GRU",
        ),
        (
            "cells/gru.py",
            "import throughtime\n",
            "cells/gru.py:1: cells imports the package itself",
        ),
        ("utils.py", "", "utils.py: 'utils' has no place in ORDER"),
    ],
)
def test_checker_sees_a_violation(tmp_path, name, text, complaint):
    write(tmp_path, HOUSE | {name: text})
    assert violations(tmp_path) == [complaint]
