"""What the recurrent layers of a model are given: on sequences, and for constant channels."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from throughtime.data import Sequences
from throughtime.data.naming import quote, quote_all
from throughtime.errors import DataError, OptionError
from throughtime.training.model import Model

Typical = Literal["median", "mean", "zero"]


@torch.no_grad()
def layer_inputs(model: Model, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """The inputs of the first recurrent layer in eval mode, and how many steps each has.

    **Arguments:** `x`: `(T, B, C)` in the units of the data, nan where a value is missing;
    `lengths`: `(B,)`.

    **Returns:** `(T', B, I)` and `(B,)`; T' is less than T where several steps are read at once.
    """
    training = model.training
    model.eval()
    try:
        lengths = model.read_lengths(lengths)
        return model.steps(model.encoder(x), lengths), model.steps.lengths(lengths)
    finally:
        model.train(training)


def constant_input(model: Model, values: Tensor) -> Tensor:
    """The input of the first recurrent layer, `(I,)`, while the channels stay at `values (C,)`.

    It goes through the encoder, so that numbers are scaled, categories are embedded, nothing is
    missing, changes are 0, and steps that are read at once are equal.
    """
    rows = model.steps.at_once + model.encoder.beyond
    x = values.float().to(model.encoder.mean.device).expand(rows, 1, -1)
    inputs, _ = layer_inputs(model, x, torch.full((1,), rows, device=x.device))
    return inputs[0, 0]


def constant_channels(
    model: Model, sequences: Sequences, given: Typical | Mapping[str, str] = "median"
) -> Tensor:
    """A value for each channel of a model, `(C,)`, in the units of the data.

    **Arguments:**

    - `sequences`: whose real steps say what is typical.
    - `given`: "median" or "mean" of each channel, or "zero"; or by name the values of some
      channels as texts, the others at their median. A channel that is a category is at its most
      frequent text unless one is given.

    **Raises:** `OptionError` for a name or a value that there is not, `DataError` for a channel
    without a value.
    """
    encoder = model.encoder
    values = sequences.real_steps().values
    asked = dict(given) if isinstance(given, Mapping) else {}
    for name in asked:
        if name not in encoder.channels:
            raise OptionError(
                f"`constant_channels`: there is no channel {quote(name)}; expected one of "
                f"{quote_all(encoder.channels)}. Name one of them."
            )
    return torch.tensor(
        [
            _value(encoder.texts.get(name), name, asked[name])
            if name in asked
            else _typical(
                values[:, c],
                name,
                "most frequent"
                if name in encoder.texts
                else given
                if isinstance(given, str)
                else "median",
            )  # fmt: skip
            for c, name in enumerate(encoder.channels)
        ]
    )


def _value(texts: tuple[str, ...] | None, name: str, given: str) -> float:
    """A number, or the place of a text among those of a category."""
    if texts is not None:
        if given not in texts:
            raise OptionError(
                f"`constant_channels`: {quote(name)} is {quote(given)}; expected one of its texts "
                f"{quote_all(texts)}. Write one of them."
            )
        return float(texts.index(given))
    try:
        value = float(given)
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise OptionError(
            f"`constant_channels`: {quote(name)} is {quote(given)}; expected a finite number in "
            f"the units of the data. Write {name}=0, say."
        )
    return value


def _typical(column: Tensor, name: str, which: str) -> float:
    known = column[~column.isnan()]
    if which == "zero":
        return 0.0
    if not len(known):
        raise DataError(
            f"channel {quote(name)} has no value; expected one at some steps, because its "
            f"{which} is asked for. Give a value, {name}=0."
        )
    if which == "most frequent":
        return float(known.mode().values)
    return float(known.double().mean() if which == "mean" else known.double().quantile(0.5))
