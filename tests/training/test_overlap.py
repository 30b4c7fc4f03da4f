"""A test sequence counts as shared if a training sequence has its values and its label."""

import pytest
import torch
from training.tiny import sequences

from throughtime.data import Sequences
from throughtime.training.overlap import said, shared

TRAIN = Sequences.from_list([[1.0, 2.0], [1.0], [3.0, 4.0]], ["a", "b", "a"])


@pytest.mark.parametrize(
    ("arrays", "labels", "count"),
    [
        ([[1.0, 2.0], [1.0], [3.0, 4.0]], "aba", 3),
        ([[3.0, 4.0], [3.0, 4.0], [4.0, 3.0]], "aab", 2),  # each of them, in any order
        ([[1.0, 2.0], [1.0]], "ba", 0),  # the label of another
        ([[1.0, 2.0, 3.0], [2.0], [1.0, 1.0]], "aba", 0),  # parts of some
    ],
)
def test_equal_values_and_label(arrays, labels, count):
    test = Sequences.from_list(arrays, list(labels))
    assert shared(TRAIN, test)["also_in_training"] == count


def test_the_label_is_that_of_its_name_in_whatever_order_the_classes_are():
    test = Sequences.from_list([[1.0, 2.0], [1.0]], ["a", "b"], classes=["b", "a"])
    assert shared(TRAIN, test) == {
        "also_in_training": 2, "also_in_training_names": ["0", "1"]
    }  # fmt: skip


def test_the_shape_counts():
    one = Sequences.from_list([torch.tensor([[1.0, 2.0]])])
    two = Sequences.from_list([torch.tensor([[1.0], [2.0]])])
    assert shared(one, one)["also_in_training"] == 1
    assert shared(one, two) == {"also_in_training": 0}


def test_without_labels_and_without_any_shared():
    one, other = sequences(6), sequences(6, seed=1)
    assert shared(one, other) == {"also_in_training": 0}
    of_itself = shared(one, one)
    assert of_itself["also_in_training"] == 6
    assert of_itself["also_in_training_names"] == ["0", "1", "2", "3", "4"]


def test_what_is_said():
    assert said({"sequences": 5, "also_in_training": 0}) == said({"sequences": 5}) == []
    (line,) = said({"sequences": 5, "also_in_training": 2})
    assert line.startswith("2 of 5 test sequences are in the training part too, value for value:")


@pytest.mark.parametrize(
    ("count", "names", "says"),
    [
        (2, ["a", "b"], "2 of 5 test sequences are in .* value for value ('a', 'b'): on these"),
        (3, ["a"], "3 of 5 .* ('a', and others): on these"),
        (1, ["\x1b[31m\n"], "1 of 5 .* ('\\x1b[31m\\n'): on these"),
    ],
)
def test_the_first_ones_are_named(count, names, says):
    scores = {"sequences": 5, "also_in_training": count, "also_in_training_names": names}
    (line,) = said(scores)
    first, last = says.split(" .* ")
    assert line.startswith(first) and last in line and line.isprintable()
