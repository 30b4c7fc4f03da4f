"""What to try next: each rule where it holds and where it does not."""

import re
from types import SimpleNamespace

import pytest
import typechecker

from throughtime.tasks import Classify
from throughtime.training import Options, advice, try_next


@pytest.fixture(autouse=True)
def runs_are_made_up():
    with typechecker.unchecked():
        yield


def rows(losses, held=None, norm=0.5):
    made = [{"epoch": k + 1, "loss": v, "gradient_norm": norm} for k, v in enumerate(losses)]
    for row, value in zip(made, held or (), strict=False):
        row["validation_loss"] = value
    return made


def run(history, own=0.5, linear=0.9, loss=0.5, counts=(100, 100), dropout=0.3, **options):
    part = {"sequences": 400, "accuracy": linear, "classes": ["a", "<b>`c`"]}
    return SimpleNamespace(
        model=SimpleNamespace(
            task=Classify(("a", "<b>`c`")), dropout=dropout, readout=SimpleNamespace(name="last")
        ),
        options=Options(epochs=max(len(history), 1), **options),
        history=history,
        results={
            "test": part | {"accuracy": own, "loss": loss},
            "linear": part,
            "counts": {"training": {"sequences": sum(counts), "classes": list(counts)}},
        },
    )


FALLING = rows([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
FLAT = rows([1.0, 0.5, 0.3, 0.31, 0.3, 0.3, 0.3, 0.3])
STUCK = rows([0.7, 0.69, 0.69, 0.69, 0.69, 0.69, 0.69, 0.69])


def test_a_loss_that_still_falls_asks_for_more_epochs():
    (said,) = try_next(run(FALLING))
    assert said == ("The training loss was still falling at the end: train longer, `--epochs 16`.")
    assert advice.still_falling(FALLING) and not advice.still_falling(FLAT)
    assert not advice.still_falling(FALLING[:7]), "too few epochs to tell"
    best_last = rows([1.0] * 20, held=[1.0 - k / 40 for k in range(20)])
    assert advice.still_falling(best_last)
    assert not advice.still_falling(rows([1.0] * 20, held=[0.5] * 20))
    assert "validation loss was" in try_next(run(best_last, validation=0.2))[0]


def test_a_loss_that_hardly_changes_asks_for_another_learning_rate():
    (said,) = try_next(run(STUCK))
    assert "(0.7 to 0.69) and gradients were short: try `--learning-rate 0.009`." in said
    clipped = rows([0.7] * 8, norm=30.0)
    (said,) = try_next(run(clipped))
    assert "gradients were long: try `--learning-rate 0.0009`." in said
    rising = rows([0.7, 0.7, 0.7, 0.7, 0.8])
    assert "`--learning-rate 0.0009`" in try_next(run(rising))[0]
    assert try_next(run(STUCK, own=0.99, linear=0.5)) == [], "it learned in the first epoch"
    assert not [*advice.stuck(STUCK[:4], Options())] and not [*advice.stuck(FLAT, Options())]


def test_a_gap_to_other_sequences_asks_for_less_freedom():
    learned = rows([1.0, 0.5, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05])
    (said,) = try_next(run(learned, loss=0.6))
    assert "(loss 0.05 beside 0.6): try `--validation 0.2`, which stops in time, " in said
    assert "`--dropout 0.5`, `--weight-decay 0.01`, a smaller `--hidden`, or more" in said
    held = rows([1.0, 0.2, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05],
                held=[1.0, 0.7, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9])  # fmt: skip
    (said,) = try_next(run(held, validation=0.2, dropout=0.5, weight_decay=0.1))
    assert "(loss 0.2 beside 0.7): try a smaller `--hidden`, or more" in said, "of the best epoch"
    assert try_next(run(learned, own=0.99, linear=0.5, loss=0.1)) == [], "less than a tenth"
    assert try_next(run(learned, own=0.99, linear=0.5, loss=0.6)), "said of a winner too"


def test_a_gradient_that_does_not_reach_asks_for_another_cell():
    measured = {"lengths": [80, 90], "before": {"reach": 3}, "after": {"reach": 5}}
    said = try_next(run(FLAT, loss=0.3), measured)
    assert said[0].startswith("Less than 1% of the gradient reaches further than 5 of 80 steps")
    assert "`--cell 'LSTM(keep_bias=3.0)'`" in said[0] and "`--pooling mean`" in said[0]
    assert "pooling" not in [*advice.does_not_reach(measured, "mean")][0]
    assert not [*advice.does_not_reach(measured | {"before": {"reach": 40}}, "last")]
    assert not [*advice.does_not_reach({**measured, "before": None, "after": {"reach": 60}}, "")]
    assert try_next(run(FLAT, own=0.99, linear=0.5, loss=0.3), measured) == []


def test_few_sequences_are_said():
    said = try_next(run(FLAT, loss=0.3, counts=(100, 9)))
    assert said == [
        "The class '<b>`c`' has only 9 training sequences: more of them would help; "
        "`--class-weights` gives rare classes more weight."
    ]
    (said,) = try_next(run(FLAT, loss=0.3, counts=(9, 9)))
    assert "class-weights" not in said
    (said,) = try_next(run(FLAT, loss=0.3, counts=(100, 9), class_weights=True))
    assert "class-weights" not in said
    numbers = {"counts": {"training": {"sequences": 30}}}
    assert [*advice.few_sequences(numbers, Options())] == [
        "There are only 30 training sequences: more of them would help."
    ]
    assert not [*advice.few_sequences({}, Options())], "of an older run nothing is known"


def test_where_nothing_is_to_blame_the_baseline_may_have_it_all():
    (said,) = try_next(run(FLAT, loss=0.3))
    assert said.startswith("Training shows no fault") and "`--validation 0.2`" in said
    assert "`--validation" not in try_next(run(FLAT, loss=0.3, validation=0.1))[0]
    assert try_next(run(FLAT, own=0.99, linear=0.5, loss=0.3)) == []


def test_there_are_at_most_three_and_none_without_a_test():
    measured = {"lengths": [80], "before": None, "after": {"reach": 5}}
    said = try_next(run(FALLING, loss=0.9, counts=(100, 2)), measured)
    assert len(said) == 3 and "class" not in said[-1]
    untested = run(FALLING)
    untested.results = {}
    assert try_next(untested) == [] and try_next(run([])) == []


@pytest.mark.parametrize("name", ["epochs", "learning-rate", "validation", "dropout", "hidden",
                                  "weight-decay", "cell", "pooling", "class-weights",
                                  "seed"])  # fmt: skip
def test_what_is_proposed_can_be_given(name):
    import inspect

    from throughtime.cli.train import train

    assert name.replace("-", "_") in inspect.signature(train).parameters
    proposed = re.findall("`--([a-z-]+)", inspect.getsource(advice))
    assert name in proposed and len({*proposed}) == 10
