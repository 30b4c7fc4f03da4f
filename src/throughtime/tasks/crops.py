"""The batches that a forecast is trained on: pieces of series, with a forecast at each step."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.data import Batch, Sequences
from throughtime.data.batches import mixed
from throughtime.tasks.ahead import Ahead

LEAST, MOST = 20, 100  # batches in an epoch


@dataclass(frozen=True, eq=False)
class Crops:
    """Pieces of series, drawn anew for every epoch, that cover each step about as often.

    A piece is `context` steps that the recurrent layers read to know where they are, then a `span`
    at each of whose steps the next H are forecast, then these. Near the start of a series the
    context is what there is; near its end some of the H steps are not known.

    An epoch has as many batches as cover all steps once, but 20 at least and 100 at most: of few
    series each is seen several times, cut differently, and of very many some.

    **Arguments:** `series`: those of training; `scales`: `(S, K)`, what errors of each are
    measured in; `batch_size`: pieces in a batch; `seed`: decides with the epoch what is drawn.
    """

    series: Sequences
    ahead: Ahead
    scales: Tensor
    batch_size: int
    seed: int = 0

    @property
    def span(self) -> int:
        return max(16, min(64, self.ahead.context // 2))

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        pieces = int((-(-(self.series.lengths - 1).clamp(min=0) // self.span)).sum())
        return min(max(-(-pieces // self.batch_size), LEAST), MOST)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of `epoch`, from number `start` on."""
        generator = torch.Generator().manual_seed(mixed(self.seed, epoch))
        per_series = -(-(self.series.lengths - 1).clamp(min=0) // self.span)
        owners = torch.repeat_interleave(torch.arange(len(per_series)), per_series)
        places = torch.arange(len(owners)) - (per_series.cumsum(0) - per_series)[owners]
        wanted, order = len(self) * self.batch_size, []
        while sum(map(len, order)) < wanted:
            order.append(torch.randperm(len(owners), generator=generator))
        chosen = torch.cat(order)[:wanted]
        phases = torch.randint(0, self.span, (wanted,), generator=generator)
        owners, last = owners[chosen], places[chosen] * self.span + phases
        last = torch.minimum(last, self.series.lengths[owners] - 2)
        for batch in range(start, len(self)):
            part = slice(batch * self.batch_size, (batch + 1) * self.batch_size)
            yield self.batch(owners[part], last[part])

    def batch(self, owners: Tensor, last: Tensor) -> Batch:
        """The pieces of some series, each with the step at which the last forecast is made.

        Its targets are `ahead (T, B, K * H)` at each step, nan where nothing is to be learned, and
        `scale (B, K)`.
        """
        series, ahead, H = self.series, self.ahead, self.ahead.horizon
        first = (last + 1 - self.span - ahead.context + 1).clamp(min=0)
        known = last - first + 1  # steps of each piece
        T = int(known.max())
        steps = torch.arange(T + H)[:, None]
        place = first + steps
        there = (steps < known + H) & (place < series.lengths[owners])
        rows = (series.offsets[owners] + place).where(there, 0)
        x = series.values[rows].masked_fill(~there[..., None], torch.nan)
        columns = [series.channels.index(name) for name in ahead.targets]
        future = x[1:][..., columns].unfold(0, H, 1)  # (T, B, K, H)
        warm = ahead.warm(series.lengths[owners])
        warm = torch.minimum(torch.where(first > 0, ahead.context - 1, warm), known - 1)
        learned = (steps[:T] >= warm) & (steps[:T] < known)
        future = future.masked_fill(~learned[..., None, None], torch.nan)
        return Batch(
            x, known + H, owners,
            {"ahead": future.flatten(2), "scale": self.scales[owners]}, frozenset({"ahead"}),
        )  # fmt: skip
