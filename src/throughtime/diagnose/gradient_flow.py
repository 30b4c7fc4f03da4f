"""How large a gradient is k steps back: of a loss, and of the state itself."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.diagnose.by_lag import ByLag, counted_back
from throughtime.diagnose.passage import Passage
from throughtime.engines.gradients import gradients, probe
from throughtime.errors import whole
from throughtime.program.probe import state_map

ROOM = 2**20  # numbers of one state, over steps and rows, that go back at a time


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

    @property
    def says(self) -> str:
        """The verdicts in a few words."""
        loss = "" if self.gradient is None else f"; gradient of the loss: {self.gradient.says}"
        return f"{self.where}: Jacobian: {self.jacobian.says}{loss}"

    def __repr__(self) -> str:
        return f"Flow({self.says}; {self.jacobian.sampled})"


def gradient_by_lag(passage: Passage, *, n: int = 16, probes: int = 8, seed: int = 0) -> Flow:
    """Gradients k steps back from n steps of each sequence.

    The n steps (evenly spaced, the last one among them) times the vectors sent back from each are
    stacked into the batch, and go back over a piece of the steps at a time: the work grows with
    the number of steps, and beside what is returned the memory does not.

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
    of_loss = passage.entering is not None
    squares = like.new_zeros(T, n, B, 1 + len(states) + of_loss, dtype=torch.float64)
    for a, b, first, back in _back(passage, t, _sent(passage, t, vectors)):
        squares[a:b, first:] = _curves(back, vectors, of_loss)
    norms = counted_back(squares, t, passage.lengths, passage.call.reverse).sqrt().to(like)
    norms = torch.where(norms[:, :, :1] > 0, norms, torch.nan)
    jacobian, *own = map(ByLag, norms.unbind(-1))
    gradient = own.pop() if of_loss else None
    return Flow(passage.where, jacobian, dict(zip(states, own, strict=True)), gradient)


def _vectors(states: dict[str, int], probes: int, like: Tensor, seed: int) -> dict[str, Tensor]:
    """For each state vectors v whose v'v has mean 1, and mean square I / width."""
    generator, vectors = torch.Generator().manual_seed(seed), {}
    for name, width in states.items():
        if probes >= width:
            vectors[name] = torch.eye(width).to(like)
        else:
            drawn = torch.randn(probes, width, generator=generator, dtype=torch.float64)
            vectors[name] = (drawn / drawn.norm(dim=-1, keepdim=True)).to(like)
    return vectors


def _places(vectors: dict[str, Tensor]) -> dict[str, slice]:
    """The rows of each state's vectors among all that are sent back; the loss has the last row."""
    places, row = {}, 0
    for name, own in vectors.items():
        places[name] = slice(row, row + len(own))
        row += len(own)
    return places


def _sent(passage: Passage, t: Tensor, vectors: dict[str, Tensor]) -> dict[str, Tensor]:
    """For each state what is sent back from each sampled step, `(n, rows, B, width)`."""
    n, B = t.shape
    of_loss, places = passage.entering is not None, _places(vectors)
    rows = sum(len(v) for v in vectors.values()) + of_loss
    sent = {}
    for name, own in vectors.items():
        sent[name] = own.new_zeros(n, rows, B, own.shape[-1])
        sent[name][:, places[name]] = own[:, None]
        if passage.entering is not None:
            at = t.clamp(min=0)  # a sequence without steps sends nothing
            sent[name][:, -1] = passage.entering[name][at, torch.arange(B, device=t.device)]
    return sent


def _back(
    passage: Passage, t: Tensor, sent: dict[str, Tensor]
) -> Iterator[tuple[int, int, int, dict[str, Tensor]]]:
    """What is sent from the steps `t (n, B)`, on its way back over one piece after the other.

    Yields for the steps a to b the first of the n sampled ones from which anything is on its way,
    and for each state the squared norm of what reaches it, `(b - a, n - first, B, rows)`.
    """
    T, B = passage.shape
    n, rows = next(iter(sent.values())).shape[:2]
    carried = {name: torch.zeros_like(s) for name, s in sent.items()}
    steps = max(1, ROOM // max(1, *(s.numel() for s in sent.values())))
    starts = range(0, T, steps)
    for a in starts if passage.call.reverse else reversed(starts):
        b = min(a + steps, T)
        out = (t >= 0) & (t < b) if passage.call.reverse else t >= a
        first = n - int(out.any(1).sum())  # going back, the last of them set out first
        if first == n:
            continue
        piece = passage.piece(a, b)
        program, call = probe(piece.program, piece.call)
        row, column = ((t >= a) & (t < b)).nonzero(as_tuple=True)
        entering = []
        for s in sent.values():
            dstate = s.new_zeros(b - a, n - first, *s.shape[1:])
            dstate[t[row, column] - a, row - first, :, column] = s[row, :, column]
            entering.append(dstate.flatten(1, 3))
        gradient = gradients(
            program, call, entering, [c[first:].flatten(0, 2) for c in carried.values()],
            times=(n - first) * rows,
        )[1]  # fmt: skip
        back = {}
        for name, dstart in zip(sent, gradient.dstart, strict=True):
            assert dstart is not None
            carried[name][first:] = dstart.reshape(n - first, rows, B, -1)
            if passage.call.reverse:
                carried[name][:, :, passage.restarts(b)] = 0  # the piece does not see this reset
            reached = gradient.dz[..., program.columns[state_map(name)]]
            norms = torch.linalg.vector_norm(reached, dim=-1, dtype=torch.float64)
            back[name] = norms.square().reshape(b - a, n - first, rows, B).transpose(2, 3)
        yield a, b, first, back


def _curves(back: dict[str, Tensor], vectors: dict[str, Tensor], of_loss: bool) -> Tensor:
    """The squared norms `(..., rows)` of each state as those of the full state's Jacobian, of the
    blocks of each state, and of the loss: `(..., curves)`."""
    places, total = _places(vectors), torch.stack([*back.values()]).sum(0)
    widths = {name: own.shape[-1] for name, own in vectors.items()}
    size = sum(widths.values())
    parts = [total[..., places[name]].mean(-1) * w / size for name, w in widths.items()]
    blocks = [back[name][..., places[name]].mean(-1) for name in widths]
    return torch.stack([torch.stack(parts).sum(0), *blocks, *[total[..., -1]] * of_loss], -1)
