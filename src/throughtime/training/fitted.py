"""What of a model is fitted to the training part before the first step of its optimiser."""

import torch
from torch import Tensor

from throughtime.data import Batch, Batches, Sequences
from throughtime.tasks import TrainingLoss
from throughtime.training import ahead_start
from throughtime.training.ahead_encoder import AheadEncoder
from throughtime.training.ahead_output import AheadOutput
from throughtime.training.model import Model
from throughtime.training.statistics import Statistics, statistics
from throughtime.training.steps import changes

ITERATIONS = 500  # of the fit of a linear map, at most


def fit_before(model: Model, train: Sequences, loss: TrainingLoss) -> None:
    """Scale the channels, what they change by and the statistics of sequences; and let the answers
    begin as those of a linear map of the statistics.
    """
    model.encoder.fit(train)
    if isinstance(model.encoder, AheadEncoder) and isinstance(model.output, AheadOutput):
        ahead_start.begin(model.encoder, model.output, train, model.task.scales(train))
    if model.steps.differences or model.statistics is not None:
        seen = _scale(model, train)
        if model.statistics is not None:
            _fit_linear(model.statistics, seen, _all(train, seen.device), loss)


@torch.no_grad()
def _scale(model: Model, train: Sequences) -> Tensor:
    """Take the scales from the training part; the statistics of each sequence, `(S, 3I)`."""
    device, training = next(model.parameters()).device, model.training
    model.eval()
    squares, seen = [], {}
    for batch in Batches(train, 256, shuffle=False).epoch(0):
        on_device = batch.to(device)
        lengths = model.read_lengths(on_device.lengths)
        y = model.encoder(on_device.x)
        real = (torch.arange(len(y), device=device)[:, None] < lengths)[..., None]
        squares.append((changes(y) * real).double().square().sum((0, 1)))
        rows = statistics(y, lengths)
        seen |= dict(zip(batch.indices.tolist(), rows, strict=True))
    model.train(training)
    if model.steps.differences:
        changed = max(1, len(train.values) - len(train))  # at its first step none has changed
        spread = (torch.stack(squares).sum(0) / changed).sqrt().to(model.steps.spread)
        model.steps.spread.copy_(spread.where(spread > 0, 1.0))
    rows = torch.stack([seen[k] for k in range(len(train))])
    if model.statistics is not None:
        model.statistics.scale(rows)
    return rows


def _all(train: Sequences, device: torch.device) -> Batch:
    """The targets of all sequences, without their steps."""
    targets = {name: t.values for name, t in train.targets.items() if not t.each_step}
    steps = train.values.new_zeros(0, len(train), len(train.channels))
    return Batch(steps, train.lengths, torch.arange(len(train)), targets).to(device)


def _fit_linear(of: Statistics, seen: Tensor, batch: Batch, loss: TrainingLoss) -> None:
    """Fit the map to convergence: the loss of training, and an L2 penalty of 1 over the number of
    sequences on the weights."""
    x = ((seen - of.mean) / of.std).detach()
    weight, bias = of.map.weight, of.map.bias
    with torch.no_grad():
        weight.zero_()
        bias.zero_()
    optimiser = torch.optim.LBFGS(
        [weight, bias], max_iter=ITERATIONS, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        total = loss.total(of.map(x), batch) / loss.weight(batch)
        total = total + weight.square().sum() / (2 * len(x))
        total.backward()
        return total

    optimiser.step(closure)
    optimiser.zero_grad()
