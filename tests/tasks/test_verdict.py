"""Whether a result beats its baselines, and how far chance moves it."""

import pytest

from throughtime.tasks import Classify, Metric, Regress
from throughtime.tasks.verdict import beaten, chance, interval, verdict

ACCURACY, TITLES = Classify.metric, {"majority": "majority class", "linear": "linear"}


def results(own, linear, majority=0.5, n=400):
    accuracies = {"test": own, "linear": linear, "majority": majority}
    return {name: {"accuracy": a, "sequences": n} for name, a in accuracies.items()}


@pytest.mark.parametrize(
    ("own", "linear", "says", "won"),
    [
        (0.95, 0.70, "beats the best baseline, linear, 0.7000.", True),
        (0.95, 0.94, "is ahead of the best baseline, linear, 0.9400, by so little that", False),
        (0.95, 0.95, "does not beat the best baseline, linear, 0.9500: they are alike.", False),
        (0.94, 0.95, "does not beat the best baseline, linear, 0.9500; so small a diff", False),
        (0.70, 0.95, "does not beat the best baseline, linear, 0.9500: prefer that", False),
        (0.51, 0.40, "is ahead of the best baseline, majority class, 0.5000, by so", False),
    ],
)
def test_beside_the_best_baseline(own, linear, says, won):
    made = results(own, linear)
    said = verdict(made, ACCURACY, TITLES, "throughtime LSTM")
    assert said.startswith(f"throughtime LSTM, accuracy {own:.4f} (of 400; ") and says in said
    assert beaten(made, ACCURACY, TITLES) == won


def test_more_test_sequences_make_a_difference_sure():
    assert not beaten(results(0.95, 0.94, n=400), ACCURACY, TITLES)
    assert beaten(results(0.95, 0.94, n=40_000), ACCURACY, TITLES)
    assert chance(0.97, 0.98, 370) and not chance(0.9, 0.98, 370)
    assert not chance(0.97, 0.98, 100_000)


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611),
     (29, 29, 0.8830, 1.0)],
)  # fmt: skip
def test_the_interval_is_that_of_the_literature(right, n, low, high):
    """Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I."""
    assert interval(right / n, n) == pytest.approx((low, high), abs=1e-4)


def test_numbers_have_no_range():
    made = {"test": {"R2": 0.5, "sequences": 10}, "ridge": {"R2": 0.6}, "mean": {"R2": -0.1}}
    said = verdict(made, Regress.metric, Regress.baseline_titles)
    assert said == (
        "this model, R2 0.5000, does not beat the best baseline, ridge (linear regression), "
        "0.6000: prefer that, it is simpler."
    )


def test_less_may_be_better_and_there_may_be_no_baseline():
    error = Metric("rmse", higher=False)
    made = {"test": {"rmse": 1.0}, "a": {"rmse": 2.0}, "b": {"rmse": 1.5}}
    assert "beats the best baseline, B, 1.5000." in verdict(made, error, {"a": "A", "b": "B"})
    assert beaten(made, error, {"a": "A", "b": "B"})
    assert verdict(made, error, {}) == "this model, rmse 1.0000; there is no baseline to beat."
    assert beaten(made, error, {})


def test_a_hostile_title_stays_on_its_line():
    said = verdict(results(0.9, 0.5), ACCURACY, {"linear": "\x1b[2Ja\nb"})
    assert said.isprintable()
