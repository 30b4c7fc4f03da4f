"""What anybody would try first: the numbers that a recurrent network has to beat."""

import torch
from torch import Tensor, nn

from throughtime.data import Sequences
from throughtime.tasks.features import steps
from throughtime.tasks.scores import ClassScores


def majority(train: Sequences, test: Sequences) -> ClassScores:
    """Always the most frequent class of the training sequences."""
    assert train.labels is not None and test.labels is not None
    shares = torch.bincount(train.labels, minlength=len(train.classes)) / len(train)
    only = nn.functional.one_hot(shares.argmax(), len(shares)).float()
    return ClassScores.of(only.expand(len(test), -1), test.labels, train.classes)


def linear(train: Sequences, test: Sequences) -> ClassScores:
    """Logistic regression on the mean, the spread and the last step of each channel.

    L2 penalty of 1 over the number of sequences on the weights, fitted to convergence.
    """
    assert train.labels is not None and test.labels is not None
    x, z = _scaled_features(train, test)
    weight, bias = logistic_map(x, train.labels, len(train.classes))
    return ClassScores.of((z @ weight + bias).softmax(-1), test.labels, train.classes)


def logistic_map(
    x: Tensor, labels: Tensor, classes: int, iterations: int = 500
) -> tuple[Tensor, Tensor]:
    """Logistic regression of labels `(n,)` on inputs `(n, F)`: weights `(F, classes)` and biases.

    L2 penalty of 1 over n on the weights, fitted to convergence or for so many iterations.
    """
    weight = torch.zeros(x.shape[1], classes, dtype=x.dtype, requires_grad=True)
    bias = torch.zeros(classes, dtype=x.dtype, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weight, bias], max_iter=iterations, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        fit = nn.functional.cross_entropy(x @ weight + bias, labels)
        total = fit + weight.square().sum() / (2 * len(x))
        total.backward()
        return total

    optimiser.step(loss)
    return weight.detach(), bias.detach()


def ridge(train: Sequences, test: Sequences, actual: Tensor) -> Tensor:
    """Linear regression on the mean, the spread and the last step of each channel: its
    predictions for the test sequences, `(S, K)`.

    L2 penalty of 1 on the weights of scaled features; each target on the sequences for which it
    is known. `actual`: the numbers of the training sequences, `(S, K)`, nan where not known.
    """
    x, z = _scaled_features(train, test)
    columns = []
    for values in actual.double().T:
        known = ~values.isnan()
        own, middle = x[known], values[known].mean()
        centre = own.mean(0)
        penalty = torch.eye(x.shape[1], dtype=x.dtype)
        squares = (own - centre).T @ (own - centre) + penalty
        weight = torch.linalg.solve(squares, (own - centre).T @ (values[known] - middle))
        columns.append((z - centre) @ weight + middle)
    return torch.stack(columns, -1).float()


def _scaled_features(train: Sequences, test: Sequences) -> tuple[Tensor, Tensor]:
    """The features of both parts, scaled to mean 0 and spread 1 in the training part."""
    x, z = (_features(steps(part, train), part) for part in (train, test))
    mean, std = x.mean(0), x.std(0, correction=0).clamp(min=1e-6)
    return (x - mean) / std, (z - mean) / std


def _features(x: Tensor, sequences: Sequences) -> Tensor:
    """Mean, standard deviation and last value of each column of `x (N, F)`, `(S, 3F)`, float64."""
    n = sequences.lengths
    owner = torch.repeat_interleave(torch.arange(len(n)), n)
    total = x.new_zeros(len(n), x.shape[1]).index_add_(0, owner, x)
    mean = total / n[:, None]
    squares = x.new_zeros(len(n), x.shape[1]).index_add_(0, owner, (x - mean[owner]).square())
    return torch.cat([mean, (squares / n[:, None]).sqrt(), x[sequences.offsets[1:] - 1]], -1)
