"""Simple statistics of a sequence, which an answer may rest on without passing through time."""

import torch
from torch import Tensor, nn

OF_EACH = 3  # the mean, the spread and the last step


class Statistics(nn.Module):
    """A linear map of the mean, the spread and the last step of each column of a sequence.

    What it says is added to what the output network says of the recurrent layers, so that these
    need not carry such simple things through time. The statistics are scaled to mean 0 and spread
    1 in the training part.

    **Arguments:** `size`: I, the columns of an encoded step; `width`: the numbers of an answer.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.map = nn.Linear(OF_EACH * size, width)
        self.register_buffer("mean", torch.zeros(OF_EACH * size))
        self.register_buffer("std", torch.ones(OF_EACH * size))

    def forward(self, y: Tensor, lengths: Tensor) -> Tensor:
        """`(B, width)` of encoded steps `y (T, B, I)`; what is past the lengths is not read."""
        return self.map((statistics(y, lengths) - self.mean) / self.std)

    def scale(self, seen: Tensor) -> None:
        """Take the scale from the statistics of the training part, `(S, 3I)`."""
        self.mean.copy_(seen.mean(0))
        self.std.copy_(seen.std(0, correction=0).clamp(min=1e-6))


def statistics(y: Tensor, lengths: Tensor) -> Tensor:
    """The mean, the standard deviation and the last step of each column, `(B, 3I)`.

    **Arguments:** `y`: `(T, B, I)`; `lengths`: the steps of each sequence, `(B,)`; all are 0 of one
    without a step.
    """
    if not len(y):
        return y.new_zeros(y.shape[1], OF_EACH * y.shape[2])
    real = (torch.arange(len(y), device=y.device)[:, None] < lengths)[..., None]  # (T, B, 1)
    y, count = torch.where(real, y, 0.0), lengths.clamp(min=1)[:, None]
    mean = y.sum(0) / count
    variance = ((y - mean) * real).square().sum(0) / count
    # the gradient of a root at 0 is infinite, and a column that never changes has a spread of 0
    spread = torch.where(variance > 0, variance.where(variance > 0, 1.0).sqrt(), 0.0)
    last = y[lengths - 1, torch.arange(y.shape[1], device=y.device)]
    return torch.cat([mean, spread, last], -1)
