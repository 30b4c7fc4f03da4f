"""How long to train, and how many steps to read as one, where a person does not say."""

import pytest

from throughtime.training.recipe import enough_epochs, steps_at_once


@pytest.mark.parametrize(
    ("sequences", "batch_size", "epochs"),
    [(1, 32, 300), (32, 32, 300), (33, 32, 150), (270, 32, 34), (640, 32, 15), (10_000, 32, 15),
     (10_000, 1000, 30)],
)  # fmt: skip
def test_a_small_set_is_seen_more_often(sequences, batch_size, epochs):
    assert enough_epochs(sequences, batch_size) == epochs


@pytest.mark.parametrize(
    ("longest", "at_once"), [(1, 1), (29, 1), (64, 1), (65, 2), (128, 2), (129, 3), (1460, 23)]
)
def test_no_sequence_has_more_than_64_steps_for_the_layers(longest, at_once):
    assert steps_at_once(longest) == at_once
    assert -(-longest // at_once) <= 64
