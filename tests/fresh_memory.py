"""Fresh memory that shows: what is read before it was written is nan."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch

_EMPTY = [
    (torch, "empty"),
    (torch, "empty_like"),
    (torch, "empty_strided"),
    (torch.Tensor, "new_empty"),
]


@contextmanager
def nan_in_fresh_memory() -> Iterator[None]:
    """Within, `torch.empty` and its like fill what they return with nan."""
    with ExitStack() as stack:
        for owner, name in _EMPTY:
            stack.enter_context(patch.object(owner, name, _with_nan(getattr(owner, name))))
        yield


def _with_nan(create: Callable[..., Any]) -> Callable[..., Any]:
    def created(*args: Any, **kwargs: Any) -> Any:
        tensor = create(*args, **kwargs)
        if tensor.is_floating_point() or tensor.is_complex():
            with torch.no_grad():
                tensor.fill_(float("nan"))
        return tensor

    return created
