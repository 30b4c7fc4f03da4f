"""Some tests look through the layer that checks types under pytest."""

import jaxtyping
import pytest


@pytest.fixture
def types_unchecked():
    """For torch.compile, which cannot trace the type checks, and for wrong types themselves."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
