"""One run of a layer and direction over a batch, with everything that can be asked about it."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from throughtime.bptt.replicas import check
from throughtime.bptt.watch import Ran, outside, watching
from throughtime.engines import Call
from throughtime.engines.gradients import detached
from throughtime.engines.linearise import node_values
from throughtime.engines.time_order import real_steps
from throughtime.errors import ShapeError, whole
from throughtime.program import Program


@dataclass(frozen=True, eq=False)
class Passage:
    """What one layer and direction did with a batch, in eval mode.

    - `where`: "layer 1 forward", ...
    - `program`, `call`: what the engine ran; in eval mode nothing in it is random.
    - `states`: name to its values after each step, `(T, B, width)`, 0 past a length.
    - `entering`: name to the gradient of the loss that comes to it from outside the layer at
      each step, `(T, B, width)`; None without a loss. What comes to a final state stands at
      the last real step.
    """

    where: str
    program: Program
    call: Call
    states: dict[str, Tensor]
    entering: dict[str, Tensor] | None = None

    def __repr__(self) -> str:
        T, B = self.shape
        states = ", ".join(f"{n} {w}" for n, w in self.program.states.items())
        loss = "without" if self.entering is None else "with"
        return (
            f"Passage({self.where}: {self.program.cell} over {T} steps of {B} sequences; states "
            f"{states}; {loss} a loss)"
        )

    @property
    def shape(self) -> tuple[int, int]:
        """T and B."""
        return self.call.x.shape[0], self.call.x.shape[1]

    @property
    def size(self) -> int:
        """Units of the full state: all states together."""
        return sum(self.program.states.values())

    @property
    def lengths(self) -> Tensor:
        T, B = self.shape
        given = self.call.lengths
        return torch.full((B,), T, device=self.call.x.device) if given is None else given

    @functools.cached_property
    def real(self) -> Tensor:
        """Whether a step is one of its sequence, `(T, B)`."""
        real = real_steps(self.call)
        shape = self.shape
        return torch.ones(shape, dtype=torch.bool) if real is None else real[..., 0].cpu()

    @functools.cached_property
    def before(self) -> dict[str, Tensor]:
        """Each state before each step, in the direction of time, `(T, B, width)`."""
        T, _ = self.shape
        last = self.lengths - 1
        t = torch.arange(T, device=last.device)[:, None]
        begin, restart = (t == last if self.call.reverse else t.expand(-1, len(last)) == 0), None
        if self.call.resets is not None:
            restart = self.call.resets
            if self.call.reverse:
                restart = torch.cat([restart[1:], torch.zeros_like(restart[:1])]) & (t < last)
        before = {}
        for k, (name, after) in enumerate(self.states.items()):
            start = self.call.start[k]
            shifted = (
                torch.cat([after[1:], start[None]])
                if self.call.reverse
                else torch.cat([start[None], after[:-1]])
            )
            value = torch.where(begin[..., None], start, shifted)
            if restart is not None:
                value = torch.where(restart[..., None], self.call.initial[k], value)
            before[name] = value
        return before

    def restarts(self, b: int) -> Tensor:
        """Where a layer that runs backward begins anew between the steps b and b - 1, `(B,)`."""
        T, B = self.shape
        if self.call.resets is None or b == T:
            return torch.zeros(B, dtype=torch.bool, device=self.call.x.device)
        return self.call.resets[b] & (b < self.lengths)

    def piece(self, a: int, b: int) -> "Passage":
        """The steps a to b as a passage of their own, from the state in which they begin."""
        call, entry = self.call, b - 1 if self.call.reverse else a
        late = ((self.lengths < b) & call.reverse)[:, None]  # a sequence that has not begun
        states = zip(self.before.values(), call.start, strict=True)
        call = call._replace(
            x=call.x[a:b],
            start=tuple(torch.where(late, start, before[entry]) for before, start in states),
            lengths=None if call.lengths is None else (call.lengths - a).clamp(0, b - a),
            resets=None if call.resets is None else call.resets[a:b],
        )
        entering = self.entering and {n: e[a:b] for n, e in self.entering.items()}
        states = {n: s[a:b] for n, s in self.states.items()}
        return replace(self, call=call, states=states, entering=entering)

    def sampled(self, call: str, n: int) -> Tensor:
        """The steps to look back from: n of each sequence, evenly spaced, its last one the last.

        Counted in the direction of time; -1 for a sequence without steps; `(n, B)`.

        **Raises:** `OptionError` for less than 1.
        """
        whole(call, "n", n, "Set it to 16.")
        length = self.lengths
        k = torch.arange(1, n + 1, device=length.device)[:, None]
        t = (k * length + n - 1) // n - 1
        return torch.where(length > 0, length - 1 - t if self.call.reverse else t, -1)

    def rows(self, t: Tensor, b: Tensor) -> "Passage":
        """The steps `t (N,)` of the sequences `b (N,)` as a batch of N sequences of one step."""
        call = self.call
        own = replace(self, states={n: s[t, b][None] for n, s in self.states.items()})
        start = tuple(s[t, b] for s in self.before.values())
        x = call.x[t, b][None]
        one = call._replace(x=x, start=start, initial=(), lengths=None, resets=None)
        return replace(own, call=one, entering=None)

    @functools.cached_property
    def values(self) -> dict[int, Any]:
        """Every node of the program at every step, all steps at once."""
        return self.valued(self.before)

    def valued(
        self, before: dict[str, Tensor], held: Mapping[int, Any] = MappingProxyType({})
    ) -> dict[int, Any]:
        """The same from other states before each step, for a derivative.

        - `held`: nodes that are given, through which no gradient goes.
        """
        x = torch.where(self.real.to(self.call.x.device)[..., None], self.call.x, 0.0)
        return node_values(self.program, self.call, x, before, held)


def passages(
    module: nn.Module,
    x: Tensor,
    lengths: Tensor | None = None,
    loss: Callable[[Any], Tensor] | None = None,
    *,
    sequences: int | None = None,
) -> list[Passage]:
    """Run a module in eval mode and look at each of its recurrent layers and directions.

    The module is left as it was: mode, `.grad` and torch's generator are not touched.

    **Arguments:**

    - `module`: a `Recurrent`, or a module with some in it, called as `module(x)`, or with
      `lengths` as `module(x, lengths=lengths)`.
    - `loss`: from what the module returns to one number.
    - `sequences`: look at the first so many of the batch only; the loss is of all.

    **Raises:** `OptionError` for a module without a `Recurrent`, or a loss without a gradient,
    `ShapeError` for an x without steps.
    """
    if sequences is not None:
        whole("passages", "sequences", sequences, "Set it to 4.")
    if not len(x):
        raise ShapeError(
            "`passages`: x has 0 steps; expected at least 1, to look back from. Give a longer one."
        )
    modes = {m: m.training for m in module.modules()}
    module.eval()
    try:
        with watching(module) as ran, torch.set_grad_enabled(loss is not None):
            out = module(x) if lengths is None else module(x, lengths=lengths)
            value = None if loss is None else loss(out)
    finally:
        for m, training in modes.items():
            m.training = training
    entering: list[Any] = [None] * len(ran)
    if value is not None:
        check(value, ran, "passages")
        entering = outside(value, ran)
    seen = [_passage(r, e) for r, e in zip(ran, entering, strict=True)]
    return seen if sequences is None else [_first(p, sequences) for p in seen]


def _passage(ran: Ran, entering) -> Passage:
    names = list(ran.program.states)
    states = dict(zip(names, (s.detach() for s in ran.result.states), strict=True))
    passage = Passage(ran.where, ran.program, detached(ran.call), states)
    if entering is None:
        return passage
    T, B = passage.shape
    at = passage.sampled("passages", 1)[0]  # the last step
    met, b = at >= 0, torch.arange(B, device=at.device)
    entering_states = {}
    for name, over_time, final in zip(names, *entering, strict=True):
        total = torch.zeros_like(states[name]) if over_time is None else over_time.clone()
        if final is not None:
            total[at[met], b[met]] += final[met]
        entering_states[name] = total
    return replace(passage, entering=entering_states)


def _first(p: Passage, n: int) -> Passage:
    c = p.call
    call = c._replace(
        x=c.x[:, :n],
        start=tuple(s[:n] for s in c.start),
        initial=tuple(s[:n] for s in c.initial),
        lengths=None if c.lengths is None else c.lengths[:n],
        resets=None if c.resets is None else c.resets[:, :n],
    )
    states = {k: s[:, :n] for k, s in p.states.items()}
    entering = p.entering and {k: s[:, :n] for k, s in p.entering.items()}
    return Passage(p.where, p.program, call, states, entering)
