"""The inputs of each step as numbers, for baselines."""

import torch

from throughtime.data import Sequences
from throughtime.tasks.features import MOST, steps

NAN = torch.nan
TRAIN = Sequences.from_list(
    [[[1.0, NAN, 0.0], [NAN, 5.0, 1.0], [3.0, 7.0, 1.0]], [[NAN, 5.0, NAN], [2.0, 7.0, 0.0]]],
    channels=("flow", "heat", "valve"),
    categories={"valve": ("a", "b", "c")},
)
TEST = Sequences.from_list(
    [[[NAN, NAN, 2.0]], [[3.0, 5.0, -1.0], [NAN, NAN, NAN], [3.0, NAN, 0.0]]],
    channels=TRAIN.channels, categories=TRAIN.categories,
)  # fmt: skip


def test_numbers_gaps_and_texts():
    spread = (2 / 3) ** 0.5  # of 1, 2 and 3
    high = 1 / spread
    assert steps(TRAIN, TRAIN).dtype == torch.float64
    torch.testing.assert_close(
        steps(TEST, TRAIN),
        torch.tensor(
            [  # flow, heat, whether each of the three is missing, a, b, c
                [0, 0, 1, 1, 0, 0, 0, 1],
                [high, -1, 0, 0, 0, 0, 0, 0],
                [high, -1, 1, 1, 1, 0, 0, 0],
                [high, -1, 0, 1, 0, 1, 0, 0],
            ],
            dtype=torch.float64,
        ),
        rtol=1e-6, atol=1e-6,
    )  # fmt: skip


def test_only_channels_that_have_gaps_in_training_have_a_column():
    whole = Sequences.from_list([[[1.0], [2.0]]], channels=("a",))
    gaps = Sequences.from_list([[[NAN], [2.0]]], channels=("a",))
    assert steps(gaps, whole).tolist() == [[0.0], [1.0]]
    assert steps(gaps, gaps).shape == (2, 2)


def test_of_many_texts_the_commonest_in_training_have_a_column():
    texts = tuple(map(str, range(50)))
    places = torch.arange(50.0).repeat_interleave(torch.arange(50) % 40 + 1)[:, None]
    train = Sequences.from_list([places], channels=("c",), categories={"c": texts})
    once = Sequences.from_list([torch.arange(50.0)], channels=("c",), categories={"c": texts})
    shown = steps(once, train)
    assert shown.shape == (50, MOST) and shown.sum() == MOST
    assert shown.any(1).nonzero().flatten().tolist() == [*range(9, 40), 49], "10 times or more"
