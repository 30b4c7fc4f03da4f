"""The whole of it: how gradients fare in every layer and direction of a network."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from throughtime.diagnose.by_lag import ByLag, counted_back, plain
from throughtime.diagnose.gates import Gate, gates, relu_cuts
from throughtime.diagnose.gradient_flow import Flow, gradient_by_lag
from throughtime.diagnose.jacobian import direct
from throughtime.diagnose.passage import Passage, passages


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What was measured in one layer and direction.

    - `flow`: gradients by lag, see `Flow`.
    - `direct`: state to the direct path by lag: the root mean square over units of the product
      of the diagonal of ds_t/ds_{t-1} with the gates held; to be read beside `flow.of_states`.
    - `gates`: the gates over time.
    - `cuts`: the lag where the path of each rectified unit is cut, see `relu_cuts`, or None.
    """

    where: str
    flow: Flow
    direct: dict[str, ByLag]
    gates: list[Gate]
    cuts: Tensor | None

    def __repr__(self) -> str:
        return f"Diagnosis({self.flow.says}; {self.flow.jacobian.sampled})"

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        flow = self.flow
        n, B, _ = flow.jacobian.norms.shape
        data: dict[str, Any] = {
            "where": self.where,
            "sampled": {"steps": n, "sequences": B},
            "gradient": None if flow.gradient is None else flow.gradient.to_dict(),
            "jacobian": flow.jacobian.to_dict(),
            "states": {
                name: {"total": flow.of_states[name].to_dict(), "direct": d.to_dict()}
                for name, d in self.direct.items()
            },
            "gates": {
                g.name: {"closed": g.closed, "open": g.open, "mean": plain(g.mean)}
                for g in self.gates
            },
            "relu": None,
        }
        if self.cuts is not None:
            cut = self.cuts[self.cuts >= 0].double()
            data["relu"] = {
                "cut": len(cut) / max(self.cuts.numel(), 1),
                "median_lag": float(cut.median()) if len(cut) else None,
            }
        return data


def diagnose(
    module: nn.Module,
    x: Tensor,
    lengths: Tensor | None = None,
    loss: Callable[[Any], Tensor] | None = None,
    *,
    n: int = 16,
    sequences: int = 4,
    probes: int = 8,
) -> list[Diagnosis]:
    """How gradients fare through time in each layer and direction of a module.

    ```python
    for layer in diagnose(model, x, lengths, lambda scores: cross_entropy(scores, y)):
        layer.where, layer.flow.jacobian.verdict, layer.flow.jacobian.horizon()
    ```

    Measured in eval mode. The module, its `.grad` and torch's generator are left as they were.

    **Arguments:**

    - `module`: a `Recurrent`, a `Model`, or any module with recurrent layers, called as
      `module(x)`, or `module(x, lengths=lengths)`.
    - `x`: `(T, B, I)`.
    - `loss`: from what the module returns to one number; without it there are Jacobians only.
    - `n`: from how many steps of each sequence to look back.
    - `sequences`: the first so many of the batch are looked at; the loss is of all.
    - `probes`: random vectors for each Jacobian, see `gradient_by_lag`.

    **Returns:** one `Diagnosis` for each layer and direction.

    **Raises:** `OptionError` for a module without a `Recurrent`, and numbers below 1, `ShapeError`
    for an x without steps.
    """
    looked_at = passages(module, x, lengths, loss, sequences=sequences)
    return [diagnosed(p, n=n, probes=probes) for p in looked_at]


def diagnosed(passage: Passage, *, n: int = 16, probes: int = 8) -> Diagnosis:
    """The same for one passage."""
    return Diagnosis(
        passage.where,
        gradient_by_lag(passage, n=n, probes=probes),
        direct_by_lag(passage, n=n),
        gates(passage),
        relu_cuts(passage, n=n),
    )


def direct_by_lag(passage: Passage, *, n: int = 16) -> dict[str, ByLag]:
    """For each state the direct path over k steps, root mean square over units."""
    t = passage.sampled("direct_by_lag", n)
    by_state = {}
    for name, factors in direct(passage).items():
        over_time, norms = factors.double()[:, None], []  # (T, 1, B, width)
        for row in t:  # one sampled step at a time: the paths of all would be n times as large
            back = counted_back(over_time, row[None], passage.lengths, passage.call.reverse)
            first = torch.ones_like(back[:, :, :1])  # lag 0 is the identity
            paths = torch.cat([first, back[:, :, :-1].cumprod(2)], 2)
            root = paths.square().mean(-1).sqrt()
            norms.append(root.masked_fill(back[..., 0].isnan(), torch.nan))
        by_state[name] = ByLag(torch.cat(norms))
    return by_state
