"""What is measured for a report: plain data, nothing disturbed, before and after."""

import json

import torch
from report.conftest import noisy, trained

from throughtime.report import keep, kept, measure
from throughtime.report.rounding import STEPS
from throughtime.report.sections.gates import NUMBERS
from throughtime.training import load


def test_it_is_plain_data_and_the_same_after_a_round_trip(plain_run):
    run, measured = plain_run
    assert json.loads(json.dumps(measured)) == measured
    assert kept(load(run.folder)) == measured


def test_nothing_is_disturbed(plain_run):
    run, measured = plain_run
    weights = {k: v.clone() for k, v in run.model.state_dict().items()}
    torch.manual_seed(3)
    state = torch.get_rng_state()
    assert measure(run, noisy(), noisy(seed=1)) == measured
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(v, weights[k]) for k, v in run.model.state_dict().items())


def test_before_is_the_network_that_training_began_with(plain_run):
    run, measured = plain_run
    again = load(run.folder)
    again.model.load_state_dict(again.initial)
    again.initial = {}
    first = measure(again, noisy(), noisy(seed=1))
    assert first["before"] is None
    assert first["after"] == measured["before"] != measured["after"]


def test_long_sequences_and_many_units_are_thinned_out(tmp_path):
    both = [noisy(9, channels=tuple(f"c{k}" for k in range(40)), steps=(900, 902), seed=k)
            for k in (0, 1)]  # fmt: skip
    _, measured = trained(tmp_path / "run", *both, hidden=40, epochs=1)
    for sequence in measured["data"]["drawn"]:
        assert len(sequence["at"]) == STEPS and sequence["at"][-1] == sequence["steps"] - 1
    assert len(measured["after"]["layers"][0]["gradient"]["lag"]) == STEPS
    numbers = [len(row) for s in measured["gates"] for layer in s["layers"]
               for rows in layer["values"].values() for row in rows]  # fmt: skip
    assert 0 < sum(numbers) <= NUMBERS
    assert len(json.dumps(measured)) < 1_100_000


def test_a_run_without_a_folder_is_not_kept(tmp_path):
    run, measured = trained(None, noisy(12), noisy(12, seed=1), epochs=1)
    assert run.initial and measured["before"] is not None
    keep(run, measured)
    assert kept(run) is None
