"""No file of the package imports, through whatever others, itself: each can be read on its own.

Imports inside functions count as those at the top do. A file that is imported as
`from package import name` is the file `package/name.py` if there is one, else the package's own
`__init__.py`; the top `__init__.py` is left out, as it re-exports from everywhere.
"""

from pathlib import Path

import pytest
from test_layers_of_the_house import ROOT, imports, write


def graph(root: Path) -> dict[str, set[str]]:
    """For each file of a package which others it imports, by their paths."""
    paths = {p.relative_to(root).as_posix(): p for p in sorted(root.rglob("*.py"))}
    names = {}
    for path in paths:
        parts = path.removesuffix(".py").split("/")
        names[".".join(["throughtime", *parts]).removesuffix(".__init__")] = path
    del paths["__init__.py"], names["throughtime"]

    def file_of(name: str) -> str | None:
        while name not in names and "." in name:
            name = name.rpartition(".")[0]
        return names.get(name)

    return {
        path: {
            target
            for _, name in imports(file, tuple(path.removesuffix(".py").split("/")))
            if (target := file_of(name)) is not None and target != path
        }
        for path, file in paths.items()
    }


def circles(edges: dict[str, set[str]]) -> set[frozenset[str]]:
    """The sets of files that reach each other."""
    reached = {start: reach(edges, start) for start in edges}
    groups = {
        frozenset(other for other in there if start in reached[other])
        for start, there in reached.items()
    }
    return {group for group in groups if group}


def reach(edges: dict[str, set[str]], start: str) -> set[str]:
    """All files that one of them imports, directly or not."""
    seen, to_do = set(), [*edges[start]]
    while to_do:
        file = to_do.pop()
        if file not in seen:
            seen.add(file)
            to_do += edges[file]
    return seen


def test_there_are_no_circles():
    assert circles(graph(ROOT)) == set()


def test_the_graph_is_that_of_the_package():
    edges = graph(ROOT)
    assert "program/schedule.py" in edges["program/show.py"]
    assert "program/__init__.py" in edges["cells/gru.py"]
    assert "engines/choose.py" in edges["layers/recurrent.py"]


HOUSE = {
    "__init__.py": "from .a import f as f\n",
    "errors.py": "",
    "a/__init__.py": "from .f import f as f\n",
    "a/f.py": "from throughtime.errors import RunError\nfrom throughtime.a import g\n",
    "a/g.py": "import throughtime.errors\n",
}


def test_files_in_order_are_no_circle(tmp_path):
    write(tmp_path, HOUSE)
    assert circles(graph(tmp_path)) == set()


@pytest.mark.parametrize(
    ("name", "text", "circle"),
    [
        ("a/g.py", "from throughtime.a.f import f\n", {"a/f.py", "a/g.py"}),
        ("a/g.py", "def late():\n    from throughtime.a import f\n", {"a/f.py", "a/g.py"}),
        ("a/g.py", "from .f import f\n", {"a/f.py", "a/g.py"}),
        ("a/g.py", "from throughtime.a import other\n", {"a/__init__.py", "a/f.py", "a/g.py"}),
        ("errors.py", "import throughtime.a.g\n", {"a/g.py", "errors.py"}),
        ("errors.py", "import throughtime.a.f\n", {"a/f.py", "a/g.py", "errors.py"}),
    ],
)
def test_a_circle_is_seen(tmp_path, name, text, circle):
    write(tmp_path, HOUSE | {name: text})
    assert circles(graph(tmp_path)) == {frozenset(circle)}
