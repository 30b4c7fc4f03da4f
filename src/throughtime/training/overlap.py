"""Test sequences that are training sequences too: what is right on them may be known by heart."""

import hashlib
from collections.abc import Iterator
from typing import Any

from throughtime.data import Sequences
from throughtime.data.naming import quote

KEY = "also_in_training"
NAMES = "also_in_training_names"
MOST = 5  # of the names that are kept


def shared(train: Sequences, test: Sequences) -> dict[str, Any]:
    """How many sequences of `test` are in `train` too, with equal values and the same label, and
    the names of the first of them: as plain data, to be kept with the scores of a test.
    """
    known = {*_digests(train)}
    those = [n for n, digest in zip(test.names, _digests(test), strict=True) if digest in known]
    return {KEY: len(those)} | ({NAMES: those[:MOST]} if those else {})


def said(scores: dict[str, Any]) -> list[str]:
    """What there is to say of it beside the scores of a test; nothing where none is shared."""
    count = scores.get(KEY, 0)  # a run of an earlier version does not know
    if not count:
        return []
    names = [quote(name) for name in scores.get(NAMES, ())]
    if 0 < len(names) < count:
        names.append("and others")
    which = f" ({', '.join(names)})" if names else ""
    return [
        f"{count} of {scores['sequences']} test sequences are in the training part too, value for "
        f"value{which}: on these the result does not show how the model does on new sequences."
    ]


def _digests(sequences: Sequences) -> Iterator[bytes]:
    labels = None if sequences.labels is None else sequences.labels.tolist()
    for place in range(len(sequences)):
        label = None if labels is None else sequences.classes[labels[place]]
        digest = hashlib.sha256(repr((label, tuple(sequences[place].shape))).encode())
        digest.update(sequences[place].contiguous().numpy().tobytes())
        yield digest.digest()
