"""How long to train, and what the layers are given, where a person does not say."""

import pytest

from throughtime.tasks import Classify, Tag
from throughtime.training.recipe import recipe

OF_SEQUENCES, OF_STEPS = recipe(Classify(("a", "b"))), recipe(Tag(("a", "b")))


@pytest.mark.parametrize(
    ("sequences", "batch_size", "epochs"),
    [(1, 32, 300), (32, 32, 300), (33, 32, 150), (270, 32, 34), (640, 32, 15), (10_000, 32, 15),
     (10_000, 1000, 30)],
)  # fmt: skip
def test_a_small_set_is_seen_more_often(sequences, batch_size, epochs):
    assert OF_SEQUENCES.epochs(sequences, batch_size) == epochs


@pytest.mark.parametrize(("sequences", "epochs"), [(1, 200), (33, 100), (200, 30), (10_000, 30)])
def test_tags_have_at_least_thirty_epochs(sequences, epochs):
    assert OF_STEPS.epochs(sequences, 32) == epochs


@pytest.mark.parametrize(
    ("longest", "at_once"), [(1, 1), (29, 1), (64, 1), (65, 2), (128, 2), (129, 3), (1460, 23)]
)
def test_no_sequence_has_more_than_64_steps_for_the_layers(longest, at_once):
    assert OF_SEQUENCES.of_model(longest)["at_once"] == at_once
    assert -(-longest // at_once) <= 64


def test_at_each_step_there_is_nothing_beside_the_steps():
    assert OF_STEPS.of_model(5000) == {
        "statistics": False, "differences": False, "noise": 0.0, "at_once": 1,
    }  # fmt: skip


def test_a_made_data_set_is_learned_by_a_map_from_state_to_state():
    made = recipe(Tag(("a", "b")), made=True)
    assert (made.cell, made.dropout, OF_STEPS.cell, OF_STEPS.dropout) == ("GRU", 0.0, "LSTM", 0.3)
    assert made.of_model(5000) == OF_STEPS.of_model(5000)
    assert made.epochs(800, 32) == 24
