"""A model: recurrent layers over a sequence, then an output network o on what they leave.

Everything but a user's own output module is data: a model built from `describe` and the
weights is the same model, without the code of the cell.
"""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from throughtime.arguments import checked_arguments
from throughtime.cells import Cell, activation
from throughtime.data import Scaler
from throughtime.errors import CallError, OptionError, RunError
from throughtime.layers import Recurrent, checks, description

POOLING = ("last", "mean", "max")


class Output(nn.Sequential):
    """The output network o: a linear map, or a feed-forward network with inner layers.

    **Arguments:** `sizes`: units of the inner layers; `activation`: theirs, by name.
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        *,
        sizes: tuple[int, ...] = (),
        activation: str = "relu",
    ) -> None:
        layers: list[nn.Module] = []
        for size in sizes:
            layers += [nn.Linear(input_size, size), _Activation(activation)]
            input_size = size
        super().__init__(*layers, nn.Linear(input_size, output_size))
        self.sizes, self.activation = tuple(sizes), activation


class _Activation(nn.Module):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.function = name, activation(name)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)

    def extra_repr(self) -> str:
        return self.name


class Model(nn.Module):
    """Sequences to the scores of classes.

    **Arguments:**

    - `recurrent`: a `Recurrent`, time first; or several, each on the outputs of the one before.
    - `output`: a module from `(B, width)` to `(B, classes)`; linear unless given. `width` is
      the output size of the last `Recurrent`.
    - `classes`: their names.
    - `channels`: the names of the input's columns.
    - `scaler`: fitted on the training part; the model scales its own input.
    - `pooling`: what of a sequence the output network sees: `"last"`, the output state at the
      last real step of each direction; `"mean"` or `"max"` over its real steps.
    - `dropout`: on what the output network sees.
    """

    mean: Tensor
    std: Tensor

    @checked_arguments()
    def __init__(
        self,
        recurrent: Recurrent | list[Recurrent],
        output: nn.Module | None = None,
        *,
        classes: tuple[str, ...],
        channels: tuple[str, ...],
        scaler: Scaler | None = None,
        pooling: Literal["last", "mean", "max"] = "last",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        stack = list(recurrent) if isinstance(recurrent, list | tuple) else [recurrent]
        _check(stack, classes, channels, pooling, dropout)
        self.recurrent = nn.ModuleList(stack)
        self.width = _width(stack[-1], pooling)
        self.output = Output(self.width, len(classes)) if output is None else output
        self.classes, self.channels = tuple(classes), tuple(channels)
        self.pooling, self.dropout = pooling, dropout
        self.register_buffer("mean", torch.zeros(len(channels)))
        self.register_buffer("std", torch.ones(len(channels)))
        if scaler is not None:
            self.scale(scaler)

    def scale(self, scaler: Scaler) -> None:
        """Take over the means and standard deviations of a fitted scaler."""
        self.mean.copy_(scaler.mean)
        self.std.copy_(scaler.std)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Scores `(B, classes)` (logits) of `x (T, B, C)`, unscaled."""
        checks.padded("Model", "x", x)
        y, state = self.scaled(x), None
        for layer in self.recurrent:
            y, state = layer(y, lengths=lengths)
        if lengths is None:
            lengths = torch.full(y.shape[1:2], len(y), device=y.device)
        return self.scores(self.read(None, y, 0, lengths), state, lengths)

    def scaled(self, x: Tensor) -> Tensor:
        """What the recurrent layers are given."""
        return (x - self.mean) / self.std

    def read(self, total: Tensor | None, y: Tensor, start: int, lengths: Tensor) -> Tensor | None:
        """What pooling needs of the outputs `y (n, B, width)` from step `start` on, added to
        what it has of other steps: `(B, width)`; None where the last state is all it needs.
        """
        if self.pooling == "last":
            return None
        if self.pooling == "mean":
            new = y.sum(0)  # y is 0 past the lengths
            return new if total is None else total + new
        real = torch.arange(start, start + len(y), device=y.device)[:, None] < lengths
        new = torch.where(real[..., None], y, -torch.inf).amax(0)
        return new if total is None else torch.maximum(total, new)

    def scores(self, total: Tensor | None, state: Any, lengths: Tensor) -> Tensor:
        """Scores `(B, classes)` from all that was read, or from the last layer's final state."""
        last: Any = self.recurrent[-1]
        if total is None:
            directions = zip(last.directions[-1], state[-1], strict=True)
            total = torch.cat(
                [named[direction.program.output] for direction, named in directions], -1
            )
        elif self.pooling == "mean":
            total = total / lengths.clamp(min=1)[:, None]
        else:
            total = torch.where(lengths[:, None] > 0, total, 0.0)
        return self.output(nn.functional.dropout(total, self.dropout, self.training))

    def describe(self) -> dict[str, Any]:
        """The model as data, without its weights."""
        output: dict[str, Any] = {"kind": "custom", "name": type(self.output).__qualname__}
        if isinstance(self.output, Output):
            output = {"kind": "feed-forward", "sizes": self.output.sizes,
                      "activation": self.output.activation}  # fmt: skip
        return {
            "classes": self.classes,
            "channels": self.channels,
            "pooling": self.pooling,
            "dropout": self.dropout,
            "recurrent": [description.describe(layer) for layer in recurrent(self)],
            "output": output,
        }

    @staticmethod
    def from_description(
        data: Mapping[str, Any],
        cell: Cell | type[Cell] | None = None,
        output: nn.Module | None = None,
    ) -> "Model":
        """The model that `describe` described, with new weights.

        - `cell`: the user's cell, to check that its equations are still those of the model.
        - `output`: the user's output module, needed where the model had one.
        """
        described = data["output"]
        if output is None and described["kind"] == "custom":
            raise RunError(
                f"the model's output network is {described['name']}, which is code and not in "
                f"the run folder; expected `output=`. Load with output={described['name']}(...)."
            )
        stack = [description.from_description(layer, cell) for layer in data["recurrent"]]
        if output is None:
            width = _width(stack[-1], data["pooling"])
            output = Output(width, len(data["classes"]), sizes=tuple(described["sizes"]),
                            activation=described["activation"])  # fmt: skip
        return Model(
            stack, output, classes=tuple(data["classes"]), channels=tuple(data["channels"]),
            pooling=data["pooling"], dropout=data["dropout"],
        )  # fmt: skip


def recurrent(model: nn.Module) -> list[Recurrent]:
    """The recurrent layers of a model, each on the outputs of the one before."""
    layers: Any = model.recurrent
    return list(layers)


def _width(layer: Any, pooling: str) -> int:
    if pooling != "last":
        return layer.output_size
    return sum(
        direction.program.states[direction.program.output] for direction in layer.directions[-1]
    )


def _check(stack: list[Recurrent], classes, channels, pooling: str, dropout: float) -> None:
    if pooling not in POOLING:
        raise OptionError(
            f"`Model`: pooling is {pooling!r}; expected one of {', '.join(map(repr, POOLING))}."
        )
    if not 0 <= dropout < 1:
        raise OptionError(f"`Model`: dropout is {dropout}; expected a probability in [0, 1).")
    if len(classes) < 2:
        raise OptionError(f"`Model`: classes has {len(classes)}; expected at least 2 names.")
    width = len(channels)
    for k, layer in enumerate(stack):
        if not isinstance(layer, Recurrent):
            raise CallError(
                f"`Model`: recurrent[{k}] is a {type(layer).__name__}; expected a Recurrent. "
                "Write `Recurrent(LSTM, input_size, hidden_size)`."
            )
        if layer.batch_first:
            raise OptionError(f"`Model`: recurrent[{k}] is batch_first; expected time first.")
        if layer.input_size != width:
            raise OptionError(
                f"`Model`: recurrent[{k}] has input_size={layer.input_size}; expected {width}, "
                "what it is given. Set its input_size."
            )
        width = layer.output_size
