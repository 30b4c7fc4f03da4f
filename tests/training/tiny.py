"""Small data and models that train in a moment."""

import dataclasses

import pytest
import torch

from throughtime import LSTM, Recurrent, fit
from throughtime.data import Sequences, Target
from throughtime.training import Model


def sequences(count: int = 24, *, classes: int = 2, channels: int = 2, seed: int = 0) -> Sequences:
    """Ragged sequences of 2 to 6 steps whose class is told by where their noise is centred."""
    draw = torch.Generator().manual_seed(seed)
    kinds = [place % classes for place in range(count)]
    lengths = torch.randint(2, 7, (count,), generator=draw).tolist()
    arrays = []
    for kind, length in zip(kinds, lengths, strict=True):
        centre = torch.zeros(channels)
        centre[kind % channels] = 2.0 if kind < channels else -2.0
        arrays.append(centre + 0.5 * torch.randn(length, channels, generator=draw))
    return Sequences.from_list(arrays, [f"k{kind}" for kind in kinds])


def with_classes(data: Sequences, *classes: str) -> Sequences:
    """The same sequences with other names of their classes; none of them labelled without any."""
    targets = {"labels": Target(data.labels, classes)} if classes else {}
    return dataclasses.replace(data, targets=targets)


def model(data: Sequences, cell=LSTM, hidden_size: int = 4, *, seed: int = 0, **options) -> Model:
    """A model of `data`, the same for one seed; `options` of `Model`, the rest of `Recurrent`."""
    torch.manual_seed(seed)
    own = {k: options.pop(k) for k in ("output", "pooling", "scaler") if k in options}
    if "dropout" in options:
        own["dropout"] = options["dropout"]
    layer = Recurrent(cell, len(data.channels), hidden_size, **options)
    return Model(layer, classes=data.classes, channels=data.channels, **own)


def same(a, b) -> bool:
    """Whether two state dictionaries are equal, bit for bit."""
    return {*a} == {*b} and all(torch.equal(a[name], b[name]) for name in a)


def without_seconds(history) -> list[dict]:
    """A history but for the times, which no two runs share."""
    return [{k: v for k, v in row.items() if k != "seconds"} for row in history]


def same_when_resumed(model, data, tmp_path):
    """A run of `model()` that is stopped in its third epoch goes on to the very end of a whole one,
    which is returned; the resumed one is in the folder `cut`."""

    class Stop(Exception):
        pass

    def stop(at):
        if (at.epoch, at.batch) == (2, 1):
            raise Stop

    options = {"epochs": 4, "batch_size": 8, "checkpoint_seconds": 0.0, "seed": 3}
    whole = fit(model(), data, folder=tmp_path / "whole", **options)
    with pytest.raises(Stop):
        fit(model(), data, folder=tmp_path / "cut", progress=stop, **options)
    resumed = fit(model(), data, folder=tmp_path / "cut", resume=True, **options)
    assert same(resumed.model.state_dict(), whole.model.state_dict())
    assert without_seconds(resumed.history) == without_seconds(whole.history)
    return whole
