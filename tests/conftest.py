"""What every test runs under: repeatable examples, and fresh memory that shows."""

import os
import signal

import pytest
import typechecker
from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.register_profile("sanitize", settings.get_profile("repeatable"), max_examples=5)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(autouse=True)
def fresh_memory_is_nan():
    """Fill what `torch.empty` and its like return with nan: an output left unwritten then shows."""
    from fresh_memory import nan_in_fresh_memory

    with nan_in_fresh_memory():
        yield


@pytest.fixture
def ctrl_c():
    """Ctrl-C is heard, which it is not in tests that a shell has started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def types_unchecked():
    """For torch.compile, which cannot trace the type checks, and for wrong types themselves."""
    with typechecker.unchecked():
        yield


@pytest.fixture
def float64():
    import torch

    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
