"""The command line starts at once: what is large is imported where it is used."""

import subprocess
import sys

import pytest

LARGE = ("torch", "polars", "numpy", "safetensors", "jaxtyping", "rich.progress", "plotly")


def imported_by(code: str) -> set[str]:
    shown = f"import sys\n{code}\nprint('\\n' + '\\n'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    return {*done.stderr.splitlines()}


@pytest.mark.parametrize(
    "code",
    [
        "import throughtime",
        "from throughtime.cli import main; assert main(['--help']) == 0",
        "from throughtime.cli import main; assert main(['train', '--help']) == 0",
        "from throughtime.cli import main; assert main(['--version']) == 0",
    ],
)
def test_nothing_large_is_imported(code):
    names = imported_by(code)
    assert "throughtime" in names
    assert sorted(names.intersection(LARGE)) == []


def test_the_check_sees_what_is_imported():
    assert "torch" in imported_by("import throughtime; throughtime.Recurrent")
