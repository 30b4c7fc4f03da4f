"""What is measured for a report: plain data, nothing disturbed, before and after."""

import itertools
import json

import torch
from report.conftest import copied, data, trained

from throughtime.diagnose import diagnose
from throughtime.report import keep, kept, measure, report
from throughtime.report.measure import NUMBERS, STEPS, rounded, thinned
from throughtime.training import load


def test_it_is_plain_data_and_the_same_after_a_round_trip(plain_run):
    run, found = plain_run
    assert json.loads(json.dumps(found)) == found
    assert kept(load(run.folder)) == found


def test_nothing_is_disturbed(plain_run):
    run, found = plain_run
    weights = {k: v.clone() for k, v in run.model.state_dict().items()}
    torch.manual_seed(3)
    state = torch.get_rng_state()
    assert measure(run, data(), data(seed=1)) == found
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(v, weights[k]) for k, v in run.model.state_dict().items())


def test_before_is_the_network_that_training_began_with(plain_run):
    run, found = plain_run
    again = load(run.folder)
    again.model.load_state_dict(again.initial)
    again.initial = {}
    first = measure(again, data(), data(seed=1))
    assert first["before"] is None
    assert first["after"] == found["before"] != found["after"]


def test_gradients_are_those_of_diagnose(failed_run):
    run, found = failed_run
    test = copied(seed=1000)
    x = torch.stack([test[k] for k in range(16)], 1)
    y = test.labels[:16]
    (layer,) = diagnose(run.model, x, loss=lambda s: torch.nn.functional.cross_entropy(s, y), n=1,
                        sequences=16)  # fmt: skip
    curve = found["after"]["layers"][0]["gradient"]
    assert curve["horizon"] == layer.flow.gradient.horizon()
    torch.testing.assert_close(
        torch.tensor(curve["relative"]), layer.flow.gradient.relative, rtol=1e-3, atol=1e-9
    )
    assert abs(found["after"]["reach"] - curve["horizon"]) <= 3, "one layer, one direction"


def test_what_reaches_the_input_from_the_beginning_where_time_runs_backward(tmp_path):
    both = copied(40), copied(40, seed=1000)
    _, found = trained(tmp_path / "run", *both, hidden=4, epochs=1, direction="backward")
    after = found["after"]
    assert after["from"] == "beginning"
    curve = after["at_input"]["relative"]
    assert max(curve[:5]) > 0.3 and curve[-1] < 0.01


def test_both_ends_reach_the_loss_of_both_directions(tmp_path):
    both = copied(40), copied(40, seed=1000)
    _, found = trained(tmp_path / "run", *both, hidden=4, epochs=1, direction="both")
    assert found["after"]["reach"] == 60


def test_the_commonest_confusions(plain_run):
    """Each beside the surest right ones, with the probability of the class it was taken for."""
    run, test = plain_run[0], data(seed=1)
    names = list(test.classes)
    probabilities = torch.rand(len(test), 3, generator=torch.Generator().manual_seed(0)).softmax(-1)
    found = measure(run, data(), test, probabilities)["confusions"]
    chosen, wrong = probabilities.argmax(-1), []
    for i, j in itertools.permutations(range(3), 2):
        wrong.append(int(((test.labels == i) & (chosen == j)).sum()))
    assert [p["count"] for p in found] == sorted(wrong, reverse=True)[:3]
    for pair in found:
        i, j = names.index(pair["true"]), names.index(pair["taken"])
        for key, label, taken in (("it", i, j), ("of_true", i, i), ("of_taken", j, j)):
            those = ((test.labels == label) & (chosen == taken)).nonzero()[:, 0].tolist()
            surest = max(those, key=lambda k, c=taken: float(probabilities[k, c]))
            assert pair[key]["name"] == test.names[surest]
            assert pair[key]["label"] == names[label]
            assert pair[key]["probability"] == rounded(float(probabilities[surest, taken]))
        assert pair["count"] == ((test.labels == i) & (chosen == j)).sum()


def test_long_sequences_and_many_units_are_thinned_out(tmp_path):
    both = [data(9, channels=tuple(f"c{k}" for k in range(40)), steps=(900, 902), seed=k)
            for k in (0, 1)]  # fmt: skip
    _, found = trained(tmp_path / "run", *both, hidden=40, epochs=1)
    for sequence in found["data"]["drawn"]:
        assert len(sequence["at"]) == STEPS and sequence["at"][-1] == sequence["steps"] - 1
    assert len(found["after"]["layers"][0]["gradient"]["lag"]) == STEPS
    numbers = [len(row) for s in found["gates"] for layer in s["layers"]
               for rows in layer["values"].values() for row in rows]  # fmt: skip
    assert 0 < sum(numbers) <= NUMBERS
    assert len(json.dumps(found)) < 1_100_000


def test_a_channel_that_never_changes_in_training_is_named(tmp_path):
    train, test = (data(12, channels=("c0", "<still>"), seed=k) for k in (0, 1))
    train.values[:, 1] = 0.1
    run, found = trained(tmp_path / "run", train, test, epochs=1)
    assert found["data"]["constant"] == ["<still>"]
    assert "Channel &lt;still&gt;: the same value in every training step" in report(run, found)
    del found["data"]["constant"]  # as an earlier version kept it
    assert "the same value" not in report(run, found)


def test_rounding_and_thinning():
    assert rounded({"a": [1.23456789, float("nan"), 3, None, "x"]}) == {
        "a": [1.2346, None, 3, None, "x"]
    }
    assert thinned(5) == [0, 1, 2, 3, 4]
    assert thinned(100, 3)[::2] == [0, 99] and len(thinned(100, 3)) == 3


def test_a_run_without_a_folder_is_not_kept(tmp_path):
    run, found = trained(None, data(12), data(12, seed=1), epochs=1)
    assert run.initial and found["before"] is not None
    keep(run, found)
    assert kept(run) is None
