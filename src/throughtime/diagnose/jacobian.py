"""The derivative of the state by the state before, at every step, and its spectra."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from throughtime.diagnose.passage import Passage
from throughtime.engines.linearise import state_jacobian
from throughtime.program.graph import REDUCTIONS

ROOM = 2**22  # numbers in the Jacobians that are made at a time
GATES = ("sigmoid", "hardsigmoid")


def step_jacobian(passage: Passage, t: Tensor, b: Tensor) -> Tensor:
    """ds_t/ds_{t-1} at the steps `t (N,)` of the sequences `b (N,)`: `(N, S, S)`.

    s is the full state, all states in their order; in a layer that runs backward, the state
    before step t is that of t + 1. Where a state begins anew, it is the derivative by the value
    that it begins with.
    """
    rows = passage.rows(t, b)
    states = {name: state[0] for name, state in rows.before.items()}
    return state_jacobian(rows.program, rows.call, rows.call.x[0], states)


def full_step(rows: Passage, before: Tensor) -> Tensor:
    """The full state `(N, S)` after one step from `before (N, S)`, on `Passage.rows`."""
    widths = rows.program.states
    parts = before[None].split(list(widths.values()), -1)
    values = rows.valued(dict(zip(widths, parts, strict=True)))
    outputs = rows.program.outputs
    after = [values[outputs[n]].expand(1, len(before), w) for n, w in widths.items()]
    return torch.cat(after, -1)[0] + 0 * before  # a step that forgets everything has a derivative


def windows(
    passage: Passage, call: str, n: int, lags: int | None = None
) -> tuple[Tensor, Iterator[tuple[Tensor, Tensor]]]:
    """Step Jacobians back from n steps of each sequence, evenly spaced, the last one among them.

    **Returns:** the steps `(n, B)`, and for each lag from 1 on `(jacobian (n, B, S, S), met (n,
    B))`: ds/ds before at the k-th step back, the identity where there is none.
    """
    t = passage.sampled(call, n)
    T, B = passage.shape
    b = torch.arange(B, device=t.device).expand(n, B)
    most = T if lags is None else min(lags, T)

    S = passage.size
    block = max(1, ROOM // max(1, t.numel() * S * S))

    def each() -> Iterator[tuple[Tensor, Tensor]]:
        eye = torch.eye(S, dtype=passage.call.x.dtype, device=t.device)
        for first in range(0, most, block):
            k = torch.arange(first, min(first + block, most), device=t.device)[:, None, None]
            at = t + k if passage.call.reverse else t - k  # (block, n, B)
            met = (t >= 0) & (at >= 0) & (at < passage.lengths)
            whole = eye.expand(*at.shape, -1, -1).clone()
            if bool(met.any()):
                whole[met] = step_jacobian(passage, at[met], b.expand_as(at)[met])
            for jacobian, there in zip(whole, met, strict=True):
                if not bool(there.any()):
                    return
                yield jacobian, there

    return t, each()


class Spectra(NamedTuple):
    """Of the step Jacobians at n steps of each sequence, largest first, `(n, B, S)`.

    - `eigenvalues`: complex, by size.
    - `singular_values`.
    """

    t: Tensor
    eigenvalues: Tensor
    singular_values: Tensor

    def __repr__(self) -> str:
        n, B, S = self.singular_values.shape
        return f"Spectra({S} eigenvalues and singular values at {n} steps of each of {B} sequences)"


def spectra(passage: Passage, *, n: int = 16) -> Spectra:
    """Eigenvalues and singular values of ds_t/ds_{t-1}; nan for sequences without steps."""
    t, each = windows(passage, "spectra", n, 1)
    for jacobian, met in each:
        eigenvalues = torch.linalg.eigvals(jacobian)
        order = eigenvalues.abs().argsort(-1, descending=True)
        gone = ~met[..., None]
        return Spectra(
            t,
            eigenvalues.gather(-1, order).masked_fill(gone, torch.nan),
            torch.linalg.svdvals(jacobian).masked_fill(gone, torch.nan),
        )
    nothing = passage.call.x.new_full((*t.shape, passage.size), torch.nan)
    return Spectra(t, nothing.to(torch.complex128), nothing)


def direct(passage: Passage) -> dict[str, Tensor]:
    """The direct path through each state: the diagonal of ds_t/ds_{t-1} with the gates held.

    What a unit hands to itself from step to step without passing an affine map or a mean over
    units, and with the gates (values of a sigmoid) taken as they are: in the LSTM the keep gate
    for C and 0 for h, in the GRU 1 - update, in a leaky network 1 - alpha.

    **Returns:** state to `(T, B, width)`, 0 past a length.
    """
    program, real = passage.program, passage.real[..., None]
    held = {i: passage.values[i] for i, n in enumerate(program.nodes)
            if n.op in ("affine", *REDUCTIONS, *GATES)}  # fmt: skip
    paths = {}
    with torch.enable_grad():
        before = {n: s.detach().requires_grad_() for n, s in passage.before.items()}
        values = passage.valued(before, held)
        for name, leaf in before.items():
            after = values[program.outputs[name]]
            back = None
            if isinstance(after, Tensor) and after.requires_grad:
                whole = after.expand(leaf.shape).sum()
                (back,) = torch.autograd.grad(whole, leaf, allow_unused=True, retain_graph=True)
            back = torch.zeros_like(leaf) if back is None else back
            paths[name] = torch.where(real.to(leaf.device), back, 0.0)
    return paths
