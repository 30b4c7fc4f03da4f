"""What reaches the input of each step, from whichever end."""

import torch
from report.conftest import copied, noisy, trained
from report.made_up import moments
from training.tiny import model

from throughtime import RNN
from throughtime.data import collate
from throughtime.report.sections import input_gradient


def at_input(measured):
    return input_gradient.how_far(measured["after"], min(measured["lengths"]))


def test_at_the_input():
    assert "It reaches all 100 steps" in at_input(moments(after=100))[-1]
    says = at_input(moments(after=10))[-1]
    assert "10 steps from the end" in says and "the other 90" in says
    assert "It is 0 at every step" in at_input(moments(after=0))[-1]


def test_what_reaches_the_input_from_the_end_where_time_runs_forward(failed_run):
    after = failed_run[1]["after"]
    assert after["from"] == "end"
    curve = after["at_input"]["relative"]
    assert max(curve[:5]) > 0.3 and curve[-1] < 0.01


def test_what_reaches_the_input_from_the_beginning_where_time_runs_backward(tmp_path):
    both = copied(40), copied(40, seed=1000)
    _, measured = trained(tmp_path / "run", *both, hidden=4, epochs=1, direction="backward")
    after = measured["after"]
    assert after["from"] == "beginning"
    curve = after["at_input"]["relative"]
    assert max(curve[:5]) > 0.3 and curve[-1] < 0.01


def test_both_ends_reach_the_loss_of_both_directions(tmp_path):
    both = copied(40), copied(40, seed=1000)
    _, measured = trained(tmp_path / "run", *both, hidden=4, epochs=1, direction="both")
    assert measured["after"]["reach"] == 60


def test_of_a_network_that_does_not_see_its_input_the_reach_is_0():
    test = noisy(6)
    own = model(test, RNN, 3)
    with torch.no_grad():
        for p in own.parameters():
            p.zero_()
    measured = input_gradient.measure(own.eval(), collate(test, torch.arange(6)), own.task)
    assert measured["reach"] == 0 and not measured["at_input"]["relative"].any()
