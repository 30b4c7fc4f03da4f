"""What comes last set aside: the last steps of each sequence, or the sequences that begin last."""

import torch
from jaxtyping import Float64
from torch import Tensor

from throughtime.data.sequences import Sequences
from throughtime.errors import DataError


def split_time(sequences: Sequences, share: float, gap: int) -> tuple[Sequences, Sequences]:
    """`(before, last)`, with `gap` steps or sequences between them in neither, see `split`."""
    if in_steps(sequences):
        return _last_steps(sequences, share, gap)
    return _last_sequences(sequences, share, gap)


def in_steps(sequences: Sequences) -> bool:
    """Whether over time sequences are cut: one alone, or those with a target for each step."""
    return len(sequences) == 1 or any(t.each_step for t in sequences.targets.values())


def _last_steps(sequences: Sequences, share: float, gap: int) -> tuple[Sequences, Sequences]:
    """Each sequence cut in two; one that is too short for that stays whole before the cut."""
    if sequences.targets and not any(t.each_step for t in sequences.targets.values()):
        raise DataError(
            "split: there is one sequence, and a target of the whole of it; expected at least 2 "
            "sequences, because it cannot be trained and tested on the same target. Name the "
            "column that tells the sequences apart."
        )
    lengths = sequences.lengths
    last = (share * lengths).round().clamp(min=1).long()
    before = lengths - last - gap
    whole = before < 1
    if whole.all():
        between = f" and {gap} between them. Set a smaller gap" if gap else ". Add steps"
        raise DataError(
            f"split: the longest sequence has {int(lengths.max())} steps; expected at least "
            f"{2 + gap}: one to train on, one to set aside{between}."
        )
    before, start = (t.where(~whole, lengths) for t in (before, lengths - last))
    return sequences.cut(torch.zeros_like(before), before), sequences.cut(start, lengths)


def _last_sequences(sequences: Sequences, share: float, gap: int) -> tuple[Sequences, Sequences]:
    begins = _begins(sequences)
    cut = _cut(begins, share)
    aside = begins >= cut
    before = (~aside).nonzero()[:, 0]
    before = before[begins[before].argsort(stable=True)]
    if gap >= len(before):
        raise DataError(
            f"split: {len(before)} sequences begin before those that are set aside; expected more "
            f"than {gap}, because so many lie between the parts. Set a smaller gap."
        )
    kept = before[: len(before) - gap].sort().values
    return sequences.select(kept), sequences.select(aside.nonzero()[:, 0])


def _begins(sequences: Sequences) -> Float64[Tensor, " S"]:
    """The first moment of each sequence."""
    if sequences.moments is None:
        raise DataError(
            "split: the sequences have no times; expected them because those that begin last are "
            "set aside. Name the column with the time of each step."
        )
    return sequences.moments[sequences.offsets[:-1]]


def _cut(begins: Float64[Tensor, " S"], share: float) -> Float64[Tensor, ""]:
    """The moment from which on sequences are set aside: that by which their share is nearest to
    `share`, and the later of two.
    """
    moments, counts = begins.unique(return_counts=True)
    if len(moments) < 2:
        raise DataError(
            f"split: all {len(begins)} sequences begin at the same time; expected several times, "
            "because those that begin last are set aside. Split by sequence or by group."
        )
    from_here_on = counts.flip(0).cumsum(0)  # the last moment first
    distance = (from_here_on[:-1] - share * len(begins)).abs()  # all but the first moment of all
    return moments[len(moments) - 1 - int(distance.argmin())]
