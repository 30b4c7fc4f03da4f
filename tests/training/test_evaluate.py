"""Scores and predictions equal slow computations, sequence by sequence."""

import dataclasses
import json
import math

import pytest
import torch
from training.tiny import model, sequences, with_classes

from throughtime import GRU, LeakyRNN, evaluate, predict
from throughtime.data import Scaler, Sequences
from throughtime.errors import DataError
from throughtime.tasks import ClassScores

DATA = sequences(23, classes=4)


def one_by_one(own):
    own.eval()
    with torch.no_grad():
        rows = [own(DATA[k][:, None]).softmax(-1)[0] for k in range(len(DATA))]
    return torch.stack(rows)


def untrained(**options):
    return model(DATA, GRU, 5, direction="both", scaler=Scaler.fit(DATA), **options)


@pytest.mark.parametrize("batch_size", [1, 4, 256])
def test_predictions_are_in_the_order_of_the_sequences(batch_size):
    own = untrained(dropout=0.5)
    assert len({*DATA.lengths.tolist()}) > 2, "so that batches by length are in another order"
    expected = one_by_one(own)
    found = predict(own.train(), DATA, batch_size=batch_size)
    assert found.shape == (23, 4)
    assert torch.allclose(found, expected, atol=1e-6)
    assert torch.allclose(found.sum(-1), torch.ones(23))


def test_predictions_leave_the_model_as_it_was():
    own = untrained()
    for training in (True, False):
        own.train(training)
        before = torch.get_rng_state()
        predict(own, DATA)
        assert own.training is training
        assert torch.equal(torch.get_rng_state(), before)
    assert all(p.grad is None for p in own.parameters())


def test_a_failure_leaves_the_model_as_it_was():
    own = untrained(output=torch.nn.Linear(3, 4)).train()
    with pytest.raises(RuntimeError):
        predict(own, DATA)
    assert own.training


def test_noise_is_for_training_alone():
    own = model(DATA, LeakyRNN(noise=2.0), 5, zoneout=0.5, weight_drop=0.5)
    assert torch.equal(predict(own, DATA), predict(own, DATA))


def test_labels_are_not_needed_to_predict():
    bare = with_classes(DATA)
    own = untrained()
    assert torch.equal(predict(own, bare), predict(own, DATA))


def test_scores_equal_a_slow_computation():
    own = untrained()
    probabilities = one_by_one(own)
    right, loss, confusion = 0, 0.0, [[0] * 4 for _ in range(4)]
    for row, label in zip(probabilities.tolist(), DATA.labels.tolist(), strict=True):
        chosen = row.index(max(row))
        right += chosen == label
        loss -= math.log(row[label]) / 23
        confusion[label][chosen] += 1
    scores = evaluate(own, DATA)
    assert 0 < right < 23, "neither all nor none, which a wrong count could give too"
    assert scores.accuracy == right / 23
    assert scores.loss == pytest.approx(loss, rel=1e-5)
    assert scores.confusion == tuple(tuple(row) for row in confusion)
    assert scores.sequences == 23 and scores.classes == DATA.classes
    data = json.loads(json.dumps(scores.to_dict()))
    assert data["accuracy"] == scores.accuracy and data["confusion"] == confusion


def test_the_loss_of_a_certain_error_is_finite():
    scores = ClassScores.of(torch.tensor([[1.0, 0.0]]), torch.tensor([1]), ("a", "b"))
    assert scores.accuracy == 0.0 and 60 < scores.loss < math.inf
    assert scores.confusion == ((0, 0), (1, 0))


def test_without_labels_there_is_nothing_to_measure():
    with pytest.raises(DataError, match="have no labels; expected a class for each. Give them"):
        evaluate(untrained(), Sequences.from_list([[[1.0, 2.0]]]))


def test_other_classes_and_channels_are_refused():
    own = untrained()
    with pytest.raises(DataError, match="classes a, b, c, d; expected those of the model, k0"):
        evaluate(own, with_classes(DATA, *"abcd"))
    with pytest.raises(DataError, match="has channels c1, c0; expected those of the model, c0, c1"):
        predict(own, dataclasses.replace(DATA, channels=("c1", "c0")))


def test_f1_of_each_class_equals_a_slow_computation():
    labels, chosen = torch.tensor([0, 0, 0, 1, 1, 3]), torch.tensor([0, 0, 1, 1, 0, 1])
    probabilities = torch.nn.functional.one_hot(chosen, 5).float()
    scores = ClassScores.of(probabilities, labels, ("a", "b", "c", "d", "e"))
    for k in range(5):
        right = sum(int(a == b == k) for a, b in zip(labels, chosen, strict=True))
        precision = right / max(int((chosen == k).sum()), 1)
        recall = right / max(int((labels == k).sum()), 1)
        f1 = 2 * precision * recall / (precision + recall) if right else 0.0
        got = (scores.precision[k], scores.recall[k], scores.F1[k])
        assert got == pytest.approx((precision, recall, f1))
    # c and e are neither true nor predicted: what is not met is not averaged over
    assert scores.macro_F1 == pytest.approx(sum(scores.F1[k] for k in (0, 1, 3)) / 3)
    assert scores.to_dict()["macro_F1"] == scores.macro_F1
    assert scores.to_dict()["precision"] == scores.precision
    rows = scores.tables()[1].rows
    assert rows[0] == ("a", "0.6667", "0.6667", "0.6667", "3") and rows[3][-1] == "1"


def test_results_begin_with_a_verdict_and_count_the_data():
    from throughtime.training import tested

    results = tested(untrained(), DATA, DATA.select([0, 1, 2])).results
    assert [*results][:2] == ["verdict", "counts"]
    assert results["verdict"].startswith("throughtime GRU, accuracy ")
    counts = results["counts"]["training"]
    assert counts["sequences"] == 23 and counts["steps"] == len(DATA.values)
    assert counts["classes"] == torch.bincount(DATA.labels, minlength=4).tolist()
    assert results["counts"]["test"]["sequences"] == 3
