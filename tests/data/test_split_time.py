"""What comes last set aside: nothing of it, or after it, is trained on."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data import Sequences, Target, split
from throughtime.errors import DataError


def beginning(*begins, lengths=None):
    """Sequences of two steps, or as many as said, whose times go on in steps of 1."""
    lengths = lengths or [2] * len(begins)
    arrays = [torch.arange(n).float() + b for b, n in zip(begins, lengths, strict=True)]
    made = Sequences.from_list(arrays, [k % 2 for k in range(len(begins))])
    return replace(made, moments=made.values[:, 0].double())


def series(*lengths, each_step=True):
    """Sequences whose steps are numbered, with a target for each step."""
    made = Sequences.from_list([torch.arange(n).float() for n in lengths])
    if not each_step:
        return made
    return replace(made, targets={"y": Target(made.values[:, 0] + 100, each_step=True)})


def steps(sequences):
    return [s.flatten().int().tolist() for s in sequences]


def test_the_sequences_that_begin_last_whatever_their_order():
    train, test = split(beginning(5, 1, 9, 3, 7), 0.4, over_time=True)
    assert steps(train) == [[5, 6], [1, 2], [3, 4]] and steps(test) == [[9, 10], [7, 8]]


def test_sequences_between_are_left_out():
    train, test = split(beginning(5, 1, 9, 3, 7), 0.2, over_time=True, gap=2)
    assert steps(train) == [[1, 2], [3, 4]] and steps(test) == [[9, 10]]


@given(
    st.lists(st.integers(0, 5), min_size=2, max_size=30).filter(lambda b: len({*b}) > 1),
    st.floats(0.01, 0.99),
)
def test_those_that_begin_together_stay_together(begins, share):
    sequences = beginning(*begins)
    train, test = split(sequences, share, over_time=True)
    assert len(train) + len(test) == len(sequences)
    cut = min(s[0].item() for s in test)
    assert max(s[0].item() for s in train) < cut
    sizes = [sum(b >= moment for b in begins) for moment in sorted({*begins})[1:]]
    assert abs(len(test) - share * len(begins)) == min(abs(n - share * len(begins)) for n in sizes)


def test_sequences_that_all_begin_at_one_time():
    with pytest.raises(DataError, match="all 3 sequences begin at the same time; .* by group"):
        split(beginning(4, 4, 4), 0.2, over_time=True)


def test_without_times():
    with pytest.raises(DataError, match="the sequences have no times; expected them"):
        split(replace(beginning(1, 2), moments=None), 0.2, over_time=True)


def test_a_gap_that_leaves_nothing():
    with pytest.raises(DataError, match="2 sequences begin before .* expected more than 2, becau"):
        split(beginning(1, 2, 3), 0.3, over_time=True, gap=2)


@pytest.mark.parametrize("each_step", [True, False])
def test_one_series_is_cut(each_step):
    train, test = split(series(10, each_step=each_step), 0.3, over_time=True, gap=2)
    assert steps(train) == [[*range(5)]] and steps(test) == [[7, 8, 9]]
    assert train.names == test.names == ("0",)


def test_with_targets_of_steps_every_sequence_is_cut():
    train, test = split(series(10, 4), 0.25, over_time=True, gap=1)
    assert steps(train) == [[*range(7)], [0, 1]] and steps(test) == [[8, 9], [3]]
    assert (test.targets["y"].values - 100).tolist() == test.values[:, 0].tolist()


def test_one_too_short_to_be_cut_stays_in_training():
    train, test = split(series(10, 3, 1), 0.2, over_time=True, gap=2)
    assert steps(train) == [[*range(6)], [0, 1, 2], [0]] and steps(test) == [[8, 9]]
    with pytest.raises(DataError, match="longest sequence has 3 steps; expected at least 6"):
        split(series(3, 2), 0.2, over_time=True, gap=4)


def test_one_sequence_with_one_target_cannot_be_split():
    made = Sequences.from_list([[1.0, 2.0, 3.0]], targets={"y": [1.0]})
    with pytest.raises(DataError, match="one sequence, and a target of the whole of it; expected"):
        split(made, 0.3, over_time=True)


def test_a_cut_keeps_all_that_steps_have():
    made = replace(
        series(4, 3),
        times=[f"t{k}" for k in range(7)],
        rows=torch.arange(7),
        moments=torch.arange(7).double(),
        attributes={"who": ("a", "b")},
    )
    cut = made.cut(torch.tensor([1, 3]), torch.tensor([3, 3]))
    assert cut.names == ("0",) and cut.attributes == {"who": ("a",)}
    assert cut.times == ["t1", "t2"] and cut.rows.tolist() == cut.moments.tolist() == [1, 2]
    with pytest.raises(DataError, match="cut: stop has no step after first"):
        made.cut(torch.tensor([1, 3]), torch.tensor([1, 3]))
