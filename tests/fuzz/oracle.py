"""What is right: the lines of a cell with torch's own functions, in a plain loop over time.

Nothing of throughtime runs here. The lines of `step` are those of the recipe; `affine`,
`parameter`, `noise` and `mask` are told what they stand for, see `_Step`. Gradients are autograd's.
"""

import types
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from fuzz.case import LAYOUTS, Case
from fuzz.modes import Jitter, Twins
from torch import Tensor


class Drawn(NamedTuple):
    """What one direction of one layer drew: noise and masks by name, masks of weights by name."""

    randoms: dict[str, Tensor]
    weights: dict[str, Tensor]


class Given(NamedTuple):
    """The tensors of a call, as the script made them.

    - `parameters`: by name, as of `layer.named_parameters()`, and buffers.
    - `frozen`: the names of those that ask for no gradient.
    - `state`: `[layer][direction][name]`, or None.
    - `weights`: what each of `Case.reads` is multiplied by in the loss.
    """

    parameters: dict[str, Tensor]
    frozen: set[str]
    base: Tensor
    state: Any
    resets: Tensor | None
    weights: list[Any]
    drawn: list[Drawn]


class Truth(NamedTuple):
    """Outputs and gradients, by what a person would call them."""

    outputs: dict[str, Tensor]
    gradients: dict[str, Tensor]


def truth(case: Case, given: Given, dtype: torch.dtype, jitter: float = 0.0) -> Truth:
    """The right outputs and gradients, computed in `dtype`.

    `jitter`: how much the result of each operation is changed, at random: what this does to the
    results says how much of them rounding can be.
    """
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with ExitStack() as stack:
            if jitter:
                stack.enter_context(Jitter(jitter))
            return _truth(case, given, dtype)
    finally:
        torch.set_default_dtype(before)


def _truth(case: Case, given: Given, dtype: torch.dtype) -> Truth:
    def own(t: Tensor, wanted: bool) -> Tensor:
        return t.detach().to(dtype, copy=True).requires_grad_(wanted)

    parameters = {n: own(p, n not in given.frozen) for n, p in given.parameters.items()}
    leaves = {n: p for n, p in parameters.items() if p.requires_grad}
    base = own(given.base, "x" in case.wants)
    leaves |= {"base": base} if "x" in case.wants else {}
    state = None
    if given.state is not None:
        state = [[{n: own(s, "state" in case.wants) for n, s in one.items()} for one in both]
                 for both in given.state]  # fmt: skip
        for k, directions in enumerate(state):
            for d, direction in enumerate(directions):
                for n, s in direction.items() if "state" in case.wants else ():
                    leaves[f'state[{k}][{d}]["{n}"]'] = s
    T, B = case.T, case.B
    x = eval(LAYOUTS[case.layout][1], {"base": base, "T": T, "B": B, "I": case.recipe.sizes["x"]})
    final, states, number = [], [], 0
    step = _compiled(case.recipe.cell())
    for k in range(case.layers):
        ran = []
        for d in range(case.directions):
            reverse = case.direction == "backward" or d == 1
            prefix = f"directions.{k}.{d}."
            own_ones = {n.removeprefix(prefix): p for n, p in parameters.items()
                        if n.startswith(prefix)}  # fmt: skip
            start = None if state is None else state[k][d]
            drawn = given.drawn[number] if number < len(given.drawn) else Drawn({}, {})
            ran.append(
                _drawn_direction(case, step, own_ones, x, start, given.resets, reverse, drawn)
            )
            number += 1
        final.append([direction[1] for direction in ran])
        states.append([direction[0] for direction in ran])
        first = next(iter(case.recipe.states))
        ys = [direction[0][first] for direction in ran]
        x = ys[0] if len(ys) == 1 else torch.cat(ys, -1)
        if len(ys) == 2 and case.merge != "concat":
            x = (ys[0] + ys[1]) / (2 if case.merge == "mean" else 1)
    names = {"y": x, "final": final, "states": states}
    if case.batch_first:
        names["y"] = x.transpose(0, 1)
        names["states"] = [[{n: s.transpose(0, 1) for n, s in one.items()} for one in both]
                           for both in states]  # fmt: skip
    wanted = [o for o in case.outputs() if case.every_state or not o.startswith("states")]
    outputs = {o: eval(o, dict(names)) for o in wanted}
    loss = sum((outputs[o] * (w.to(dtype) if isinstance(w, Tensor) else w)).sum()
               for o, w in zip(case.reads, given.weights, strict=True))  # fmt: skip
    gradients = {n: torch.zeros_like(p) for n, p in leaves.items()}
    if isinstance(loss, Tensor) and loss.requires_grad and not case.no_grad:
        found = torch.autograd.grad(loss, [*leaves.values()], allow_unused=True)
        gradients |= {n: g for n, g in zip(leaves, found, strict=True) if g is not None}
    return Truth({n: o.detach() for n, o in outputs.items()}, gradients)


def _drawn_direction(
    case: Case,
    step: Callable[..., Any],
    parameters: dict[str, Tensor],
    x: Tensor,
    start: Mapping[str, Tensor] | None,
    resets: Tensor | None,
    reverse: bool,
    drawn: Drawn,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """States over time and at the end, of one direction of one layer."""
    T, B, _ = x.shape
    widths = case.recipe.widths
    initial = {n: parameters.get(f"initial.{n}0", x.new_zeros(w)).expand(B, w)
               for n, w in widths.items()}  # fmt: skip
    now = dict(initial if start is None else start)
    lengths = torch.tensor(case.lengths or [T] * B, dtype=torch.int64).reshape(B, 1)
    weights = {n: p * drawn.weights[n].to(x.dtype) if n in drawn.weights else p
               for n, p in parameters.items()}  # fmt: skip
    over: list[dict[str, Tensor]] = []
    order = range(T)[::-1] if reverse else range(T)
    for t in order:
        at = t + 1 if reverse else t  # backward in time a reset ends the piece after it
        if resets is not None and at < T:
            acts = resets[at].reshape(B, 1) & (at < lengths)
            now = {n: torch.where(acts, initial[n], s) for n, s in now.items()}
        real = t < lengths
        row = torch.where(real, x[t], 0.0)
        meaning = _Step(case, weights, drawn.randoms, t, row, now)
        new = meaning.run(step)
        now = {n: torch.where(real, new[n], s) for n, s in now.items()}
        over.append({n: torch.where(real, s, 0.0) for n, s in now.items()})
    if reverse:
        over.reverse()
    states = {n: torch.stack([each[n] for each in over]) if over else x.new_zeros(0, B, w)
              for n, w in widths.items()}  # fmt: skip
    return states, now


class _Step:
    """What the functions of a cell mean within one step of one direction."""

    def __init__(
        self,
        case: Case,
        weights: Mapping[str, Tensor],
        randoms: Mapping[str, Tensor],
        t: int,
        x: Tensor,
        states: Mapping[str, Tensor],
    ) -> None:
        self.case, self.weights, self.randoms = case, weights, randoms
        self.t, self.x, self.states = t, x, states
        self.count = 0
        self.twins: Twins | None = None

    def run(self, step: Callable[..., Any]) -> dict[str, Tensor]:
        """The new states."""
        case, B = self.case, self.x.shape[0]
        _meaning.append(self)
        try:
            if case.variational_dropout and case.training:
                p, output = case.variational_dropout, next(iter(self.states))
                self.twins = Twins()
                for name, row in (("x", self.x), (output, self.states[output])):
                    self.twins.add(row, row * (self.drawn(f"variational_{name}") / (1 - p)))
                with self.twins:
                    found = step(None, self.x, *self.states.values())
            else:
                found = step(None, self.x, *self.states.values())
        finally:
            _meaning.pop()
        found = found if isinstance(found, tuple) else (found,)
        new = {}
        for (name, old), value in zip(self.states.items(), found, strict=True):
            value = _number(torch.as_tensor(value, dtype=None), self.x).expand(B, old.shape[1])
            if case.zoneout:
                keep = case.zoneout
                if case.training:
                    keep = self.drawn(f"zoneout_{name}")
                value = value + keep * (old - value)
            new[name] = value
        return new

    def drawn(self, name: str) -> Tensor:
        found = self.randoms[name].to(self.x.dtype)
        return found[self.t] if found.dim() == 3 else found

    def affine(self, name: str, *operands: Tensor, size: int, bias: bool = True) -> Tensor:
        own = [w for n, w in self.weights.items()
               if n.startswith(f"{name}_") and n != f"{name}_bias"]  # fmt: skip
        z = self.weights[f"{name}_bias"] if bias else torch.zeros(size, dtype=self.x.dtype)
        for weight, operand in zip(own, operands, strict=True):
            seen = operand if self.twins is None else self.twins.of(operand)
            z = z + _number(seen, self.x) @ weight.T
        return z

    def parameter(self, name: str, size: int) -> Tensor:
        return self.weights[name] * 1

    def noise(self, size: int) -> Tensor:
        return self.random("noise", size, 0.0)

    def mask(self, probability: float, size: int, fixed: bool = False) -> Tensor:
        return self.random("mask", size, probability)

    def random(self, kind: str, size: int, mean: float) -> Tensor:
        name = f"{kind}{self.count}"
        self.count += 1
        if self.case.training:
            return self.drawn(name)
        return torch.full((self.x.shape[0], size), mean, dtype=self.x.dtype)


def _number(value: Tensor, like: Tensor) -> Tensor:
    """A condition as 1 where it holds."""
    return value.to(like.dtype)


_meaning: list[_Step] = []


def _one_sixth(x: Tensor) -> Tensor:
    """`F.hardsigmoid`; torch's own has 1/6 in float32 in its derivative."""
    return torch.clamp(x + 3, 0, 6) / 6


def _compiled(cell: str) -> Callable[..., Any]:
    """The function `step` of a cell's source, on tensors."""
    functional = types.SimpleNamespace(**vars(torch.nn.functional))
    functional.hardsigmoid = _one_sixth
    functional.hardswish = lambda x: x * _one_sixth(x)
    names: dict[str, Any] = {"torch": torch, "F": functional, "Cell": object}
    for call in ("affine", "parameter", "noise", "mask"):
        names[call] = _now(call)
    exec(compile(cell, "<oracle>", "exec"), names)
    return names["Found"].step


def _now(call: str) -> Callable[..., Tensor]:
    return lambda *args, **options: getattr(_meaning[-1], call)(*args, **options)
