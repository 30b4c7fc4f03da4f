"""A script for torch.nn with one import changed: it learns which of two tones came first."""

import torch

from throughtime import nn  # was: from torch import nn


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.recurrent = nn.GRU(1, 16, batch_first=True)
        self.output = nn.Linear(16, 2)

    def forward(self, x):
        y, _ = self.recurrent(x)
        return self.output(y[:, -1])


def tones(count):
    label = torch.randint(2, (count,))
    time = torch.arange(12)
    slow, fast = torch.sin(0.5 * time), torch.sin(1.5 * time)
    first = torch.where(label[:, None] == 1, slow, fast)
    second = torch.where(label[:, None] == 1, fast, slow)
    x = torch.cat([first, second], 1) + 0.1 * torch.randn(count, 24)
    return x[..., None], label


torch.manual_seed(0)
model = Classifier()
optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
for _ in range(40):
    x, label = tones(32)
    loss = nn.functional.cross_entropy(model(x), label)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
x, label = tones(200)
print("right on new tones:", (model(x).argmax(-1) == label).float().mean().item())
