"""Test sequences that are training sequences too: what is right on them may be known by heart."""

import hashlib
from collections.abc import Iterator
from typing import Any

from throughtime.data import Sequences

KEY = "also_in_training"


def shared(train: Sequences, test: Sequences) -> int:
    """How many sequences of `test` are in `train` too, with equal values and the same label."""
    known = {*_digests(train)}
    return sum(digest in known for digest in _digests(test))


def said(scores: dict[str, Any]) -> list[str]:
    """What there is to say of it beside the scores of a test; nothing where none is shared."""
    count = scores.get(KEY, 0)  # a run of an earlier version does not know
    if not count:
        return []
    return [
        f"{count} of {scores['sequences']} test sequences are in the training part too, value for "
        "value: on these the result does not show how the model does on new sequences."
    ]


def _digests(sequences: Sequences) -> Iterator[bytes]:
    labels = None if sequences.labels is None else sequences.labels.tolist()
    for place in range(len(sequences)):
        label = None if labels is None else sequences.classes[labels[place]]
        digest = hashlib.sha256(repr((label, tuple(sequences[place].shape))).encode())
        digest.update(sequences[place].contiguous().numpy().tobytes())
        yield digest.digest()
