"""Each sentence, where it is justified and where it is not."""

import math
from types import SimpleNamespace

import pytest

from throughtime.report import findings


def results(own, linear, majority, n=400, classes=2):
    names = [f"k{k}" for k in range(classes)]
    per = n // classes
    confusion = [[0] * classes for _ in names]
    for k in range(classes):
        confusion[k][k] = round(own * per)
        confusion[k][(k + 1) % classes] = per - round(own * per)
    part = {"sequences": n, "loss": 1.0, "classes": names, "confusion": confusion}
    accuracies = {"test": own, "linear": linear, "majority": majority}
    return {key: part | {"accuracy": a} for key, a in accuracies.items()}


@pytest.mark.parametrize(
    ("scores", "says"),
    [
        ((0.95, 0.70, 0.5), "It beats the linear baseline by 100 sequences of 400"),
        ((0.70, 0.95, 0.5), "The linear baseline beats it by 100 sequences of 400"),
        ((0.95, 0.9475, 0.5), "1 sequence of 400 better than the linear baseline"),
        ((0.9475, 0.95, 0.5), "so small a difference can be chance"),
        ((0.95, 0.95, 0.5), "It does as well as the linear baseline"),
        ((0.51, 0.51, 0.5), "no better than always saying the commonest class"),
        ((0.51, 0.99, 0.5), "The mean, spread and last value of each channel tell more."),
    ],
)
def test_the_result(scores, says):
    said = findings.result(results(*scores), "LSTM")
    assert said[0].startswith(f"The LSTM is right on {scores[0]:.1%} of 400 test sequences")
    assert says in " ".join(said[1:])
    others = ("beats", "chance", "as well", "no better")
    assert sum(word in " ".join(said[1:]) for word in others) == 1


def test_test_sequences_that_are_training_sequences():
    scores = results(0.95, 0.70, 0.5)
    scores["test"]["also_in_training"] = 3
    assert findings.result(scores, "LSTM")[-1].startswith(
        "3 of 400 test sequences are in the train"
    )


def test_constant_channels():
    assert findings.constant([]) == []
    assert findings.constant(["<b>"]) == [
        "Channel <b>: the same value in every training step, so the network learns nothing from it."
    ]
    (line,) = findings.constant([f"c{k}" for k in range(9)])
    assert line.startswith("Channels c0, c1, c2, c3, c4, c5 and 3 more: the same value in every")


def test_chance():
    assert findings.chance(0.97, 0.98, 370) and not findings.chance(0.9, 0.98, 370)
    assert not findings.chance(0.97, 0.98, 100_000)


def rows(losses, **more):
    return [{"loss": v, "gradient_norm": 0.5, "seconds": 1.0 + k,
             **{key: values[k] for key, values in more.items()}}
            for k, v in enumerate(losses)]  # fmt: skip


OPTIONS = SimpleNamespace(clip=1.0)


def test_learning():
    def said(history):
        return " ".join(findings.learning(history, OPTIONS))

    assert said([]) == "No epoch is finished yet."
    falling = rows([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
    assert "from 1 to 0.3 in 8 epochs, 8.0 s." in said(falling) and "more epochs" in said(falling)
    flat = rows([1.0, 0.5, 0.3, 0.1, 0.011, 0.011, 0.0105, 0.01])
    assert "more epochs" not in said(flat) and "clipped" not in said(flat)
    held = [1.0, 0.5, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    over = rows([1.0] * 9, validation_loss=held)
    assert "lowest, 0.4, in epoch 3" in said(over) and "overfitting" in said(over)
    steady = rows([1.0] * 9, validation_loss=sorted(held, reverse=True))
    assert "overfitting" not in said(steady)
    clipped = rows([1.0, 1.0])
    clipped[0]["gradient_norm"] = 7.0
    assert "In 1 of 2 epochs some gradient was longer than 1 and was clipped." in said(clipped)


def test_confusions():
    assert findings.confusions(results(1.0, 1, 0.5)) == [
        "No test sequence is taken for one of another class."
    ]
    said = findings.confusions(results(0.75, 1, 0.5, n=40))
    assert said == ["10 of 40 test sequences are taken for one of another class. The commonest "
                    "confusion: k0 taken for k1, 5 of 20."]  # fmt: skip
    one = results(0.5, 1, 0.5, n=4)
    one["test"]["confusion"] = [[2, 0], [2, 0]]
    assert findings.confusions(one)[-1] == "Every sequence is taken for k0."


def curve(horizon=None, verdict="steady", rate=0.0, lags=99, last=0.5):
    return {"horizon": horizon, "verdict": verdict, "rate": rate, "lags": lags,
            "relative": [1.0, last]}  # fmt: skip


def found(after=10, before=10, steps=100, start="end", **of_curve):
    layer = {"where": "layer 1 forward", "gradient": curve(**of_curve), "gates": {}}
    one = {"from": start, "layers": [layer]}
    return {
        "lengths": [steps, steps],
        "before": None if before is None else one | reach(before),
        "after": one | reach(after),
    }


def reach(steps):
    return {"reach": steps, "at_input": {"lag": [0], "relative": [1.0 if steps else 0.0]}}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"horizon": 8}, "the gradient falls below 1% after 8 steps"),
        ({"horizon": 1}, "below 1% after 1 step;"),
        ({}, "50% of the gradient is left after 99 steps, the whole length"),
        ({"verdict": "exploding", "rate": math.log(1.1)}, "grows by a factor of 1.1 a step"),
    ],
)
def test_gradients(options, says):
    said = findings.gradients(found(**options))
    assert said[0] == "Back from the last step of the 2 longest test sequences, 100 steps."
    assert says in said[1] and "; before, " in said[1]
    assert "before" not in " ".join(findings.gradients(found(before=None, **options)))


def test_a_layer_that_no_gradient_reaches():
    nothing = found()
    for when in ("before", "after"):
        nothing[when]["layers"][0]["gradient"] |= {"verdict": None, "relative": [None, None]}
    assert "the gradient is 0 at the last step" in findings.gradients(nothing)[1]


def test_of_many_layers_the_shortest_and_the_longest():
    many = found()
    for when in ("before", "after"):
        many[when]["layers"] = [
            {"where": f"layer {k} forward", "gradient": curve(h), "gates": {}}
            for k, h in enumerate((20, 5, None, 30))
        ]
    said = " ".join(findings.gradients(many))
    assert "Layer 1 forward: after training the gradient falls below 1% after 5 steps" in said
    assert "Layer 2 forward" in said and "Layer 0" not in said and "Layer 3" not in said


def test_at_the_input():
    assert "It reaches all 100 steps" in findings.at_input(found(after=100))[-1]
    said = findings.at_input(found(after=10))[-1]
    assert "10 steps from the end" in said and "the other 90" in said
    assert "It is 0 at every step" in findings.at_input(found(after=0))[-1]


GUESSING, LEARNED = results(0.5, 0.5, 0.5), results(0.9, 0.5, 0.5)


def why(scores, reached, loss=0.69):
    return " ".join(findings.why_not_learned(scores, rows([0.7, loss]), reached))


def test_the_gradient_does_not_reach():
    said = why(GUESSING, found(10, 12))
    assert "The gradient does not reach." in said
    assert "12 steps from there it is below 1%" in said, "the longer of the two"
    assert "100 steps long" in said and "in the first 88 steps, cannot be learned" in said
    assert "if that is what tells the class" in said and "keep_bias" in said
    backward = why(GUESSING, found(10, 12, start="beginning"))
    assert "What stands later, in the last 88 steps" in backward
    assert "before training" not in why(GUESSING, found(10, None))


def test_no_gradient_reaches_the_input_at_all():
    said = why(GUESSING, found(0, 0))
    assert said.startswith("No gradient reaches the input, before training and after")
    assert "does not reach." not in said and "keep_bias" not in said


def test_nothing_is_said_of_a_network_that_learned():
    assert why(LEARNED, found(10, 10)) == ""


def test_nothing_is_said_where_the_commonest_class_is_nearly_all():
    assert why(results(0.97, 0.97, 0.97), found(10, 10)) == ""


def test_a_gradient_that_reached_before_or_after_is_not_to_blame():
    for reached in (found(10, 100), found(100, 10), found(60, 60)):
        said = why(GUESSING, reached)
        assert "does not reach" not in said and "not what keeps the network" in said


def test_learned_by_heart():
    assert "by heart" in why(GUESSING, found(100, 100), loss=0.01)
    short = why(GUESSING, found(10, 10), loss=0.01)
    assert "does not reach" in short and "by heart from the 10 steps" in short
    assert "keep_bias" not in short


def test_gates():
    def gated(**gates):
        one = found()
        one["after"]["layers"][0]["gates"] = {
            k: {"closed": c, "open": o} for k, (c, o) in gates.items()
        }
        return " ".join(findings.gates(one))

    assert gated() == "This cell has no gates; below are its states."
    assert "Nearly always: keep (layer 1 forward) is open" in gated(keep=(0.0, 0.95), read=(0, 0))
    assert "write (layer 1 forward) is closed" in gated(write=(0.95, 0.0))
    assert "The most decided gate is keep (layer 1 forward): 20% of its values are below 0.1 and 30% above" in gated(keep=(0.2, 0.3), read=(0.1, 0.1))  # noqa: E501  # fmt: skip


def test_ranked():
    said = findings.ranked(["RNN", "LSTM"], [results(0.6, 0.5, 0.5), results(0.9, 0.5, 0.5)])
    assert said == ["Right on 400 test sequences: LSTM 90.0%, RNN 60.0%."]
    near = findings.ranked(["RNN", "LSTM"], [results(0.9, 0.99, 0.5), results(0.905, 0.99, 0.5)])
    assert "So small a lead as that of LSTM can be chance." in near
    assert "The linear baseline is right on 99.0%: none of them beats it." in near
