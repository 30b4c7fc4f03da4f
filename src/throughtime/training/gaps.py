"""Inputs that were missing or not seen in training: how many, and what stood in for them."""

from collections.abc import Mapping
from typing import Any

import torch

from throughtime.data import Sequences
from throughtime.data.naming import quote
from throughtime.training.model import Model

KEY = "inputs"


def counted(model: Model, sequences: Sequences) -> dict[str, Any]:
    """How many `steps` there are, and by channel at how many the value is `missing`, or a text
    that the training part has not, `not_seen`; only channels that have some."""
    sequences = sequences.real_steps()
    if model.encoder.beyond:  # the last rows are to be forecast: what is known of them is checked
        sequences = model.task.seen(sequences)
        read = model.read_lengths(sequences.lengths)
        sequences = sequences.cut(torch.zeros_like(read), read)
    encoder, columns = model.encoder, dict(zip(sequences.channels, sequences.values.T, strict=True))
    missing = {name: int(column.isnan().sum()) for name, column in columns.items()}
    not_seen = {
        name: int(encoder.not_seen(name, columns[name].to(encoder.mean.device)).sum())
        for name in encoder.texts
    }
    return {
        "steps": len(sequences.values),
        "missing": {name: count for name, count in missing.items() if count},
        "not_seen": {name: count for name, count in not_seen.items() if count},
    }


def said(model: Model, inputs: Mapping[str, Any]) -> list[str]:
    """A line for each channel with such values, of what `counted` returned."""
    lines = []
    for name, count in inputs.get("missing", {}).items():
        instead = "as not seen" if name in model.encoder.texts else "the mean of training"
        line = f"{count:,} of {inputs['steps']:,} values of {quote(name)} missing: filled with the "
        line += f"last one of the sequence, else {instead}"
        if name not in model.encoder.missing:
            line += "; the model is not told, because none was missing in training"
        lines.append(f"{line}.")
    for name, count in inputs.get("not_seen", {}).items():
        lines.append(
            f"{quote(name)}: {count:,} of {inputs['steps']:,} values not seen in training."
        )
    return lines
