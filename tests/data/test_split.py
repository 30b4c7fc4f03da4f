"""A validation part: stratified, repeatable, never empty."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data import Sequences, split
from throughtime.errors import DataError, OptionError


def some(labels):
    return Sequences.from_list([[float(i)] for i in range(len(labels))], labels)


@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=40).filter(
        lambda labels: len(set(labels)) < len(labels)
    ),
    st.floats(0.01, 0.99),
    st.integers(0, 9),
)
def test_every_class_of_two_is_on_both_sides(labels, share, seed):
    sequences = some(labels)
    train, validation = split(sequences, share, seed)
    assert sorted(train.names + validation.names, key=int) == list(sequences.names)
    assert list(train.names) == sorted(train.names, key=int)
    assert train.classes == validation.classes == sequences.classes
    for code in sequences.labels.unique():
        count = int((sequences.labels == code).sum())
        aside = int((validation.labels == code).sum())
        if count == 1:
            assert aside == 0
        else:
            assert 1 <= aside <= count - 1
            assert abs(aside - share * count) <= 1


def test_the_share_is_that_of_each_class():
    _, validation = split(some(["a"] * 10 + ["b"] * 20), 0.2, seed=0)
    assert validation.labels.bincount().tolist() == [2, 4]


def test_the_seed_decides():
    def names(seed):
        torch.rand(1)  # the global generator has no say
        return split(some([0, 1] * 20), 0.3, seed)[1].names

    assert names(0) == names(0)
    assert names(0) != names(1)


def test_without_labels_all_are_one_class():
    train, validation = split(some([0] * 10), 0.3, seed=0)
    bare = Sequences.from_list([[float(i)] for i in range(10)])
    again, aside = split(bare, 0.3, seed=0)
    assert (again.names, aside.names) == (train.names, validation.names)
    assert aside.labels is None and len(aside) == 3


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, 20.0, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(OptionError, match="share has .*between 0 and 1. Set 0.2"):
        split(some([0, 0]), share, seed=0)


@pytest.mark.parametrize("labels", [[0], [0, 1, 2]])
def test_classes_of_one_cannot_be_split(labels):
    with pytest.raises(DataError, match="alone in their class; .*Add sequences or train without"):
        split(some(labels), 0.5, seed=0)
