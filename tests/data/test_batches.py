"""Batches: every sequence once an epoch, padded with zeros, in an order that can be repeated."""

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data import Batches, Sequences, Target, collate
from throughtime.errors import DataError, OptionError

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=40)
SIZES = st.integers(1, 12)


def some(lengths, labels=True):
    """Sequences whose values are all different and none of them zero."""
    values = torch.arange(1.0, 2 * sum(lengths) + 1).reshape(-1, 2)
    return Sequences.from_list(
        list(values.split(lengths)),
        [n % 3 for n in lengths] if labels else None,
        classes=["0", "1", "2"] if labels else None,
    )


@given(LENGTHS, SIZES, st.booleans(), st.booleans(), st.integers(0, 3))
def test_every_sequence_comes_exactly_once_an_epoch(lengths, size, shuffle, group, epoch):
    batches = Batches(some(lengths), size, shuffle=shuffle, group_by_length=group)
    order = batches.order(epoch)
    assert sorted(torch.cat(order).tolist()) == list(range(len(lengths)))
    sizes = [len(indices) for indices in order]
    assert max(sizes) <= size and max(sizes) - min(sizes) <= 1
    assert len(order) == len(batches) == len(list(batches.epoch(epoch)))


@given(LENGTHS, SIZES, st.integers(0, 5))
def test_collate_equals_the_slow_loop(lengths, size, epoch):
    sequences = some(lengths)
    for batch in Batches(sequences, size).epoch(epoch):
        assert batch.x.shape == (int(batch.lengths.max()), len(batch.indices), 2)
        for b, index in enumerate(batch.indices.tolist()):
            steps = lengths[index]
            assert int(batch.lengths[b]) == steps
            assert int(batch.y[b]) == steps % 3
            assert torch.equal(batch.x[:steps, b], sequences[index])
            assert not batch.x[steps:, b].any()


def test_padding_is_not_negative_zero():
    sequences = Sequences.from_list([[-1.0], [-1.0, -1.0]])
    batch = collate(sequences, torch.tensor([0, 1]))
    assert not batch.x[1, 0].signbit()


def test_collate_leaves_the_sequences_as_they_were():
    sequences = some([1, 3])
    before = sequences.values.clone()
    collate(sequences, torch.tensor([0, 1])).x.zero_()
    assert torch.equal(sequences.values, before)


def test_without_labels_there_is_no_y():
    assert collate(some([1, 2], labels=False), torch.tensor([0])).y is None


@pytest.mark.parametrize("group", [True, False])
def test_seed_and_epoch_alone_decide_the_order(group):
    def order(seed, epoch, passed=()):
        batches = Batches(some([1 + n % 7 for n in range(50)]), 4, True, seed, group)
        for other in passed:
            batches.order(other)
        torch.rand(3)  # the global generator has no say
        return [indices.tolist() for indices in batches.order(epoch)]

    assert order(0, 5) == order(0, 5, passed=[0, 1, 2])
    assert order(0, 0) != order(0, 1)
    assert order(0, 1) != order(1, 0)
    assert order(0, 0) != order(1, 0)


def test_the_order_is_the_one_it_has_always_been():
    # A run resumed after an upgrade must meet the same batches.
    batches = Batches(some([1 + n % 4 for n in range(8)]), 3, seed=1)
    assert [indices.tolist() for indices in batches.order(2)] == [
        [5, 6, 2],
        [7, 3],
        [4, 0, 1],
    ]


@given(LENGTHS, SIZES, st.data())
def test_an_epoch_resumes_at_any_place(lengths, size, data):
    batches = Batches(some(lengths), size, seed=3)
    start = data.draw(st.integers(0, len(batches)))
    whole = [batch.indices.tolist() for batch in batches.epoch(4)]
    assert [batch.indices.tolist() for batch in batches.epoch(4, start)] == whole[start:]


def test_grouping_wastes_less_padding_and_still_mixes():
    lengths = torch.randint(1, 100, (1000,), generator=torch.Generator().manual_seed(0)).tolist()
    sequences = some(lengths)

    def padding(**options):
        batches = list(Batches(sequences, 10, **options).epoch(0))
        return 1 - sum(lengths) / sum(batch.x.shape[0] * batch.x.shape[1] for batch in batches)

    assert padding(shuffle=False) < 0.02
    assert 0.03 < padding() < 0.15  # grouped in pools, not over the whole
    assert padding(group_by_length=False) > 0.4
    batches = Batches(sequences, 10)
    first, second = ({frozenset(i.tolist()) for i in batches.order(e)} for e in (0, 1))
    assert len(first & second) < 5
    # Batches come in drawn order, not from short to long.
    longest = [max(lengths[i] for i in indices) for indices in batches.order(0)]
    assert longest[:8] != sorted(longest[:8])


@given(LENGTHS, SIZES)
def test_without_shuffle_indices_put_results_in_order(lengths, size):
    sequences = some(lengths)
    results = torch.zeros(len(lengths))
    for batch in Batches(sequences, size, shuffle=False).epoch(0):
        results[batch.indices] = batch.x.sum((0, 2))
    assert results.tolist() == [float(sequences[i].sum()) for i in range(len(lengths))]


def test_without_shuffle_and_grouping_the_order_is_that_of_the_sequences():
    batches = Batches(some([3, 1, 2, 5, 4]), 2, shuffle=False, group_by_length=False)
    assert [indices.tolist() for indices in batches.order(9)] == [[0, 1], [2, 3], [4]]


def test_to_moves_everything():
    batch = collate(some([1, 2]), torch.tensor([0, 1])).to("meta")
    assert {t.device.type for t in (batch.x, batch.y, batch.lengths, batch.indices)} == {"meta"}
    assert collate(some([1], labels=False), torch.tensor([0])).to("meta").y is None


def with_steps(lengths):
    """Sequences with a class and two numbers at every step, and a number of each sequence."""
    sequences = some(lengths, labels=False)
    steps = torch.arange(sum(lengths))
    targets = {
        "phase": Target(steps % 2, ("a", "b"), each_step=True),
        "pair": Target(torch.stack([steps, -steps], 1).float(), each_step=True),
        "size": Target(torch.tensor(lengths).float()),
    }
    return dataclasses.replace(sequences, targets=targets)


def test_targets_of_steps_are_padded_with_what_is_not_known():
    batch = collate(with_steps([2, 4]), torch.tensor([1, 0]))
    assert batch.targets["phase"].tolist() == [[0, 0], [1, 1], [0, -1], [1, -1]]
    assert batch.targets["pair"][:, 0].tolist() == [[k, -k] for k in range(2, 6)]
    assert batch.targets["pair"][:2, 1].tolist() == [[0, 0], [1, -1]]
    assert batch.targets["pair"][2:, 1].isnan().all()
    assert batch.targets["size"].tolist() == [4, 2]
    with pytest.raises(DataError, match="'phase', 'pair', 'size'; expected only one"):
        _ = batch.y


def test_a_piece_of_a_batch_has_the_targets_of_its_steps():
    batch = collate(with_steps([2, 4]), torch.tensor([1, 0]))
    piece = batch.piece(1, 2)
    assert torch.equal(piece.x, batch.x[1:3]) and piece.lengths.tolist() == [2, 1]
    assert torch.equal(piece.targets["phase"], batch.targets["phase"][1:3])
    assert torch.equal(piece.targets["size"], batch.targets["size"])
    assert batch.to("meta").piece(1, 2).targets["pair"].shape == (2, 2, 2)


def test_selected_sequences_keep_the_targets_of_their_steps():
    chosen = with_steps([2, 4, 1]).select([2, 1])
    assert chosen.targets["pair"].values[:, 0].tolist() == [6, 2, 3, 4, 5]
    assert chosen.targets["size"].values.tolist() == [1, 4]
    assert repr(chosen).endswith("'phase': 2 classes, 'pair': numbers, 'size': numbers)")


def test_a_batch_needs_a_sequence():
    with pytest.raises(OptionError, match="batch_size has 0; expected at least 1. Set it to 32"):
        Batches(some([1]), 0)
