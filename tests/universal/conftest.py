"""What a person gives may be of any type: the errors are to be throughtime's own."""

import jaxtyping
import pytest


@pytest.fixture
def types_unchecked():
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
