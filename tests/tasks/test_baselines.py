"""The numbers to beat are what they say they are."""

import dataclasses
import math

import pytest
import torch
from training.tiny import sequences

from throughtime.data import Sequences
from throughtime.tasks.baselines import linear, majority


def labelled(labels, classes=None):
    arrays = [[[float(k), 1.0]] for k in range(len(labels))]
    return Sequences.from_list(arrays, list(labels), classes=classes)


def test_the_majority_is_of_the_training_part():
    train, test = labelled("abbbcc"), labelled("aaaab", classes="abc")
    scores = majority(train, test)
    assert scores.accuracy == 1 / 5
    assert scores.confusion == ((0, 4, 0), (0, 1, 0), (0, 0, 0))
    assert scores.sequences == 5 and math.isfinite(scores.loss)


def features(data):
    """Mean, spread and last value of each channel, one sequence after the other, in float64."""
    rows = []
    for k in range(len(data)):
        x = data[k].double()
        rows.append(torch.cat([x.mean(0), x.std(0, correction=0), x[-1]]))
    return torch.stack(rows)


def newton(x, labels, classes, steps=60):
    """Logistic regression with the same penalty, by Newton's method on the dense Hessian."""
    n, c = len(x), classes
    bias = torch.ones(n, 1, dtype=x.dtype)
    design = torch.cat([x, bias], 1)
    penalty = torch.ones(design.shape[1], dtype=x.dtype)
    penalty[-1] = 0.0
    weight = torch.zeros(c, design.shape[1], dtype=x.dtype)
    target = torch.nn.functional.one_hot(labels, c).double()
    for _ in range(steps):
        p = (design @ weight.T).softmax(-1)
        gradient = (p - target).T @ design / n + weight * penalty / n
        curve = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]  # (n, c, c)
        hessian = torch.einsum("ncd,ni,nj->cidj", curve, design, design).reshape(
            c * design.shape[1], -1
        )
        hessian = hessian / n + torch.diag((penalty / n).repeat(c) + 1e-12)
        step = torch.linalg.solve(hessian, gradient.flatten()).view_as(weight)
        weight = weight - step
    return design @ weight.T, lambda z: torch.cat([z, torch.ones(len(z), 1)], 1) @ weight.T


@pytest.mark.parametrize("classes", [2, 3])
def test_the_linear_baseline_is_penalised_logistic_regression(classes):
    train = sequences(40, classes=classes)
    test = sequences(25, classes=classes, seed=9)
    # so much noise that it is not simply right
    train, test = (noisy(part, k) for k, part in enumerate((train, test)))
    x, z = features(train), features(test)
    mean, std = x.mean(0), x.std(0, correction=0)
    _, predict = newton((x - mean) / std, train.labels, classes)
    probabilities = predict((z - mean) / std).softmax(-1)
    scores = linear(train, test)
    expected = (probabilities.argmax(-1) == test.labels).double().mean()
    assert 0.3 < scores.accuracy < 1
    assert scores.accuracy == pytest.approx(float(expected))
    likelihood = probabilities[range(25), test.labels]
    assert scores.loss == pytest.approx(float(-likelihood.log().mean()), rel=1e-3)


def noisy(data, seed):
    noise = torch.randn(data.values.shape, generator=torch.Generator().manual_seed(seed))
    arrays = (data.values + 4 * noise).tensor_split(data.offsets[1:-1])
    return Sequences.from_list(arrays, [data.classes[k] for k in data.labels], classes=data.classes)


def test_the_units_of_a_channel_do_not_matter():
    train, test = noisy(sequences(40), 0), noisy(sequences(25, seed=9), 1)
    factor = torch.tensor([1000.0, 0.01])
    other = [
        dataclasses.replace(part, values=part.values * factor + 5)
        for part in (train, test)
    ]  # fmt: skip
    assert linear(*other).loss == pytest.approx(linear(train, test).loss, rel=1e-2)


def test_a_channel_that_never_changes_does_no_harm():
    train, test = labelled("aabb"), labelled("ab", classes="ab")
    scores = linear(train, test)
    assert math.isfinite(scores.loss)


def test_the_linear_baseline_does_not_read_the_random_state():
    train = sequences(20)
    torch.manual_seed(0)
    one = linear(train, train)
    torch.manual_seed(1)
    assert linear(train, train) == one
