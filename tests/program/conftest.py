import pytest
import typechecker


@pytest.fixture(scope="module")
def unchecked():
    """A module as a person runs it: nothing is held against annotations before we look at it."""
    with typechecker.unchecked():
        yield
