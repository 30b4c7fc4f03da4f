"""Which encoder a model needs, by what its task asks."""

from collections.abc import Sequence
from typing import Any

from throughtime.data import Sequences
from throughtime.tasks import Task
from throughtime.training.ahead_encoder import AheadEncoder
from throughtime.training.encoder import Encoder


def encoder_for(task: Task, sequences: Sequences) -> Encoder:
    """The encoder of a model with this task, for training on some sequences.

    Its `width` is the `input_size` of the first recurrent layer. A task that asks for steps to come
    has an `AheadEncoder`, any other an `Encoder`.
    """
    plain = Encoder.of(sequences)
    return described_encoder(task, plain.channels, **plain.describe())


def described_encoder(task: Task, channels: Sequence[str], **described: Any) -> Encoder:
    """The encoder that `Encoder.describe` described, of a model with this task."""
    if task.ahead is None:
        return Encoder(channels, **described)
    return AheadEncoder(channels, **described, ahead=task.ahead)
