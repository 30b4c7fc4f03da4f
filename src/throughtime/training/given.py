"""Whether a call is given a model and sequences, and what to write where it is not."""

from torch import nn

from throughtime.arguments import kind_of
from throughtime.data import Sequences
from throughtime.errors import CallError
from throughtime.layers import Recurrent
from throughtime.training.model import Model


def model(call: str, got: object) -> None:
    """**Raises:** `CallError` unless `got` is a `Model`."""
    if isinstance(got, Model):
        return
    if isinstance(getattr(got, "model", None), Model):  # a Run, which comes after this module
        fix = f"Write `{call}(run.model, sequences)`."
    elif isinstance(got, Recurrent):
        fix = (
            "Write `Model(layer, classes=sequences.classes, channels=sequences.channels)`, "
            "which puts an output network on the layer."
        )
    elif isinstance(got, nn.Module):
        fix = (
            "Write `Model(Recurrent(LSTM, input_size, hidden_size), output, classes=classes, "
            "channels=channels)` with your module as `output`, or train it in a loop of your own."
        )
    else:
        fix = "Write `Model(Recurrent(LSTM, input_size, hidden_size), classes=classes, "
        fix += "channels=channels)`."
    raise CallError(f"`{call}`: model is {kind_of(got)}; expected a Model. {fix}")


def sequences(call: str, name: str, got: object) -> None:
    """**Raises:** `CallError` unless `got` is `Sequences`."""
    if not isinstance(got, Sequences):
        raise CallError(
            f"`{call}`: {name} is {kind_of(got)}; expected Sequences. Write "
            "`throughtime.data.Sequences.from_list(arrays, labels)`, one array (steps, channels) "
            "for each sequence."
        )
