"""Numbers are float64 here, as they are in all of `dynamics`."""

import pytest


@pytest.fixture(autouse=True)
def in_float64(float64):
    pass
