"""The derivative of the state by the state before, at every step, and its spectra."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from throughtime.diagnose.passage import Passage
from throughtime.program.graph import REDUCTIONS

CHUNK = 64  # rows of a Jacobian at a time
GATES = ("sigmoid", "hardsigmoid")


def step_jacobian(passage: Passage, t: Tensor, b: Tensor) -> Tensor:
    """ds_t/ds_{t-1} at the steps `t (N,)` of the sequences `b (N,)`: `(N, S, S)`.

    s is the full state, all states in their order; in a layer that runs backward, the state
    before step t is that of t + 1. Where a state begins anew, it is the derivative by the value
    that it begins with.
    """
    rows = passage.rows(t, b)
    names = list(passage.program.states)
    with torch.enable_grad():
        before = [s.detach().requires_grad_() for s in rows.before.values()]
        values = rows.values(dict(zip(names, before, strict=True)))
        after = torch.cat(
            [values[passage.program.outputs[n]].expand(1, len(t), w)
             for n, w in passage.program.states.items()], -1
        )[0]  # fmt: skip
    S, jacobian = passage.size, []
    eye = torch.eye(S, dtype=after.dtype, device=after.device)
    if not after.requires_grad:
        return after.new_zeros(len(t), S, S)
    for part in eye.split(CHUNK):
        sent = part[:, None].expand(len(part), len(t), S)
        back = torch.autograd.grad(
            after, before, sent, is_grads_batched=True, retain_graph=True, allow_unused=True
        )
        found = [
            after.new_zeros(len(part), len(t), s.shape[-1]) if d is None else d[:, 0]
            for s, d in zip(before, back, strict=True)
        ]
        jacobian.append(torch.cat(found, -1))
    return torch.cat(jacobian).transpose(0, 1)


def windows(
    passage: Passage, n: int, lags: int | None = None
) -> tuple[Tensor, Iterator[tuple[Tensor, Tensor]]]:
    """Step Jacobians back from n steps of each sequence, evenly spaced, the last one among them.

    **Returns:** the steps `(n, B)`, and for each lag from 1 on `(jacobian (n, B, S, S), met (n,
    B))`: ds/ds before at the k-th step back, the identity where there is none.
    """
    t = torch.stack([passage.position(k, n) for k in range(n)])
    T, B = passage.shape
    b = torch.arange(B, device=t.device).expand(n, B)
    most = T if lags is None else min(lags, T)

    def each() -> Iterator[tuple[Tensor, Tensor]]:
        eye = torch.eye(passage.size, dtype=passage.call.x.dtype, device=t.device)
        for k in range(most):
            at = t + k if passage.call.reverse else t - k
            met = (t >= 0) & (at >= 0) & (at < passage.lengths)
            if not bool(met.any()):
                return
            whole = eye.expand(n, B, -1, -1).clone()
            whole[met] = step_jacobian(passage, at[met], b[met])
            yield whole, met

    return t, each()


class Spectra(NamedTuple):
    """Of the step Jacobians at n steps of each sequence, largest first, `(n, B, S)`.

    - `eigenvalues`: complex, by size.
    - `singular_values`.
    """

    t: Tensor
    eigenvalues: Tensor
    singular_values: Tensor


def spectra(passage: Passage, *, n: int = 16) -> Spectra:
    """Eigenvalues and singular values of ds_t/ds_{t-1}; nan for sequences without steps."""
    t, each = windows(passage, n, 1)
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
    nodes = passage.program.nodes
    held = [i for i, n in enumerate(nodes) if n.op in ("affine", *REDUCTIONS, *GATES)]
    found = {}
    for name, width in passage.program.states.items():
        with torch.enable_grad():
            before = {n: s.detach() for n, s in passage.before.items()}
            leaf = before[name] = before[name].requires_grad_()
            after = passage.values(before, held)[passage.program.outputs[name]]
            after = after.expand(*passage.shape, width)
            value = torch.zeros_like(leaf)
            if after.requires_grad:
                (back,) = torch.autograd.grad(after.sum(), leaf, allow_unused=True)
                value = value if back is None else back
        found[name] = torch.where(passage.real.to(value.device)[..., None], value, 0.0).detach()
    return found
