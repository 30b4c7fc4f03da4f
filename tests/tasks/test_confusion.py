"""Precision, recall and F1 from a table of confusion."""

import pytest

from throughtime.tasks.confusion import precision_recall_f1


def test_each_class_is_counted_against_the_others():
    precision, recall, f1 = precision_recall_f1([[6, 2, 0], [1, 3, 1], [0, 0, 5]])
    assert precision == pytest.approx((6 / 7, 3 / 5, 5 / 6))
    assert recall == pytest.approx((6 / 8, 3 / 5, 1.0))
    assert f1 == pytest.approx((12 / 15, 6 / 10, 10 / 11))


def test_a_class_that_is_never_predicted_or_never_true_has_0():
    precision, recall, f1 = precision_recall_f1([[4, 0, 2], [3, 0, 0], [0, 0, 0]])
    assert precision == pytest.approx((4 / 7, 0.0, 0.0))
    assert recall == pytest.approx((4 / 6, 0.0, 0.0))
    assert f1 == pytest.approx((8 / 13, 0.0, 0.0))
