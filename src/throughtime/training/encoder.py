"""What recurrent layers are given of a batch: its channels, scaled."""

import torch
from torch import Tensor, nn

from throughtime.data import Scaler


class Encoder(nn.Module):
    """From the channels of a batch `(T, B, C)` to the inputs of the recurrent layers `(T, B, I)`.

    Each channel is scaled as the scaler says that was fitted on the training part. Its numbers are
    buffers: they are saved with the weights.

    **Arguments:** `channels`: how many.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.width = channels
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("std", torch.ones(channels))

    def scale(self, scaler: Scaler) -> None:
        """Take over the means and standard deviations of a fitted scaler."""
        self.mean.copy_(scaler.mean)
        self.std.copy_(scaler.std)

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std

    def extra_repr(self) -> str:
        return f"{len(self.mean)} channels -> {self.width}"
