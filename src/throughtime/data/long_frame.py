"""Sequences as a long table, one row a step.

Imported by `Sequences.to_frame` when it is called, since polars takes its time to load.
"""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from throughtime.data.naming import quote
from throughtime.data.target import MISSING, Target
from throughtime.errors import DataError


def long_frame(
    values: Float32[Tensor, "N C"],
    lengths: Int64[Tensor, " S"],
    *,
    names: Sequence[str],
    channels: Sequence[str],
    categories: Mapping[str, Sequence[str]],
    targets: Mapping[str, Target],
    attributes: Mapping[str, Sequence[str]],
    times: Sequence[str] | None,
) -> pl.DataFrame:
    """The columns in the order `sequence`, `time` or `step`, attributes, channels, targets; see
    `Sequences` for the arguments, and `Sequences.to_frame`.
    """
    owner = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
    columns = [("sequence", pl.Series(names)[owner.numpy()])]
    if times is None:
        starts = lengths.cumsum(0) - lengths
        columns.append(("step", pl.Series((torch.arange(len(owner)) - starts[owner]).numpy())))
    else:
        columns.append(("time", pl.Series(list(times), dtype=pl.String)))
    columns += [(name, pl.Series(texts)[owner.numpy()]) for name, texts in attributes.items()]
    columns += [
        (name, _channel(values[:, k], categories.get(name))) for k, name in enumerate(channels)
    ]
    for name, target in targets.items():
        columns += _of_target(name, target, owner)
    header = [name for name, _ in columns]
    for name in header:
        if header.count(name) > 1:
            raise DataError(
                f"to_frame: {quote(name)} names two columns; expected every name once, and "
                "sequence, and time or step, for the first two. Rename the channel, target or "
                "attribute."
            )
    return pl.DataFrame([column.alias(name) for name, column in columns])


def _channel(values: Tensor, texts: Sequence[str] | None) -> pl.Series:
    """The column of a channel; of a category the texts, null also for one that is none of them."""
    given = pl.Series(values.numpy())
    if texts is None:
        return given
    named = {float(place): text for place, text in enumerate(texts)}
    return given.replace_strict(named, default=None, return_dtype=pl.String)


def _of_target(
    name: str, target: Target, owner: Int64[Tensor, " N"]
) -> Iterator[tuple[str, pl.Series]]:
    """The columns of a target, each with a row for every step; null where it is not known."""
    values = target.values if target.each_step else target.values[owner]
    if target.classes:
        classes = dict(enumerate(target.classes))
        places = pl.Series(values.numpy())
        yield name, places.replace_strict(classes | {MISSING: None}, return_dtype=pl.String)
    elif values.ndim == 1:
        yield name, pl.Series(values.numpy()).fill_nan(None)
    else:
        for k in range(values.shape[1]):
            yield f"{name}{k}", pl.Series(values[:, k].numpy()).fill_nan(None)
