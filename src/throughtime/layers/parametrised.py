"""Parametrised parameters: as data and back, their names, and how many numbers are learned."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import (
    ParametrizationList,
    is_parametrized,
    register_parametrization,
)

from throughtime.cells import Connections


def recorded(module: nn.Module) -> dict[str, list[Any]]:
    """The parametrisations of a module as data.

    By the name of each parameter, in their order: of `Connections` the buffers that it has, of any
    other the name of its class, as that is code.
    """
    if not is_parametrized(module):
        return {}
    parametrisations: Any = module.parametrizations
    return {
        name: [
            [buffer for buffer, _ in part.named_buffers()]
            if isinstance(part, Connections)
            else type(part).__qualname__
            for part in parts
        ]
        for name, parts in parametrisations.items()
    }


def code_in(data: Mapping[str, list[Any]]) -> str | None:
    """The first parametrisation of what `recorded` gave that is code, or None."""
    return next((part for parts in data.values() for part in parts if isinstance(part, str)), None)


def restore(module: nn.Module, data: Mapping[str, list[Any]]) -> None:
    """Register the `Connections` of what `recorded` gave. Their tensors are with the weights:
    until these are loaded, nothing is constrained."""
    for name, parts in data.items():
        weight = getattr(module, name).detach()
        for buffers in parts:
            free = {
                "learned": torch.ones_like(weight, dtype=torch.bool),
                "values": torch.zeros_like(weight),
                "signs": weight.new_zeros(weight.shape[-1]),
            }
            own = {buffer: free[buffer] for buffer in buffers}
            register_parametrization(module, name, Connections(**own))


@torch.no_grad()
def put_back(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """The tensors of all `Connections`, and nothing else, from a state dict that has them."""
    for where, part in module.named_modules():
        if isinstance(part, Connections):
            for buffer, tensor in part.named_buffers():
                tensor.copy_(state[f"{where}.{buffer}"])


def plain_name(name: str) -> str:
    """The name of a parameter in a state dict, or of what a parametrisation makes of it."""
    return re.sub(r"parametrizations\.([^.]+)\.original$", r"\1", name)


def said(module: nn.Module) -> dict[str, str]:
    """By the plain name of each parameter that has `Connections`, what they are, in words."""
    words = {}
    for where, parts in module.named_modules():
        if isinstance(parts, ParametrizationList):
            those = [part.extra_repr() for part in parts if isinstance(part, Connections)]
            words[plain_name(f"{where}.original")] = "; ".join(those)
    return {name: those for name, those in words.items() if those}


def count(module: nn.Module) -> int:
    """How many numbers of a module are learned: its parameters, less the connections that do not
    exist or are fixed."""
    idle = 0
    for parts in module.modules():
        if isinstance(parts, ParametrizationList):
            own = [p.learned for p in parts if isinstance(p, Connections) and p.learned is not None]
            idle += int((~torch.stack(own).all(0)).sum()) if own else 0
    return sum(p.numel() for p in module.parameters()) - idle
