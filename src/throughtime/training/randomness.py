"""Every random state of a process as data, so that a resumed run draws what it would have."""

import random
from typing import Any

import numpy
import torch
from torch import Tensor


def seed(value: int) -> None:
    """Start torch's, numpy's and Python's generators from one number."""
    torch.manual_seed(value)
    numpy.random.seed(value % 2**32)
    random.seed(value)


def capture() -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The states as tensors and as JSON."""
    tensors = {"torch": torch.get_rng_state()}
    for k in range(torch.cuda.device_count() if torch.cuda.is_initialized() else 0):
        tensors[f"cuda{k}"] = torch.cuda.get_rng_state(k)
    state: Any = numpy.random.get_state(legacy=True)
    kind, keys, *rest = state
    tensors["numpy"] = torch.from_numpy(keys.astype("int64"))
    version, words, gauss = random.getstate()
    return tensors, {"numpy": [kind, *rest], "python": [version, list(words), gauss]}


def restore(tensors: dict[str, Tensor], data: dict[str, Any]) -> None:
    """Go on from what `capture` returned."""
    torch.set_rng_state(tensors["torch"])
    for name, state in tensors.items():
        if name.startswith("cuda") and torch.cuda.is_available():
            torch.cuda.set_rng_state(state, int(name[4:]))
    kind, *rest = data["numpy"]
    numpy.random.set_state((kind, tensors["numpy"].numpy().astype("uint32"), *rest))
    version, words, gauss = data["python"]
    random.setstate((version, tuple(words), gauss))
