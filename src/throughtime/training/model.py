"""A model: recurrent layers over a sequence, then an output network o on what they leave.

Everything but a user's own output module is data: a model built from `describe` and the
weights is the same model, without the code of the cell.
"""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from throughtime.arguments import checked_arguments, kind_of
from throughtime.cells import Cell, activation
from throughtime.data import Scaler
from throughtime.errors import CallError, OptionError, RunError
from throughtime.layers import Recurrent, checks, description, parametrised
from throughtime.layers.mask import compact, hold
from throughtime.tasks import TASKS, Classify, Task
from throughtime.tasks.readout import readout
from throughtime.training.ahead_encoder import AheadEncoder, Beside, Side
from throughtime.training.ahead_output import AheadOutput
from throughtime.training.encoder import Encoder
from throughtime.training.encoders import described_encoder
from throughtime.training.statistics import Statistics
from throughtime.training.steps import Steps

# not in the descriptions of earlier models, which were without
LATER = ("statistics", "differences", "at_once", "noise")


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
    """From sequences to the answers of a task.

    **Arguments:**

    - `recurrent`: a `Recurrent`, time first; or several, each on the outputs of the one before.
    - `output`: a module from `(..., width)` to `(..., task.width)`; linear unless given. `width`
      is that of what `pooling` shows it.
    - `task`: what the model is to say, such as `Classify(classes)`.
    - `classes`: the short form of `task=Classify(classes)`.
    - `channels`: the names of the input's columns, all numbers. Missing ones are filled, and the
      network is not told which.
    - `encoder`: in place of `channels`, and needed where some columns are categories: an
      `Encoder.of(sequences)`. Its `width` is the `input_size` of the first recurrent layer.
    - `scaler`: fitted on the training part; the model scales its own input.
    - `pooling`: what of a sequence the output network sees: `"last"`, the output state at the
      last real step of each direction; `"mean"` or `"max"` over its real steps; `"each step"` for
      a task that answers at each. `"last"` or `"each step"` unless given, as the task asks.
    - `dropout`: on what the output network sees.
    - `statistics`: whether a linear map of the mean, the spread and the last step of each channel
      is added to the answer, see `Statistics`; for a task with one answer for each sequence.
    - `differences`, `at_once`, `noise`: what the recurrent layers are given at each step, see
      `Steps`: changes beside the channels, several steps as one, noise in training. The first
      layer's `input_size` is the number of channels, doubled by `differences`, times `at_once`.

    **Raises:** `OptionError` for parts that do not fit together, `CallError` for other kinds.
    """

    @checked_arguments()
    def __init__(
        self,
        recurrent: Recurrent | list[Recurrent],
        output: nn.Module | None = None,
        *,
        task: Task | None = None,
        classes: tuple[str, ...] | None = None,
        channels: tuple[str, ...] | None = None,
        encoder: Encoder | None = None,
        scaler: Scaler | None = None,
        pooling: Literal["last", "mean", "max", "each step"] | None = None,
        dropout: float = 0.0,
        statistics: bool = False,
        differences: bool = False,
        at_once: int = 1,
        noise: float = 0.0,
    ) -> None:
        super().__init__()
        stack = list(recurrent) if isinstance(recurrent, list | tuple) else [recurrent]
        self.task = _task(task, classes)
        self.readout = readout(pooling, self.task.each_step)
        self.encoder = _encoder(channels, encoder, self.task)
        if self.task.learns_each_step and self.readout.name != "last":
            raise OptionError(
                f"`Model`: pooling is {pooling!r} with the task {self.task.name!r}; expected "
                "'last', because it goes on from the state at each step. Leave it out."
            )
        self.steps = Steps(
            self.encoder.width, differences=differences, at_once=at_once, noise=noise
        )
        _check(stack, self.encoder, self.steps.width, dropout)
        _check_task(self.task, statistics=statistics, differences=differences, at_once=at_once)
        self.recurrent = nn.ModuleList(stack)
        self.width = self.readout.width(stack[-1])
        self.output = self._plain_output() if output is None else output
        self.statistics = Statistics(self.encoder.width, self.task.width) if statistics else None
        self.channels, self.dropout = self.encoder.channels, dropout
        if scaler is not None:
            self.encoder.scale(scaler)
        self.register_load_state_dict_pre_hook(_read_former_names)

    def _plain_output(self) -> nn.Module:
        if isinstance(self.encoder, AheadEncoder):
            return AheadOutput(self.width, self.encoder)
        return Output(self.width, self.task.width)

    def forward(
        self, x: Tensor, lengths: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """What the output network puts out for `x (T, B, C)`, unscaled: `(B, task.width)`, or
        `(T, B, task.width)` of a task that answers at each step.

        `lengths`, `mask`: as `Recurrent` takes them.
        """
        checks.padded("Model", "x", x)
        mask = checks.mask("Model", mask, tuple(x.shape[:2]), x.device)
        if mask is not None:
            x = x.masked_fill(~mask[..., None], torch.nan)  # nothing is known of what is there
            if len(x) and not self.readout.each_step:
                held = hold(mask, lengths, None)
                x, lengths, mask = compact(held, x), held.lengths, None
        every = torch.full(x.shape[1:2], len(x), device=x.device) if lengths is None else lengths
        every = self.read_lengths(every)
        lengths = None if lengths is None else every
        (encoded, side), state = self.encoded(x), None
        y, steps = self.steps(encoded, every, mask), self.steps.lengths(every)
        for layer in self.recurrent:
            y, state = layer(y, lengths=None if lengths is None else steps, mask=mask)
        shown = self.shown(self.readout.read(None, y, 0, steps), state, steps)
        told = None
        if side is not None:
            rows = torch.arange(len(every), device=every.device)
            told = side.at((every - 1).clamp(min=0), rows)
        answer = self.answer(shown, told)
        return answer if self.statistics is None else answer + self.statistics(encoded, every)

    def shown(self, total: Tensor | None, state: Any, lengths: Tensor) -> Tensor:
        """What the output network sees, from all that the readout has read, and from the final
        state of the last recurrent layers."""
        return self.readout.shown(total, recurrent(self)[-1], state, lengths)

    def read_lengths(self, lengths: Tensor) -> Tensor:
        """How many steps of sequences the model reads, from how many rows they have: fewer where
        the last rows are steps to come."""
        return lengths - self.encoder.beyond

    def encoded(
        self, x: Tensor, before: Tensor | None = None, resets: Tensor | None = None
    ) -> tuple[Tensor, Beside | None]:
        """What the encoder makes of a batch: for the recurrent layers, and for the output network
        beside their outputs; None where the task asks for nothing ahead."""
        beside = self.encoder.beside(x) if isinstance(self.encoder, AheadEncoder) else None
        return self.encoder(x, before, resets), beside

    def answer(self, shown: Tensor, side: Side | None = None) -> Tensor:
        """What the output network puts out for what it sees, `(..., width)`; `side`: see
        `encoded`."""
        shown = nn.functional.dropout(shown, self.dropout, self.training)
        return self.output(shown) if side is None else self.output(shown, side)

    def describe(self) -> dict[str, Any]:
        """The model as data, without its weights."""
        output: dict[str, Any] = {"kind": "custom", "name": type(self.output).__qualname__}
        if isinstance(self.output, AheadOutput):
            output = {"kind": "ahead"}
        if isinstance(self.output, Output):
            output = {"kind": "feed-forward", "sizes": self.output.sizes,
                      "activation": self.output.activation,
                      "parametrised": [parametrised.recorded(p) for p in self.output]}  # fmt: skip
        return {
            "task": self.task.name,
            **self.task.describe(),
            "channels": self.channels,
            "encoder": self.encoder.describe(),
            "pooling": self.readout.name,
            "dropout": self.dropout,
            "statistics": self.statistics is not None,
            "differences": self.steps.differences,
            "at_once": self.steps.at_once,
            "noise": self.steps.noise,
            "recurrent": [description.describe(layer) for layer in recurrent(self)],
            "output": output,
        }

    @staticmethod
    def from_description(
        data: Mapping[str, Any],
        cell: Cell | type[Cell] | None = None,
        output: nn.Module | None = None,
        task: Task | type[Task] | None = None,
    ) -> "Model":
        """The model that `describe` described, with new weights.

        - `cell`: the user's cell, to check that its equations are still those of the model.
        - `output`: the user's output module, needed where the model had one.
        - `task`: the user's task or its class, needed where the model had one of their own.
        """
        described = data["output"]
        if output is None and described["kind"] == "custom":
            raise RunError(
                f"the model's output network is {described['name']}, which is code and not in "
                f"the run folder; expected `output=`. Load with output={described['name']}(...)."
            )
        stack = [description.from_description(layer, cell) for layer in data["recurrent"]]
        of = described_task(data, task)
        encoder = described_encoder(
            of, tuple(data["channels"]), **data.get("encoder", {})
        )  # numbers once
        if output is None and described["kind"] != "ahead":
            width = readout(data["pooling"], of.each_step).width(stack[-1])
            output = Output(width, of.width, sizes=tuple(described["sizes"]),
                            activation=described["activation"])  # fmt: skip
            for part, own in zip(output, described.get("parametrised", ()), strict=False):
                parametrised.restore(part, own)
        return Model(
            stack, output, task=of, encoder=encoder, pooling=data["pooling"],
            dropout=data["dropout"], **{name: data[name] for name in LATER if name in data},
        )  # fmt: skip


def described_task(data: Mapping[str, Any], task: Task | type[Task] | None) -> Task:
    """The task of a description; a user's own is named when loading, as none of it is code."""
    name = data.get("task", Classify.name)  # which early descriptions did not say
    if task is None and name not in TASKS:
        raise RunError(
            f"the model's task is {name!r}, which is code and not in the run folder; expected "
            "`task=`. Load with the task or its class."
        )
    if isinstance(task, Task):
        return task
    return (TASKS[name] if task is None else task).from_description(data)


def cell_name(model: nn.Module) -> str:
    """The cell of the first layer, as it is named in the tables of results."""
    return recurrent(model)[0].directions[0][0].cell_program.cell


def recurrent(model: nn.Module) -> list[Recurrent]:
    """The recurrent layers of a model, each on the outputs of the one before."""
    layers: Any = model.recurrent
    return list(layers)


def _task(task: Task | None, classes: tuple[str, ...] | None) -> Task:
    if (task is None) == (classes is None):
        given = "both task and classes" if task is not None else "neither task nor classes"
        raise OptionError(
            f"`Model`: {given} are given; expected one of the two. Write `task=Classify(classes)`, "
            "or `classes=` for short."
        )
    if task is not None and not isinstance(task, Task):
        raise CallError(
            f"`Model`: task is {kind_of(task)}; expected a Task. Write `task=Classify(classes)`, "
            "or an object of a task of your own."
        )
    return task if task is not None else Classify(tuple(classes or ()))


def _read_former_names(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Take the weights of a run from when a model, not its encoder, held the numbers of scaling."""
    for name in ("mean", "std"):
        if f"{prefix}{name}" in state:
            state[f"{prefix}encoder.{name}"] = state.pop(f"{prefix}{name}")


def _check_task(task: Task, *, statistics: bool, differences: bool, at_once: int) -> None:
    """**Raises:** `OptionError` for what a task that answers at each step cannot have, and for what
    one whose windows go on where the last one stopped cannot have."""
    whole = {"statistics=True": statistics, f"at_once={at_once}": at_once > 1}
    steps = task.each_step or task.learns_each_step
    for option in [option for option, given in whole.items() if given and steps]:
        raise OptionError(
            f"`Model`: {option} is given with the task {task.name!r}; expected a task with one "
            "answer for each sequence, because this one learns at each step. Leave it out."
        )
    if differences and task.carries_state:
        raise OptionError(
            f"`Model`: differences=True is given with the task {task.name!r}; expected a task on "
            "whole sequences, because at the first step of a window the one before is not known. "
            "Leave it out."
        )


def _encoder(channels: tuple[str, ...] | None, encoder: Encoder | None, task: Task) -> Encoder:
    if (channels is None) == (encoder is None):
        given = (
            "both channels and encoder" if encoder is not None else "neither channels nor encoder"
        )
        raise OptionError(
            f"`Model`: {given} are given; expected one of the two. Write "
            "`channels=sequences.channels`, or `encoder=Encoder.of(sequences)` where some are "
            "categories or have missing values."
        )
    return described_encoder(task, channels or ()) if encoder is None else encoder


def _check(stack: list[Recurrent], encoder: Encoder, width: int, dropout: float) -> None:
    if not 0 <= dropout < 1:
        raise OptionError(f"`Model`: dropout is {dropout}; expected a probability in [0, 1).")
    for k, layer in enumerate(stack):
        if not isinstance(layer, Recurrent):
            raise CallError(
                f"`Model`: recurrent[{k}] is a {type(layer).__name__}; expected a Recurrent. "
                "Write `Recurrent(LSTM, input_size, hidden_size)`."
            )
        if layer.batch_first:
            raise OptionError(f"`Model`: recurrent[{k}] is batch_first; expected time first.")
        if layer.input_size != width:
            fix = "Set its input_size."
            if k == 0 and len(encoder.channels) != width == encoder.width:
                fix = "Set its input_size to `encoder.width`: a category is several columns, and a "
                fix += "channel with missing values has one more."
            raise OptionError(
                f"`Model`: recurrent[{k}] has input_size={layer.input_size}; expected {width}, "
                f"what it is given. {fix}"
            )
        width = layer.output_size
