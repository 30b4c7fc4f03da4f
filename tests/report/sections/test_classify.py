"""Sentences on a classifier and its baselines, where each is justified and where it is not."""

import pytest
from report.made_up import moments, results, rows

from throughtime.report.sections import classify


@pytest.mark.parametrize(
    ("scores", "says"),
    [
        ((0.95, 0.70, 0.5), "It beats the linear baseline by 100 sequences of 400"),
        ((0.70, 0.95, 0.5), "The linear baseline beats it by 100 sequences of 400"),
        ((0.95, 0.9475, 0.5), "1 sequence of 400 better than the linear baseline"),
        ((0.9475, 0.95, 0.5), "1 sequence of 400 worse than the linear baseline"),
        ((0.94, 0.95, 0.5), "so small a difference can be chance"),
        ((0.95, 0.95, 0.5), "It does as well as the linear baseline"),
        ((0.51, 0.51, 0.5), "no better than always saying the commonest class"),
        ((0.51, 0.99, 0.5), "The mean, spread and last value of each channel tell more."),
    ],
)
def test_the_result(scores, says):
    said = classify.beside_baselines(results(*scores), "LSTM")
    assert said[0].startswith(f"The LSTM is right on {scores[0]:.1%} of 400 test sequences")
    assert says in " ".join(said[1:])
    others = ("beats", "chance", "as well", "no better")
    assert sum(word in " ".join(said[1:]) for word in others) == 1


def test_test_sequences_that_are_training_sequences():
    scores = results(0.95, 0.70, 0.5)
    scores["test"]["also_in_training"] = 3
    assert classify.beside_baselines(scores, "LSTM")[-1].startswith(
        "3 of 400 test sequences are in the train"
    )


GUESSING, LEARNED = results(0.5, 0.5, 0.5), results(0.9, 0.5, 0.5)


def why(scores, reached, loss=0.69):
    return " ".join(classify.why_not_learned(scores, rows([0.7, loss]), reached))


def test_the_gradient_does_not_reach():
    said = why(GUESSING, moments(10, 12))
    assert "The gradient does not reach." in said
    assert "12 steps from there it is below 1%" in said, "the longer of the two"
    assert "100 steps long" in said and "in the first 88 steps, cannot be learned" in said
    assert "if that is what tells the class" in said and "keep_bias" in said
    backward = why(GUESSING, moments(10, 12, start="beginning"))
    assert "What stands later, in the last 88 steps" in backward
    assert "before training" not in why(GUESSING, moments(10, None))


def test_no_gradient_reaches_the_input_at_all():
    said = why(GUESSING, moments(0, 0))
    assert said.startswith("No gradient reaches the input, before training and after")
    assert "does not reach." not in said and "keep_bias" not in said


def test_nothing_is_said_of_a_network_that_learned():
    assert why(LEARNED, moments(10, 10)) == ""


def test_nothing_is_said_where_the_commonest_class_is_nearly_all():
    assert why(results(0.97, 0.97, 0.97), moments(10, 10)) == ""


def test_a_gradient_that_reached_before_or_after_is_not_to_blame():
    for reached in (moments(10, 100), moments(100, 10), moments(60, 60)):
        said = why(GUESSING, reached)
        assert "does not reach" not in said and "not what keeps the network" in said


def test_learned_by_heart():
    assert "by heart" in why(GUESSING, moments(100, 100), loss=0.01)
    short = why(GUESSING, moments(10, 10), loss=0.01)
    assert "does not reach" in short and "by heart from the 10 steps" in short
    assert "keep_bias" not in short


def test_ranked():
    said = classify.ranked(["RNN", "LSTM"], [results(0.6, 0.5, 0.5), results(0.9, 0.5, 0.5)])
    assert said == ["Right on 400 test sequences: LSTM 90.0%, RNN 60.0%."]
    near = classify.ranked(["RNN", "LSTM"], [results(0.9, 0.99, 0.5), results(0.905, 0.99, 0.5)])
    assert "So small a lead as that of LSTM can be chance." in near
    assert "The linear baseline is right on 99.0%: none of them beats it." in near
