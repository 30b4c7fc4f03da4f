"""A cell is registered once, and everything that lists cells has it."""

import inspect
import subprocess
import sys
from pathlib import Path

import catalogue
import pytest

import throughtime
from throughtime import Cell, cells
from throughtime.cells import BUILT_IN
from throughtime.cli.cells import make, read
from throughtime.errors import OptionError

FOLDER = Path(cells.__file__).parent
READING = Path(__file__).parents[2] / "docs" / "reading-the-code.md"


def test_every_cell_in_the_folder_is_registered():
    own = {}
    for path in FOLDER.glob("[a-z]*.py"):
        module = __import__(f"throughtime.cells.{path.stem}", fromlist=["*"])
        for name, value in inspect.getmembers(module, inspect.isclass):
            if (
                issubclass(value, Cell)
                and value is not Cell
                and value.__module__ == module.__name__
            ):
                own[name] = path.stem
    assert own == BUILT_IN


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_registered_cell_is_found_everywhere(name):
    cell = getattr(cells, name)
    assert issubclass(cell, Cell) and cell.__name__ == name
    assert getattr(throughtime, name) is cell and name in throughtime.__all__
    assert isinstance(make(read(name.lower())), cell)
    assert any(isinstance(one, cell) for one in catalogue.CELLS.values()), "tests/catalogue.py"
    listed = READING.read_text()
    assert f"{BUILT_IN[name]}.py" in listed, "docs/reading-the-code.md"
    assert f"import {name} as {name}\n" in (FOLDER / "__init__.py").read_text(), "for type checkers"


def test_other_names():
    assert throughtime.layer_norm is cells.layer_norm
    assert cells.layer_norm.__module__ == "throughtime.cells.normalisation"
    others = {"BUILT_IN", "Cell", "Connections", "activation", "layer_norm"}
    assert {*dir(cells)} == {*BUILT_IN} | others
    with pytest.raises(AttributeError, match=r"'throughtime.cells' has no attribute 'GRUs'"):
        cells.GRUs  # noqa: B018
    with pytest.raises(ImportError):
        from throughtime.cells import nosuch  # noqa: F401  # pyright: ignore
    with pytest.raises(OptionError, match="expected one of RNN, LSTM, GRU, LeakyRNN, Mini"):
        read("nosuch")


def test_the_names_need_no_torch():
    code = "import sys; from throughtime.cells import BUILT_IN; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
