"""Gates over time, and where the paths through a rectifier end."""

from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.diagnose.jacobian import GATES
from throughtime.diagnose.passage import Passage

CLOSED, OPEN = 0.1, 0.9  # as Karpathy et al. 2015, arXiv 1506.02078, section 4.2


@dataclass(frozen=True, eq=False)
class Gate:
    """The values of one gate.

    - `values`: `(T, B, width)`; nan past a length.
    """

    name: str
    values: Tensor

    @property
    def mean(self) -> Tensor:
        """Over sequences and units at each step, `(T,)`."""
        return self.values.flatten(1).nanmean(-1)

    @property
    def closed(self) -> float:
        """The share of values below 0.1."""
        return self._share(self.values < CLOSED)

    @property
    def open(self) -> float:
        """The share of values above 0.9."""
        return self._share(self.values > OPEN)

    def __repr__(self) -> str:
        T, B, width = self.values.shape
        shares = f"below 0.1 {self.closed:.1%}, above 0.9 {self.open:.1%}"
        return f"Gate({self.name}: {shares}; {T} steps of {B} sequences, {width} units)"

    def _share(self, which: Tensor) -> float:
        met = ~self.values.isnan()
        return float((which & met).sum() / met.sum().clamp(min=1))


def gates(passage: Passage) -> list[Gate]:
    """The gates of a cell: every value of a sigmoid in its equations, under its name there."""
    values, real = passage.values, passage.real[..., None]
    listed = []
    for i, node in enumerate(passage.program.nodes):
        if node.op in GATES:
            value = values[i].expand(*passage.shape, node.width)
            value = torch.where(real.to(value.device), value, torch.nan)
            listed.append(Gate(node.name or f"gate {len(listed) + 1}", value))
    return listed


def relu_cuts(passage: Passage, *, n: int = 16) -> Tensor | None:
    """Back from n steps of each sequence, the lag at which each unit's own path is cut.

    A rectifier hands nothing back where what enters it is 0 or less. The lag is that of the
    first such step going back, 0 for the step itself; -1 if there is none up to the beginning.

    **Returns:** `(n, B, units)`, over all rectifiers of the cell; None without any.
    """
    values, real = passage.values, passage.real
    T, B = passage.shape
    cut = [
        (values[i].expand(T, B, node.width) <= 0)
        for i, node in enumerate(passage.program.nodes)
        if node.op == "relu"
    ]
    if not cut:
        return None
    over_time = torch.cat(cut, -1) & real[..., None].to(cut[0].device)  # (T, B, units)
    if passage.call.reverse:
        over_time = over_time.flip(0)
    steps = torch.arange(T, device=over_time.device)[:, None, None]
    last = torch.where(over_time, steps, -1).cummax(0).values  # the last cut up to each step
    t = passage.sampled("relu_cuts", n)
    if passage.call.reverse:
        t = torch.where(t < 0, t, T - 1 - t)
    latest = last[t.clamp(min=0), torch.arange(B, device=t.device)]  # (n, B, units)
    lag = t[..., None] - latest
    return torch.where((latest < 0) | (t < 0)[..., None], -1, lag)
