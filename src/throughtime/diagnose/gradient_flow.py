"""How large a gradient is k steps back: of a loss, and of the state itself."""

from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.diagnose.by_lag import ByLag, counted_back
from throughtime.diagnose.passage import Passage
from throughtime.engines.gradients import gradients, probe
from throughtime.errors import whole
from throughtime.program.probe import state_map


@dataclass(frozen=True, eq=False)
class Flow:
    """Gradients by lag in one layer and direction; the full state is all states together.

    - `jacobian`: of ds_t/ds_{t-k}, its Frobenius norm over the square root of the state's size:
      the root mean square of its singular values, 1 at lag 0.
    - `of_states`: name to the same for the block of one state, dC_t/dC_{t-k}.
    - `gradient`: |de_t/ds_{t-k}|, where e_t is what enters the states at step t from a loss, to
      first order; steps that nothing enters are left out. None without a loss.
    """

    where: str
    jacobian: ByLag
    of_states: dict[str, ByLag]
    gradient: ByLag | None


def gradient_by_lag(passage: Passage, *, n: int = 16, probes: int = 8, seed: int = 0) -> Flow:
    """Gradients k steps back from n steps of each sequence, in one adjoint call.

    The n steps (evenly spaced, the last one among them) times the vectors sent back from each are
    stacked into the batch.

    **Arguments:**

    - `n`: how many steps are sampled.
    - `probes`: how many random unit vectors are sent back from each state for the Jacobian; as
      many as its units or more: their unit vectors, and the norms are exact.
    - `seed`: of the probes; torch's own generator is left alone.

    **Raises:** `OptionError` for less than 1.
    """
    whole("gradient_by_lag", "probes", probes, "Set it to 8.")
    T, B = passage.shape
    states, like = passage.program.states, passage.call.x
    t = passage.sampled("gradient_by_lag", n)
    vectors = _vectors(states, probes, like, seed)  # for each state (p, width)
    sent = sum(len(v) for v in vectors.values()) + (passage.entering is not None)
    rows, b = torch.arange(n, device=t.device)[:, None], torch.arange(B, device=t.device)
    at = t.clamp(min=0)  # of a sequence without steps nothing is read
    dstates, of_rows, row = {}, {}, 0
    for name, width in states.items():
        values = like.new_zeros(n, B, sent, width)
        of_rows[name] = slice(row, row + len(vectors[name]))
        values[:, :, of_rows[name]] = vectors[name]
        row += len(vectors[name])
        if passage.entering is not None:
            values[:, :, -1] = passage.entering[name][at, b]
        dstates[name] = like.new_zeros(T, n, sent, B, width)
        dstates[name].movedim(3, 2)[at, rows, b] = values
    back = _back(passage, dstates)  # for each state the squared norms (T, n, B, sent)

    total, size = sum(back.values()), sum(states.values())
    parts = [total[..., of_rows[n]].mean(-1) * w / size for n, w in states.items()]  # type: ignore[index]
    curves = [sum(parts), *(back[n][..., of_rows[n]].mean(-1) for n in states)]
    if passage.entering is not None:
        curves.append(total[..., -1])  # type: ignore[index]
    squares = torch.stack(curves, -1)  # type: ignore[arg-type]
    norms = counted_back(squares, t, passage.lengths, passage.call.reverse).sqrt().to(like)
    norms = torch.where(norms[:, :, :1] > 0, norms, torch.nan)
    jacobian, *own = map(ByLag, norms.unbind(-1))
    gradient = own.pop() if passage.entering is not None else None
    return Flow(passage.where, jacobian, dict(zip(states, own, strict=True)), gradient)


def _vectors(states: dict[str, int], probes: int, like: Tensor, seed: int) -> dict[str, Tensor]:
    """For each state vectors v whose v'v has mean 1, and mean square I / width."""
    generator, found = torch.Generator().manual_seed(seed), {}
    for name, width in states.items():
        if probes >= width:
            found[name] = torch.eye(width).to(like)
        else:
            drawn = torch.randn(probes, width, generator=generator, dtype=torch.float64)
            found[name] = (drawn / drawn.norm(dim=-1, keepdim=True)).to(like)
    return found


def _back(passage: Passage, dstates: dict[str, Tensor]) -> dict[str, Tensor]:
    """The squared norm of what reaches each state at each step, in one adjoint call.

    From `(T, n, sent, B, width)` to `(T, n, B, sent)`.
    """
    program, call = probe(passage.program, passage.call)
    T, n, sent = next(iter(dstates.values())).shape[:3]
    entering = [d.flatten(1, 3) for d in dstates.values()]
    found = gradients(program, call, entering, [None] * len(entering), times=n * sent)[1]
    squares = {}
    for name in dstates:
        reached = found.dz[..., program.columns[state_map(name)]]
        norms = torch.linalg.vector_norm(reached, dim=-1, dtype=torch.float64)
        squares[name] = norms.square().reshape(T, n, sent, -1).transpose(2, 3)
    return squares
