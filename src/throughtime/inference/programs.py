"""The programs of a recurrent layer, and a call of one step of each, with packed weights."""

from typing import Any

import torch
from torch import Tensor

from throughtime.engines.call import Call
from throughtime.engines.parameters import pack
from throughtime.layers import Recurrent
from throughtime.nn import layer_call
from throughtime.program import Program

TORCH = {torch.nn.LSTM: "lstm", torch.nn.GRU: "gru", torch.nn.RNN: "rnn"}


@torch.no_grad()
def programs(
    layer: torch.nn.Module, backward: bool = False, batch: int = 1
) -> list[tuple[Program, Call]]:
    """For each layer of one direction its program in eval mode and a call of one step.

    - `layer`: a `Recurrent`, or an LSTM, GRU or RNN of `torch.nn` or `throughtime.nn`.
    - `backward`: whether the backward direction is meant, the second of two.

    Each call begins in the initial state, its input is 0, and its time runs forward.
    """
    kind = next((k for t, k in TORCH.items() if isinstance(layer, t)), None)
    if kind is None:
        return _of_recurrent(layer, backward, batch)
    return _of_torch(kind, layer, backward, batch)


def like(layer: torch.nn.Module) -> Tensor:
    """A tensor of the device and dtype of a layer's parameters."""
    own = isinstance(layer, Recurrent)
    return layer.directions[0][0].like if own else next(layer.parameters())


def _of_recurrent(layer: Any, backward: bool, batch: int) -> list[tuple[Program, Call]]:
    modes = {module: module.training for module in layer.modules()}
    layer.eval()
    try:
        calls = []
        for directions in layer.directions:
            direction = directions[-1 if backward else 0]
            x = direction.like.new_zeros(1, batch, direction.program.input_size)
            program, call = direction.call(x, every_state=False)
            calls.append((program, call._replace(reverse=False)))
        return calls
    finally:
        for module, training in modes.items():
            module.training = training


def _of_torch(kind: str, layer: Any, backward: bool, batch: int) -> list[tuple[Program, Call]]:
    x = like(layer).new_zeros(1, batch, layer.input_size)
    if kind == "rnn":
        kind = f"rnn_{layer.nonlinearity}"
    directions = 2 if layer.bidirectional else 1
    calls = []
    for weights in layer.all_weights[int(backward) :: directions]:
        widths = [layer.proj_size or layer.hidden_size, layer.hidden_size]
        hx = tuple(x.new_zeros(batch, w) for w in widths[: 2 if kind == "lstm" else 1])
        program, call = layer_call(kind, x, hx, weights)
        calls.append((program, pack(call)))
        x = x.new_zeros(1, batch, widths[0])
    return calls
