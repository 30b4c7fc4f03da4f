"""Whole groups set aside: all sequences of one person, machine or day on the same side."""

import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from throughtime.data.naming import quote, quote_all
from throughtime.data.sequences import Sequences
from throughtime.errors import DataError

DRAWS = 32  # random orders of the groups that are tried


def split_groups(
    sequences: Sequences, share: float, seed: int, group: str
) -> tuple[Sequences, Sequences]:
    """`(train, aside)`: groups with about `share` of the sequences of every class, see `split`."""
    texts = _texts(sequences, group)
    names = [*dict.fromkeys(texts)]
    if len(names) < 2:
        raise DataError(
            f"split: all sequences have the same {quote(group)}, {quote(names[0])}; expected at "
            "least 2 groups because whole ones are set aside. Name another column, or split "
            "without groups."
        )
    places = {name: k for k, name in enumerate(names)}
    group_of = torch.tensor([places[text] for text in texts])
    aside = _drawn(_counts(sequences, group_of, len(names)), share, seed)[group_of]
    return sequences.select((~aside).nonzero()[:, 0]), sequences.select(aside.nonzero()[:, 0])


def check_groups(parts: dict[str, Sequences], group: str) -> None:
    """**Raises:** `DataError` where a group lies in more than one of the `parts`, given by name."""
    met: dict[str, str] = {}
    for part, sequences in parts.items():
        texts = dict.fromkeys(_texts(sequences, group))
        spanning = [text for text in texts if text in met]
        if spanning:
            other = met[spanning[0]]
            raise DataError(
                f"column {quote(group)} has {quote_all(spanning)} in the {other} and in the {part} "
                "part; expected each group in one of them, because a model is scored on groups it "
                "has not met. Move the sequences of these groups to one part, or do not name "
                "this column as the group."
            )
        met |= dict.fromkeys(texts, part)


def _texts(sequences: Sequences, group: str) -> tuple[str, ...]:
    if group not in sequences.attributes:
        there = quote_all(sequences.attributes) or "none"
        raise DataError(
            f"split: sequences have the attributes {there} and no {quote(group)}; expected it "
            "because groups are told by it. Read the table with `attributes=`, or give it in "
            "`Sequences.from_list(attributes=...)`."
        )
    return sequences.attributes[group]


def _counts(
    sequences: Sequences, group_of: Int64[Tensor, " S"], groups: int
) -> Float64[Tensor, "G K"]:
    """How many sequences of each class each group has."""
    labels = sequences.labels
    if labels is None:
        labels = torch.zeros(len(sequences), dtype=torch.int64)
    present, labels = labels.unique(return_inverse=True)
    counts = torch.zeros(groups, len(present), dtype=torch.float64)
    one = torch.ones(len(sequences), dtype=torch.float64)
    return counts.index_put_((group_of, labels), one, accumulate=True)


def _drawn(counts: Float64[Tensor, "G K"], share: float, seed: int) -> Bool[Tensor, " G"]:
    """Which groups are set aside.

    Each of `DRAWS` random orders takes its first group, and then each that brings the shares of
    the classes nearer to `share`; the order that ends nearest wins.
    """
    shares = counts / counts.sum(0)  # of each class, what each group has
    generator = torch.Generator().manual_seed(seed)
    orders = torch.stack([torch.randperm(len(shares), generator=generator) for _ in range(DRAWS)])
    every = torch.arange(DRAWS)
    taken = torch.zeros(DRAWS, len(shares), dtype=torch.bool)
    taken[every, orders[:, 0]] = True
    total = shares[orders[:, 0]]
    distance = (total - share).square().sum(1)
    for group in orders.T[1:]:  # the next one of each order
        nearer = (total + shares[group] - share).square().sum(1)
        takes = (nearer < distance) & (taken.sum(1) < len(shares) - 1)
        taken[every[takes], group[takes]] = True
        total = total + shares[group] * takes[:, None]
        distance = nearer.where(takes, distance)
    return taken[distance.argmin()]
