"""Learning: the curves of all epochs, and what is said of them."""

from types import SimpleNamespace

import pytest
from report.made_up import rows

from throughtime import report
from throughtime.report.sections import learning

OPTIONS = SimpleNamespace(clip=1.0)


def test_learning():
    def says(history):
        return " ".join(learning.how_it_went(history, OPTIONS))

    assert says([]) == "No epoch is finished yet."
    falling = rows([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
    assert "from 1 to 0.3 in 8 epochs, 8.0 s." in says(falling) and "more epochs" in says(falling)
    flat = rows([1.0, 0.5, 0.3, 0.1, 0.011, 0.011, 0.0105, 0.01])
    assert "more epochs" not in says(flat) and "clipped" not in says(flat)
    held = [1.0, 0.5, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    over = rows([1.0] * 9, validation_loss=held)
    assert "lowest, 0.4, in epoch 3" in says(over) and "overfitting" in says(over)
    steady = rows([1.0] * 9, validation_loss=sorted(held, reverse=True))
    assert "overfitting" not in says(steady)
    clipped = rows([1.0, 1.0])
    clipped[0]["gradient_norm"] = 7.0
    assert "In 1 of 2 epochs some gradient was longer than 1 and was clipped." in says(clipped)


def test_learning_curves_have_every_epoch(plain_run):
    run, _ = plain_run
    (loss, norm) = report.learning_curves(run).data
    assert list(loss.x) == [1, 2, 3, 4]
    assert list(loss.y) == pytest.approx([row["loss"] for row in run.history], rel=1e-4)
    assert list(norm.y) == pytest.approx([r["gradient_norm"] for r in run.history], rel=1e-4)


def test_learning_curves_name_their_axes(plain_run):
    layout = report.learning_curves(plain_run[0]).layout
    assert (layout.yaxis.title.text, layout.yaxis2.title.text) == ("loss", "gradient norm")
    assert (layout.xaxis.title.text, layout.xaxis2.title.text) == (None, "epoch")
