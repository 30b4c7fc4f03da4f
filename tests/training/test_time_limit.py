"""A run that may take so many minutes, by a clock that the tests set."""

import math
import sys
from types import SimpleNamespace

import pytest
from training.tiny import model, same, sequences

from throughtime import fit, load
from throughtime.errors import OptionError
from throughtime.training import Options
from throughtime.training.optimise import SCHEDULES
from throughtime.training.run import read

DATA = sequences(14)  # 3 batches of 5 an epoch


class Stop(Exception):
    pass


@pytest.fixture
def clock(monkeypatch):
    """Time stands still but for what `progress` adds to it."""
    now = SimpleNamespace(seconds=0.0)
    fake = SimpleNamespace(monotonic=lambda: now.seconds)
    monkeypatch.setattr(sys.modules["throughtime.training.fit"], "time", fake)
    return now


def trained(clock, each=6.0, told=None, stop=0, **options):
    """Each batch takes `each` seconds, counted from the second on: the clock moves after one."""
    told = [] if told is None else told

    def progress(at):
        told.append(at)
        clock.seconds += each
        if len(told) == stop:
            raise Stop

    return fit(model(DATA), DATA, progress=progress, **{"batch_size": 5, "epochs": 50} | options)


def test_it_ends_after_the_batch_at_which_its_time_is_spent(clock):
    told = []
    run = trained(clock, told=told, minutes=0.5)
    # the sixth batch is done 30 seconds after the first one
    assert [(at.epoch, at.batch) for at in told] == [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3)]
    assert run.history[-1]["stopped"] == "minutes" and "stopped" not in run.history[0]
    assert run.history[-1]["epoch"] == 2 == len(run.history)
    within = trained(clock, told=(told := []), minutes=0.4)
    assert len(told) == 5 and len(within.history) == 2
    assert within.history[-1]["stopped"] == "minutes" and not within.model.training


def test_the_time_of_validation_counts(clock, monkeypatch):
    fit_module = sys.modules["throughtime.training.fit"]
    measure = fit_module.evaluate

    def slow(*of):
        clock.seconds += 100.0
        return measure(*of)

    monkeypatch.setattr(fit_module, "evaluate", slow)
    run = trained(clock, told=(told := []), minutes=1, validation=0.2)
    assert len(told) == run.history[-1]["epoch"] * len(told) and len(run.history) == 1
    assert run.history[0]["stopped"] == "minutes" and run.history[0]["seconds"] > 100


@pytest.mark.parametrize("name", [n for n in SCHEDULES if n != "plateau"])
def test_the_rate_falls_with_the_time(clock, name):
    run = trained(clock, minutes=2, schedule=name, learning_rate=0.01)
    rates = [row["learning_rate"] for row in run.history]
    ends = {"cosine": 0.0, "onecycle": 0.0, "exponential": 0.01, "step": 0.001}
    assert 7 == len(rates) < 50
    assert rates[-1] == pytest.approx(0.01 * ends[name], rel=1e-6, abs=1e-6)
    assert rates[0] > 10 * rates[-1] or name == "onecycle"
    if name == "cosine":  # 12 of 120 seconds after the third batch, 30 after the sixth
        assert rates[:2] == pytest.approx(
            [0.005 * (1 + math.cos(math.pi * s)) for s in (0.1, 0.25)]
        )


def test_plateau_hears_of_the_loss_alone(clock):
    run = trained(clock, minutes=1, schedule="plateau", learning_rate=0.01)
    assert [row["learning_rate"] for row in run.history] == [0.01] * len(run.history)


def test_epochs_end_it_too_and_the_rate_has_fallen_then(clock):
    run = trained(clock, told=(told := []), each=1.0, minutes=10, epochs=4)
    assert len(run.history) == 4 and "stopped" not in run.history[-1]
    assert run.history[-1]["learning_rate"] == pytest.approx(0.0, abs=1e-12)
    assert [at.share for at in told][-3:] == pytest.approx([10 / 12, 11 / 12, 1.0])


def test_the_time_goes_on_in_a_resumed_run(clock, tmp_path):
    options = {"minutes": 0.5, "folder": tmp_path / "run", "checkpoint_seconds": 0}
    with pytest.raises(Stop):
        trained(clock, stop=4, **options)
    clock.seconds += 1000.0  # nobody trains
    trained(clock, told=(told := []), resume=True, **options)
    whole = trained(clock, told=(all_ := []), minutes=0.5)
    assert len(all_) == 6
    again = load(tmp_path / "run")
    assert again.history[-1]["stopped"] == "minutes" and again.options.minutes == 0.5
    assert 2 <= len(told) <= 4 and len(again.history) == len(whole.history) == 2
    trained(clock, told=(more := []), resume=True, **options)
    assert more == [], "a run that is finished stays so"


def test_without_a_limit_nothing_is_said_and_nothing_changes(clock):
    one, other = trained(clock, epochs=3), trained(clock, each=0.0, epochs=3)
    assert same(one.model.state_dict(), other.model.state_dict())
    assert "stopped" not in one.history[-1] and one.options.minutes is None


def test_patience_is_said(tmp_path):
    run = fit(model(DATA), DATA, epochs=40, validation=0.25, patience=1, learning_rate=5.0,
              clip=None, schedule=None, folder=tmp_path / "run")  # fmt: skip
    assert len(run.history) < 40 and read(tmp_path / "run").history[-1]["stopped"] == "patience"


@pytest.mark.parametrize("minutes", [0, -1, math.inf, math.nan, True])
def test_what_is_no_time(minutes):
    with pytest.raises(OptionError, match="minutes is .*; expected a number above 0"):
        Options(minutes=minutes)
