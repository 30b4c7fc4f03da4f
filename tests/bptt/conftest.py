"""Numbers are float64 here: the equalities are to rounding."""

import pytest


@pytest.fixture(autouse=True)
def in_float64(float64):
    pass
