"""What anybody would try first at every step: a linear model on the steps around it.

The inputs of a step are those of the two before it, its own and those of the two after it, as
`features.steps` gives them, and 0 beyond the ends of a sequence. A linear model is
fitted to at most `MOST` of the training steps whose target is known, evenly spread over them.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from throughtime.data import Sequences
from throughtime.tasks.baselines import logistic_map
from throughtime.tasks.features import steps as inputs_of

REACH = 2  # steps before and after
MOST = 50_000  # steps that a model is fitted to

Linear = Callable[["Windows"], Tensor]  # from windows to predictions, (N, K)


class Windows:
    """The steps around each step of some sequences, as inputs of a linear model.

    `fitted_on`: the training part, which scales them.
    """

    def __init__(self, sequences: Sequences, fitted_on: Sequences) -> None:
        self.values = inputs_of(sequences, fitted_on)
        self.owner = torch.repeat_interleave(torch.arange(len(sequences)), sequences.lengths)

    def __len__(self) -> int:
        return len(self.values)

    def at(self, steps: Tensor) -> Tensor:
        """The inputs of the steps `(n,)`: `(n, 5F)`."""
        around = steps[:, None] + torch.arange(-REACH, REACH + 1)
        inside = (around >= 0) & (around < len(self))
        around = around.clamp(0, len(self) - 1)
        inside &= self.owner[around] == self.owner[steps, None]
        return (self.values[around] * inside[..., None]).flatten(1)

    def pieces(self) -> Iterator[Tensor]:
        """The inputs of all steps, a bounded number at a time."""
        for steps in torch.arange(len(self)).split(MOST):
            yield self.at(steps)


def logistic(windows: Windows, wanted: Tensor, classes: int) -> Linear:
    """Logistic regression on the windows of steps of known classes, `wanted (N,)`.

    L2 penalty of 1 over the number of steps on the weights.
    """
    steps = _some_of((wanted >= 0).nonzero()[:, 0])
    weight, bias = logistic_map(windows.at(steps), wanted[steps], classes, iterations=200)
    return lambda other: torch.cat(
        [(z @ weight + bias).softmax(-1).float() for z in other.pieces()]
    )


def ridge(windows: Windows, wanted: Tensor) -> Linear:
    """Linear regression on the windows of steps of known numbers, `wanted (N,)`.

    L2 penalty of 1 on the weights.
    """
    steps = _some_of((~wanted.isnan()).nonzero()[:, 0])
    x, y = windows.at(steps), wanted[steps].double()
    centre, middle = x.mean(0), y.mean()
    x = x - centre
    weight = torch.linalg.solve(x.T @ x + torch.eye(x.shape[1], dtype=x.dtype), x.T @ (y - middle))
    b = middle - centre @ weight
    return lambda other: torch.cat([(z @ weight + b).float()[:, None] for z in other.pieces()])


def _some_of(steps: Tensor) -> Tensor:
    """At most `MOST` of the steps, evenly spread."""
    return steps[
        torch.linspace(0, len(steps) - 1, min(len(steps), MOST), dtype=torch.float64).round().long()
    ]
