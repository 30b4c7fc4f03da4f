"""How large a gradient is k steps back: of a loss, and of the state itself."""

from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.diagnose.by_lag import ByLag, counted_back
from throughtime.diagnose.passage import Passage
from throughtime.engines.gradients import gradients, probe
from throughtime.errors import OptionError
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
    for name, value in (("n", n), ("probes", probes)):
        if value < 1:
            raise OptionError(f"`gradient_by_lag`: {name} is {value}; expected 1 or more.")
    T, B = passage.shape
    states, like = passage.program.states, passage.call.x
    t = torch.stack([passage.position(k, n) for k in range(n)])  # (n, B)
    vectors = _vectors(states, probes, like, seed)  # for each state (p, width)
    sent = sum(len(v) for v in vectors.values()) + (passage.entering is not None)
    dstates, row = {}, 0
    for name, width in states.items():
        dstates[name] = like.new_zeros(T, n, B, sent, width)
    place = (torch.where(t < 0, 0, t), *torch.meshgrid(
        torch.arange(n, device=t.device), torch.arange(B, device=t.device), indexing="ij"
    ))  # fmt: skip
    of_rows = {}
    for name, v in vectors.items():
        of_rows[name] = slice(row, row + len(v))
        values = dstates[name][place]  # (n, B, sent, width)
        values[:, :, of_rows[name]] = v
        dstates[name][place] = values
        row += len(v)
    if passage.entering is not None:
        for name, entering in passage.entering.items():
            values = dstates[name][place]
            values[:, :, row] = entering[place[0], place[2]]
            dstates[name][place] = values
    back = _back(passage, dstates, n * sent)  # for each state (T, n, B, sent, width)

    squares = {name: d.square().sum(-1) for name, d in back.items()}  # (T, n, B, sent)
    total = sum(squares.values())
    size = sum(states.values())

    def read(over_time: Tensor) -> ByLag:
        found = counted_back(over_time, t, passage.lengths, passage.call.reverse)
        norms = found.sqrt()
        return ByLag(torch.where(norms[..., :1] > 0, norms, torch.nan))

    weights = {name: width / size for name, width in states.items()}
    jacobian = sum(w * total[..., of_rows[name]].mean(-1) for name, w in weights.items())  # type: ignore[index]
    own = {name: read(squares[name][..., of_rows[name]].mean(-1)) for name in states}
    gradient = None if passage.entering is None else read(total[..., row])  # type: ignore[index]
    return Flow(passage.where, read(jacobian), own, gradient)  # type: ignore[arg-type]


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


def _back(passage: Passage, dstates: dict[str, Tensor], times: int) -> dict[str, Tensor]:
    """What reaches each state at each step, `(T, n, B, sent, width)`, in one adjoint call."""
    call = passage.call
    T, n, B, sent, _ = next(iter(dstates.values())).shape

    def repeated(s: Tensor, axis: int) -> Tensor:
        """A batch axis of B as one of n * B * sent."""
        s = s.movedim(axis, 0)
        wide = s[None, :, None].expand(n, B, sent, *s.shape[1:])
        return wide.reshape(n * B * sent, *s.shape[1:]).movedim(0, axis)

    wide = call._replace(
        x=repeated(call.x, 1),
        start=tuple(repeated(s, 0) for s in call.start),
        initial=tuple(repeated(s, 0) for s in call.initial),
        randoms=tuple(repeated(r, r.dim() - 2) for r in call.randoms),
        lengths=None if call.lengths is None else repeated(call.lengths, 0),
        resets=None if call.resets is None else repeated(call.resets, 1),
    )
    program, wide = probe(passage.program, wide)
    entering = [d.reshape(T, n * B * sent, -1) for d in dstates.values()]
    found = gradients(program, wide, entering, [None] * len(entering))[1]
    return {
        name: found.dz[..., program.columns[state_map(name)]].reshape(T, n, B, sent, -1)
        for name in dstates
    }
