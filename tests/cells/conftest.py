import jaxtyping
import pytest


@pytest.fixture(scope="module")
def unchecked():
    """A module as a person runs it: nothing is held against annotations before we look at it."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
