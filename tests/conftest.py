"""What every test runs under: repeatable examples, and fresh memory that shows."""

import os

import pytest
from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.register_profile("sanitize", settings.get_profile("repeatable"), max_examples=5)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def _with_nan(create):
    import torch

    def created(*args, **kwargs):
        tensor = create(*args, **kwargs)
        if tensor.is_floating_point() or tensor.is_complex():
            with torch.no_grad():
                tensor.fill_(float("nan"))
        return tensor

    return created


@pytest.fixture(autouse=True)
def fresh_memory_is_nan(monkeypatch):
    """Fill what `torch.empty` and its like return with nan: an output left unwritten then shows."""
    import torch

    for owner, name in [
        (torch, "empty"),
        (torch, "empty_like"),
        (torch, "empty_strided"),
        (torch.Tensor, "new_empty"),
    ]:
        monkeypatch.setattr(owner, name, _with_nan(getattr(owner, name)))


@pytest.fixture
def types_unchecked():
    """For torch.compile, which cannot trace the type checks, and for wrong types themselves."""
    import jaxtyping

    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def float64():
    import torch

    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
