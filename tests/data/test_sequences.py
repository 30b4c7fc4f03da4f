"""Ragged sequences: what goes in comes out, and what does not fit together is refused."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data import Sequences, Target
from throughtime.errors import DataError

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=12)


def some(lengths, channels=2, **given):
    """Sequences of these lengths whose values are all different."""
    values = torch.arange(1.0, sum(lengths) * channels + 1).reshape(-1, channels)
    return Sequences.from_list(list(values.split(list(lengths))), **given)


def parts(**changed):
    """The parts of two good sequences of lengths 2 and 1, some of them changed."""
    return {
        "values": torch.ones(3, 2),
        "offsets": torch.tensor([0, 2, 3]),
        "channels": ("a", "b"),
        "names": ("first", "second"),
        "targets": {"labels": Target(torch.tensor([0, 1]), ("no", "yes"))},
    } | changed


def labelled(*labels, **options):
    return {"targets": {"labels": Target(torch.tensor(labels), ("no", "yes"), **options)}}


def numbered(values, **options):
    return {"targets": {"speed": Target(values, **options)}}


@given(LENGTHS)
def test_gives_back_the_arrays_it_was_made_from(lengths):
    arrays = [np.random.default_rng(n).normal(size=(n, 3)).astype("float32") for n in lengths]
    sequences = Sequences.from_list(arrays)
    assert len(sequences) == len(arrays)
    assert sequences.lengths.tolist() == lengths
    for place, array in enumerate(arrays):
        assert torch.equal(sequences[place], torch.from_numpy(array))
        assert torch.equal(sequences[place - len(arrays)], torch.from_numpy(array))


def test_an_item_is_a_view():
    sequences = some([2, 3])
    assert sequences[1].data_ptr() == sequences.values[2:].data_ptr()


def test_iterates_over_every_sequence_once():
    assert [len(values) for values in some([2, 3, 1])] == [2, 3, 1]


@given(LENGTHS, st.data())
def test_select_equals_one_at_a_time(lengths, data):
    sequences = some(lengths, labels=[n % 2 for n in lengths], classes=["0", "1"])
    indices = data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=15))
    chosen = sequences.select(indices)
    assert chosen.names == tuple(str(i) for i in indices)
    assert chosen.labels.tolist() == [lengths[i] % 2 for i in indices]
    assert (chosen.channels, chosen.classes) == (sequences.channels, sequences.classes)
    for place, index in enumerate(indices):
        assert torch.equal(chosen[place], sequences[index])


def test_from_list_takes_one_channel_lists_and_whole_numbers():
    sequences = Sequences.from_list([[1, 2, 3], [4]])
    assert sequences.values.tolist() == [[1.0], [2.0], [3.0], [4.0]]
    assert (sequences.channels, sequences.names) == (("c0",), ("0", "1"))
    assert sequences.labels is None and sequences.classes == ()


@pytest.mark.parametrize(
    "labels, classes, codes",
    [
        ([10, 9, 10], ("9", "10"), [1, 0, 1]),
        (torch.tensor([1, 0, 1]), ("0", "1"), [1, 0, 1]),
        (np.array([3, 3, -1]), ("-1", "3"), [1, 1, 0]),
        (["b", "a", "10"], ("10", "a", "b"), [2, 1, 0]),
        ([torch.tensor(7), np.array(3), np.int8(7)], ("3", "7"), [1, 0, 1]),
        (np.array(["b", "a", "b"]), ("a", "b"), [1, 0, 1]),
    ],
)
def test_classes_are_sorted_as_numbers_or_as_text(labels, classes, codes):
    sequences = some([1, 1, 1], labels=labels)
    assert sequences.classes == classes
    assert sequences.labels.tolist() == codes


def test_given_classes_decide_the_codes():
    sequences = some([1, 1], labels=["a", "c"], classes=["c", "b", "a"])
    assert sequences.labels.tolist() == [2, 0]


def test_classes_without_labels_are_refused():
    with pytest.raises(DataError, match="classes are given without labels; expected both or nei"):
        some([1, 1], classes=["a", "b"])


def test_repr_says_what_is_in_it():
    assert repr(some([2, 5], labels=["a", "b"])) == (
        "Sequences(2 of 2 to 5 steps, 2 channels, 7 rows, 2 classes)"
    )
    assert repr(some([2])) == "Sequences(1 of 2 to 2 steps, 2 channels, 2 rows, no labels)"


def test_the_good_parts_are_good():
    assert len(Sequences(**parts())) == 2


@pytest.mark.parametrize(
    "changed, says",
    [
        ({"values": torch.ones(3)}, r"values has shape \(3,\).*expected \(N, C\)"),
        ({"values": torch.ones(3, 2).double()}, "values .*torch.float64; .*convert it"),
        ({"offsets": torch.tensor([0.0, 2.0, 3.0])}, "offsets .*torch.float32; .*torch.int64"),
        ({"offsets": torch.tensor([0])}, r"offsets has shape \(1,\).*S at least 1"),
        ({"offsets": torch.tensor([0, 2, 4])}, "0 first and 4 last; expected 0 and 3"),
        ({"offsets": torch.tensor([1, 2, 3])}, "1 first and 3 last; expected 0 and 3"),
        ({"offsets": torch.tensor([0, 3, 3])}, "sequence 1 .'second'. has 0 steps; .*Leave it out"),
        ({"offsets": torch.tensor([0, 4, 3])}, "sequence 1 .'second'. has -1 steps"),
        ({"channels": ("a",)}, "channels has 1; expected 2"),
        ({"names": ("a", "b", "c")}, "names has 3; expected 2"),
        (labelled(0), r"labels has shape \(1,\).*expected \(2,\).*one label for each sequence"),
        (labelled(0.0, 1.0), "labels .*torch.float32; .*torch.int64"),
        (labelled(0, 2), "labels has 0 to 2; expected 0 to 1, .*Name every class"),
        (labelled(-2, 1), "labels has -2 to 1; expected 0 to 1, or -1 where it is not known"),
        (labelled(0, 1, each_step=True), r"labels has .*expected \(3,\).*label for each step"),
        (labelled([0, 1], [1, 0]), r"labels has shape \(2, 2\).*expected \(2,\)"),
        (numbered(torch.ones(3)), r"speed has shape \(3,\).*\(2,\) or \(2, K\)"),
        (numbered(torch.ones(2, 1, 1)), r"speed has shape \(2, 1, 1\)"),
        (numbered(torch.ones(2, 4), each_step=True), r"\(2, 4\).*\(3,\) or \(3, K\).*each step"),
        (numbered(torch.tensor([1, 2])), "speed .*torch.int64; .*torch.float32"),
        (numbered(torch.tensor([1.0, torch.inf])), "speed has an infinite number; .*nan where"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changed, says):
    with pytest.raises(DataError, match=says):
        Sequences(**parts(**changed))


@pytest.mark.parametrize("bad, shown", [(-torch.inf, "-inf"), (torch.inf, "inf")])
def test_a_value_that_is_not_finite_is_located(bad, shown):
    values = torch.ones(3, 2)
    values[2, 1] = bad
    says = f"sequence 1 ('second'), step 0, channel 'b' has {shown}; expected a finite number"
    with pytest.raises(DataError, match=re.escape(says)):
        Sequences(**parts(values=values))


@pytest.mark.parametrize(
    "arrays, labels, says",
    [
        ([], None, "arrays has no sequence"),
        ([[[1.0, 2.0]], [[1.0]]], None, "sequence 1 has 1 channels; expected 2"),
        ([np.ones((2, 2, 2))], None, r"sequence 0 has shape \(2, 2, 2\); expected \(T, C\)"),
        ([["x"]], None, "sequence 0 has .*expected numbers"),
        ([[1.0], []], None, "sequence 1 .'1'. has 0 steps"),
        ([[1.0]], [0, 1], r"labels has shape \(2,\).*expected \(1,\)"),
        ([[1.0], [2.0]], [0.5, 1], "Sequences: labels has the number '0.5'; .*whole numbers"),
        ([[1.0], [2.0]], [np.array([1]), 2], r"label 0 has shape \(1,\); expected one text or "),
        ([[1.0], [2.0]], [1, torch.tensor([1, 2])], r"label 1 has shape \(2,\); .*shape \(S,\)"),
        ([[1.0], [2.0]], torch.tensor([[1], [2]]), r"label 0 has shape \(1,\); expected one text"),
        ([[1.0], [2.0]], ["a", None], "label 1 has no value; expected one text or whole number"),
        ([[1.0], [2.0]], ["a", float("nan")], "label 1 has no value; expected one text"),
        ([[1.0], [2.0]], [b"a", b"b"], "label 0 has \"b'a'\"; expected one text or whole number"),
        ([[1.0], [2.0]], [[1], [2]], r"label 0 has '\[1\]'; expected one text or whole number"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arrays, labels, says):
    with pytest.raises(DataError, match=says):
        Sequences.from_list(arrays, labels)


def test_an_unknown_class_is_named_with_the_nearest():
    with pytest.raises(DataError, match="class 'Cta'; expected one of 'dog', 'cat' .*mean 'cat'"):
        some([1], labels=["Cta"], classes=["dog", "cat"])


@pytest.mark.parametrize("indices", [[], [2], [-1]])
def test_select_refuses_what_is_not_there(indices):
    with pytest.raises(DataError, match="select: indices .*0 to 1"):
        some([1, 2]).select(indices)


@pytest.mark.parametrize("place", [2, -3])
def test_an_item_that_is_not_there_is_an_index_error(place):
    with pytest.raises(IndexError, match=f"no sequence {place} among 2"):
        some([1, 2])[place]
