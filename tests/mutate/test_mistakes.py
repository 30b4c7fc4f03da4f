"""The mistakes that `make mutate` makes, and the tests that it runs for each file."""

from pathlib import Path

from mutate.mistakes import mistakes
from mutate.nearest import STATED, nearest

ROOT = Path(__file__).parents[2]
TEXT = '''"""A text."""

LIMIT: int = 3


@cached(maxsize=1)
def far(x: list[2], *, width=5):
    """Of 1."""
    if x is not None and 0 <= width < LIMIT:
        return -x.clone() * 2 + max(x, key=2)
    assert x > 1, f"{x + 1} is 2"
    raise ValueError(x + 1)
'''


def test_each_is_one_place_written_differently():
    found = mistakes(TEXT)
    shown = [m.shown(TEXT).splitlines()[-1].strip("+ ") for m in found]
    for line in (
        "LIMIT: int = 4",
        "def far(x: list[2], *, width=6):",
        "if x is None and 0 <= width < LIMIT:",
        "if x is not None or 0 <= width < LIMIT:",
        "if x is not None and 0 < width < LIMIT:",
        "if x is not None and 0 <= width <= LIMIT:",
        "if x is not None and 1 <= width < LIMIT:",
        "if True and 0 <= width < LIMIT:",
        "if (not (x is not None and 0 <= width < LIMIT)):",
        "return (x.clone()) * 2 + max(x, key=2)",
        "return -x * 2 + max(x, key=2)",
        "return -x.clone() / 2 + max(x, key=2)",
        "return -x.clone() * 2 - max(x, key=2)",
        "return -x.clone() * 2 + min(x, key=2)",
        "return -x.clone() * 2 + max(x)",
        "return -x.clone() * 3 + max(x, key=2)",
    ):
        assert line in shown
    for m in found:
        compile(m.applied(TEXT), "text", "exec")
        assert m.applied(TEXT) != TEXT
    assert len({m.applied(TEXT) for m in found}) == len(found)


def test_annotations_docstrings_decorators_and_errors_are_left_alone():
    lines = {TEXT[: m.start].count("\n") + 1 for m in mistakes(TEXT)}
    assert lines == {3, 7, 9, 10}
    assert not any("list[3]" in m.applied(TEXT) for m in mistakes(TEXT))


def test_places_are_found_behind_letters_of_several_bytes():
    text = 'name = "é·Ω"; width = 1 + 2\n'
    assert 'name = "é·Ω"; width = 1 - 2\n' in [m.applied(text) for m in mistakes(text)]


def test_every_file_has_tests_that_exist():
    for path in (ROOT / "src" / "throughtime").rglob("*.py"):
        for tests in nearest(ROOT, path.relative_to(ROOT)):
            folder = ROOT / tests
            assert folder.exists() or path.name in ("__init__.py", "nn.py", "errors.py"), tests


def test_what_is_stated_is_there():
    for place, tests in STATED.items():
        assert (ROOT / "src" / "throughtime" / place).exists(), place
        assert all((ROOT / test).exists() for test in tests), place
