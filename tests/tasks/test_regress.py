"""Numbers of sequences: scores, baselines and losses by slow computations; what is not known."""

import dataclasses
import math

import pytest
import torch

from throughtime import GRU, Model, Recurrent, evaluate, fit, load, predict, training
from throughtime.data import Sequences, collate
from throughtime.errors import DataError, OptionError
from throughtime.tasks import NumberScores, Regress
from throughtime.tasks.baselines import ridge

NAN = math.nan


def made(count=40, seed=0):
    """Sequences whose height and length are to be told; every fifth height is not known."""
    draw = torch.Generator().manual_seed(seed)
    heights = 2 + torch.rand(count, generator=draw)
    lengths = torch.randint(3, 9, (count,), generator=draw)
    arrays = [
        h + 0.1 * torch.randn(n, 2, generator=draw)
        for h, n in zip(heights.tolist(), lengths.tolist(), strict=True)
    ]
    known = [None if k % 5 == 0 else 100 * h for k, h in enumerate(heights.tolist())]
    return Sequences.from_list(arrays, targets={"height": known, "steps": lengths})


DATA, TEST = made(), made(25, seed=1)
TASK = Regress(("height", "steps"))


def model(task=TASK, **options):
    torch.manual_seed(0)
    return Model(Recurrent(GRU, 2, 8), task=task, channels=DATA.channels, **options)


def test_it_learns_and_beats_the_mean(tmp_path):
    run = fit(model(), DATA, folder=tmp_path / "run", epochs=60, batch_size=8,
              learning_rate=0.02, validation=0.2)  # fmt: skip
    results = training.tested(run.model, DATA, TEST).results
    assert results["test"]["R2"] > 0.9 and results["mean"]["R2"] < 0.1
    assert results["test"]["known"] == (20, 25)
    again = load(tmp_path / "run").model
    assert again.task == run.model.task and again.task.mean[0] > 200
    assert torch.equal(predict(again, TEST), predict(run.model, TEST))
    assert {"validation_loss", "validation_R2"} <= {*run.history[-1]}


def test_scores_equal_a_slow_computation():
    own = model().eval()
    own.task = own.task.fitted(DATA)
    with torch.no_grad():
        rows = [own(TEST[k][:, None])[0] for k in range(len(TEST))]
    predictions = torch.stack(rows) * torch.tensor(own.task.std) + torch.tensor(own.task.mean)
    scores = evaluate(own, TEST)
    squares = []
    for k, name in enumerate(TASK.targets):
        true = TEST.targets[name].values
        places = [i for i in range(len(TEST)) if not math.isnan(true[i])]
        errors = [float(predictions[i, k]) - float(true[i]) for i in places]
        mean = sum(float(true[i]) for i in places) / len(places)
        about = sum((float(true[i]) - mean) ** 2 for i in places)
        squared = sum(e * e for e in errors)
        assert scores.RMSE[k] == pytest.approx(math.sqrt(squared / len(places)), rel=1e-5)
        assert scores.MAE[k] == pytest.approx(sum(map(abs, errors)) / len(places), rel=1e-5)
        assert scores.R2_each[k] == pytest.approx(1 - squared / about, rel=1e-4)
        assert scores.known[k] == len(places)
        squares += [(e / own.task.std[k]) ** 2 for e in errors]
    assert scores.R2 == pytest.approx(sum(scores.R2_each) / 2)
    assert scores.loss == pytest.approx(sum(squares) / len(squares), rel=1e-5)


def test_what_is_not_known_is_neither_trained_nor_scored():
    """Whatever stands there, gradients and scores are those without these sequences."""
    one = Regress(("height",)).fitted(DATA)
    own, known = model(one), [k for k in range(len(DATA)) if k % 5]
    batch = collate(one.prepare("test", DATA), torch.arange(len(DATA)))
    less = collate(one.prepare("test", DATA.select(known)), torch.arange(len(known)))
    gradients = []
    for each in (batch, less):
        own.zero_grad()
        one.loss(own(each.x, each.lengths), each).backward()
        gradients.append([p.grad.clone() for p in own.parameters()])
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert int(one.answers(batch)) == int(one.answers(less)) == len(known)
    scores = [evaluate(own, part) for part in (DATA, DATA.select(known))]
    assert scores[0].RMSE == pytest.approx(scores[1].RMSE)


def test_targets_are_fitted_on_what_is_known():
    fitted = TASK.fitted(DATA)
    height = DATA.targets["height"].values
    height = height[~height.isnan()]
    assert fitted.mean[0] == pytest.approx(float(height.mean()), rel=1e-6)
    assert fitted.std[0] == pytest.approx(float(height.std(correction=0)), rel=1e-5)
    same = dataclasses.replace(DATA.targets["steps"], values=torch.full((40,), 7.0))
    constant = dataclasses.replace(DATA, targets=DATA.targets | {"steps": same})
    assert TASK.fitted(constant).std[1] == 1.0 and TASK.fitted(constant).mean[1] == 7.0


def test_the_ridge_baseline_is_the_minimum_of_its_loss():
    actual = torch.stack([DATA.targets[n].values for n in TASK.targets], -1)
    best = ridge(DATA, DATA, actual)
    from throughtime.tasks.baselines import _features
    from throughtime.tasks.features import steps

    x = _features(steps(DATA, DATA), DATA)
    x = (x - x.mean(0)) / x.std(0, correction=0)
    known = ~actual[:, 0].isnan()
    weight = torch.zeros(x.shape[1], dtype=x.dtype, requires_grad=True)
    bias = torch.zeros((), dtype=x.dtype, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=1000, line_search_fn="strong_wolfe",
                                  tolerance_grad=1e-12, tolerance_change=1e-14)  # fmt: skip

    def loss():
        optimiser.zero_grad()
        error = (x[known] @ weight + bias - actual[known, 0]).square().sum()
        total = error + weight.square().sum()
        total.backward()
        return total

    optimiser.step(loss)
    want = (x @ weight + bias).detach().float()
    torch.testing.assert_close(best[:, 0], want, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize(
    ("predicted", "R2"), [([3.0, 3.0], 1.0), ([3.0, 4.0], 0.0)], ids=["exact", "not"]
)
def test_a_target_that_is_always_the_same(predicted, R2):
    actual, spread = torch.tensor([[3.0], [3.0]]), torch.ones(1)
    scores = NumberScores.of(torch.tensor(predicted)[:, None], actual, ("a",), spread)
    assert scores.R2 == R2 and scores.summary().endswith(f"R2 {R2:.4f}")


@pytest.mark.parametrize(
    ("targets", "says"),
    [
        ({}, "have the targets none and no number 'height'"),
        ({"height": [1.0] * 39 + [None]}, "have the targets 'height' and no number 'steps'"),
        ({"height": [None] * 40, "steps": [1] * 40}, "'height' is not known for any sequence"),
    ],
)
def test_sequences_of_another_kind_are_refused(targets, says, tmp_path):
    data = Sequences.from_list([DATA[k] for k in range(40)], targets=targets)
    with pytest.raises(DataError, match=f"fit: .*{says}"):
        fit(model(), data, epochs=1, folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (["a", "b"], "0 has 'a'; expected one number for each sequence"),
        ([[1.0], 2.0], r"1 has '2.0'; expected shape \(1,\), .* or one number for each sequence"),
        ([torch.ones(2), 1.0], r"0 has shape \(2,\); expected shape \(1,\)"),
    ],
)
def test_a_target_is_one_number_a_sequence(values, says):
    with pytest.raises(DataError, match=f"'y' of sequence {says}"):
        Sequences.from_list([[1.0], [2.0]], targets={"y": values})


def test_a_validation_part_of_which_nothing_is_known_is_refused_at_once(tmp_path):
    heights = [1.0 if k == 0 else None for k in range(40)]
    data = Sequences.from_list([DATA[k] for k in range(40)], targets={"height": heights})
    with pytest.raises(DataError, match="fit: the target 'height' is not known for any sequence"):
        fit(model(Regress(("height",))), data, epochs=1, validation=0.5, folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("types_unchecked")
def test_what_the_task_refuses():
    with pytest.raises(OptionError, match="expected 1 or more names"):
        Regress(())
    with pytest.raises(OptionError, match="targets is 'yield'; expected 1 or more names"):
        Regress("yield")  # and not five targets of one letter each
    with pytest.raises(OptionError, match="expected every name once"):
        Regress(("a", "a"))
    with pytest.raises(OptionError, match="'regress' has no such option. Leave out class_weights"):
        fit(model(), DATA, epochs=1, class_weights=True)
