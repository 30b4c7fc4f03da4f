"""Of a model that reads several steps as one a report counts those of the sequence."""

import torch
from report.conftest import noisy

from throughtime import GRU, Model, Recurrent, fit, training
from throughtime.diagnose import diagnose
from throughtime.report import measure, write_report
from throughtime.report.network import network


def test_lags_gates_and_replicas_are_at_steps_of_the_sequence(tmp_path):
    train, test = noisy(steps=(20, 24)), noisy(steps=(20, 24), seed=1)
    torch.manual_seed(0)
    model = Model(
        Recurrent(GRU, 12, 5), classes=train.classes, channels=train.channels,
        statistics=True, differences=True, at_once=3,
    )  # fmt: skip
    run = fit(model, train, folder=tmp_path / "run", epochs=2)
    run.record(training.tested(model, train, test).results)
    measured = measure(run, train, test)
    assert measured["replicas"]["steps"] == 24
    assert measured["replicas"]["at"] == [0, 3, 6, 9, 12, 15, 18, 21]
    for sample in measured["gates"]:
        steps = sample["sequence"]["steps"]
        assert sample["at"] == list(range(0, steps, 3))
        assert all(len(row) == len(sample["at"])
                   for layer in sample["layers"] for rows in layer["values"].values()
                   for row in rows)  # fmt: skip
    (layer,) = measured["after"]["layers"]
    assert layer["gradient"]["lag"] == [0, 3, 6, 9, 12, 15, 18, 21]
    x = torch.stack([test[k][:20] for k in range(4)], 1)
    (by_hand,) = diagnose(model, x, loss=lambda out: out.square().sum(), n=1, sequences=4)
    assert by_hand.flow.jacobian.lags == 6, "the library counts steps of the layer"
    assert write_report(run, train, test).exists()


def test_the_network_says_what_it_is_given_and_what_stands_beside_it():
    plain = Model(Recurrent(GRU, 2, 5), classes=("a", "b"), channels=("x", "y"))
    more = Model(
        Recurrent(GRU, 12, 5), classes=("a", "b"), channels=("x", "y"),
        statistics=True, differences=True, at_once=3,
    )  # fmt: skip
    assert str(network(plain)).startswith("Input x of width 2; layer 1")
    assert "beside" not in str(network(plain))
    said = str(network(more))
    assert said.startswith(
        "Input x of width 12, changes since the step before among it, 3 steps in one; layer 1"
    )
    assert said.endswith(
        "and beside it a linear map of mean, spread and last step of each column, 6 → 2."
    )
