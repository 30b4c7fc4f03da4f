"""Lyapunov exponents: how fast states of a network that are close come apart or together."""

import functools
from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor

from throughtime.dynamics.exponents import Lyapunov, averaged
from throughtime.dynamics.map import ROOM, Map
from throughtime.dynamics.state_map import StateMap, UnderInput
from throughtime.dynamics.tangent import Push, follow, random_directions
from throughtime.errors import OptionError, ShapeError, whole

MOST_WORK = 1e14  # multiplications of one run: about an hour of two cores
SMALL, FEW = 2**16, 2**13  # a Jacobian of more numbers, in all and for each direction, is not made
STEP, WEIGHT = 1e7, 50  # so many would take as long as the calls of a step; to read one weight


@torch.no_grad()
def lyapunov_spectrum(
    system: StateMap | Map,
    inputs: Tensor | None = None,
    *,
    start: Tensor | None = None,
    steps: int | None = None,
    burn_in: int | None = None,
    count: int | None = None,
    every: int = 1,
    seed: int = 0,
) -> Lyapunov:
    r"""Lyapunov exponents of a driven or autonomous network, by QR of its Jacobians.

    $\lambda_i = \lim \frac1T \sum_t \ln |R^{(t)}_{ii}|$ with $J_t Q_{t-1} = Q_t R^{(t)}$, J the
    exact Jacobians of the full state along the trajectory, all in float64.

    The errors are from batch means: the run is cut into 20 batches of time and sequences (of more
    than 20 sequences, each is one) and the standard error is that of a mean of independent
    batches. It holds where batches are longer than the memory of the system.

    **Arguments:**

    - `system`: a `StateMap`, driven by `inputs`; or a `Map`, such as `StateMap.under(x)`.
    - `inputs`: `(T, B, I)`, recorded; exponents are averages over the B sequences.
    - `start`: `(B, S)`, states before the first step. A `StateMap` starts at its initial state
      unless given. Without input that is often a fixed point, of which these are then the
      exponents: give a random state to find the attractor.
    - `steps`: with the burn-in. Needed for a `Map`; otherwise all T unless given.
    - `burn_in`: first steps left out, in which the state and the directions settle; a tenth of
      all unless given.
    - `count`: how many exponents, the largest first; all S unless given. 1 pushes one vector a
      step, at about the price of the step, for thousands of units.
    - `every`: steps between two factorisations. Where directions come apart too far within so
      many steps, they are followed in shorter spans, so that the result stays the same.
    - `seed`: of the first directions.

    A direction that a Jacobian removes has the exponent minus infinity: where only r rows of the
    new directions are not 0, all exponents after the first r; or where R_ii is below rounding, S
    times 2.2e-16 of the largest, in most steps. Where it is so in fewer steps it counts as that
    bound.

    **Returns:** `Lyapunov`.

    **Raises:** `ShapeError` for inputs or starts of another shape, `OptionError` for numbers out
    of range, for states that do not stay finite, and for a run that would take an hour and more.

    ??? cite "Reference"
        G. Benettin, L. Galgani, A. Giorgilli, J.-M. Strelcyn, Lyapunov characteristic exponents
        for smooth dynamical systems, part 2, Meccanica 15 (1980), doi 10.1007/BF02128237.
        R. Engelken, F. Wolf, L. F. Abbott, Lyapunov spectra of chaotic recurrent neural networks,
        Physical Review Research 5 (2023), doi 10.1103/PhysRevResearch.5.043044. R. Vogt,
        M. Puelma Touzel, E. Shlizerman, G. Lajoie, On Lyapunov exponents for RNNs, Frontiers in
        Applied Mathematics and Statistics 8 (2022), doi 10.3389/fams.2022.818799. Batch means:
        B. Schmeiser, Operations Research 30 (1982), doi 10.1287/opre.30.3.556.
    """
    whole("lyapunov_spectrum", "every", every, "Set it to 1.")
    steps = _steps(system, inputs, steps)
    start = _start(system, inputs, start)
    S, B = system.size, len(start)
    count = S if count is None else count
    whole("lyapunov_spectrum", "count", count, "Set it to 1.")
    if count > S:
        raise OptionError(
            f"`lyapunov_spectrum`: count is {count}; expected at most {S}, the numbers of the "
            "state. Leave it out for all."
        )
    burn_in = steps // 10 if burn_in is None else burn_in
    if not isinstance(burn_in, int) or burn_in < 0 or (steps - burn_in) // every * B < 2:
        raise OptionError(
            f"`lyapunov_spectrum`: burn_in is {burn_in} of {steps} steps; expected 0 or more and "
            f"{every if B > 1 else 2 * every} steps after it, because errors come from two "
            "factorisations or more. Give more steps."
        )
    n = (steps - burn_in) // every
    _affordable(steps, B, S, count)
    q = random_directions(start, count, seed)
    if isinstance(system, UnderInput):  # engines are faster at the trajectory
        system, inputs = system.system, system.x.expand(steps, B, -1)
    pushes = _pushes(system, inputs, start, burn_in + n * every, count)
    for a in range(0, burn_in, every):
        q, _, _ = follow(list(islice(pushes, min(every, burn_in - a))), q)
    logs, lost = q.new_empty(n, B, count), 0
    for k in range(n):
        q, logs[k], gone = follow(list(islice(pushes, every)), q)
        lost = lost + gone
    logs.masked_fill_(2 * torch.as_tensor(lost) > n * every, -torch.inf)
    return averaged(logs / every, every, S)


def _pushes(
    system: StateMap | Map, inputs: Tensor | None, s: Tensor, steps: int, count: int
) -> Iterator[Push]:
    """The products with the Jacobian of each step along the trajectory from `s (B, S)`.

    Jacobians are made for many steps at once, or not at all where they are large beside the
    directions.
    """
    B, S = s.shape
    without = S**2 > max(SMALL, FEW * count)
    steps_at_once = min(1000, max(1, ROOM // (B * S * (1 if without else 4 * S))))
    for t in range(0, steps, steps_at_once):
        n = min(steps_at_once, steps - t)
        if isinstance(system, StateMap):
            assert inputs is not None
            x = inputs[t : t + n].to(s)
            after = system.run(x, s)
            given = (torch.cat([s[None], after[:-1]]), x)
        else:
            after = system.orbit(s, n)
            given = (after[:-1],)
        if not bool(after.isfinite().all()):
            raise OptionError(
                f"`lyapunov_spectrum`: the state is not finite within {t + n} steps; expected a "
                "trajectory that stays bounded. Start from a state near the attractor."
            )
        if without:
            yield from (functools.partial(system.push, *now) for now in zip(*given, strict=True))
        else:
            jacobians = system.jacobian(*(g.flatten(0, 1) for g in given))
            yield from (j.matmul for j in jacobians.unflatten(0, (n, B)))
        s = after[-1]


def _steps(system: StateMap | Map, inputs: Tensor | None, steps: int | None) -> int:
    if isinstance(system, Map):
        if inputs is not None:
            raise OptionError(
                f"`lyapunov_spectrum`: inputs has shape {tuple(inputs.shape)} for an autonomous "
                "map; expected none. Give the StateMap itself with its inputs."
            )
        if steps is None:
            raise OptionError(
                "`lyapunov_spectrum`: steps is None for an autonomous map; expected a whole "
                "number. Set it to 2000."
            )
        whole("lyapunov_spectrum", "steps", steps, "Set it to 2000.")
        return steps
    if inputs is None:
        raise OptionError(
            f"`lyapunov_spectrum`: inputs is None for a driven system; expected (T, B, "
            f"{system.input_size}). For a constant input give `system.under(x)` with steps and "
            "start."
        )
    if inputs.dim() != 3 or inputs.shape[-1] != system.input_size or not inputs.numel():
        raise ShapeError(
            f"`lyapunov_spectrum`: inputs has shape {tuple(inputs.shape)}; expected (T, B, "
            f"{system.input_size}). Give all inputs of each step."
        )
    T = len(inputs)
    steps = T if steps is None else steps
    whole("lyapunov_spectrum", "steps", steps, "Leave it out for all.")
    if steps > T:
        raise OptionError(
            f"`lyapunov_spectrum`: steps is {steps}; expected at most {T}, as many as inputs has. "
            "Leave it out for all."
        )
    return steps


def _start(system: StateMap | Map, inputs: Tensor | None, start: Tensor | None) -> Tensor:
    S, B = system.size, None if inputs is None else inputs.shape[1]
    if start is None:
        if isinstance(system, StateMap) and B is not None:
            return system.start.expand(B, -1)
        raise OptionError(
            f"`lyapunov_spectrum`: start is None for an autonomous map; expected (B, {S}), because "
            "it decides which attractor is reached. Give one random state, "
            f"`0.1 * torch.randn(1, {S})`."
        )
    if start.dim() != 2 or start.shape[1] != S or not len(start) or len(start) != (B or len(start)):
        raise ShapeError(
            f"`lyapunov_spectrum`: start has shape {tuple(start.shape)}; expected ({B or 'B'}, "
            f"{S}), the full state of each sequence. Give one row for each."
        )
    return start.to(system.start) if isinstance(system, StateMap) else start.double()


def _affordable(steps: int, B: int, S: int, count: int) -> None:
    """**Raises:** `OptionError` for a run that would take an hour and more."""

    def work(count: int) -> float:
        return steps * (STEP + WEIGHT * S**2 + B * S * count * (3.0 * S + 8.0 * count))

    if work(count) <= MOST_WORK:
        return
    fit = int(steps * MOST_WORK / work(count))
    fewer = "count=1 for the largest exponent alone" if work(1) <= MOST_WORK else f"steps={fit}"
    raise OptionError(
        f"`lyapunov_spectrum`: {count} exponents of {S} numbers, {steps} steps and {B} sequences "
        f"take about {work(count):.0e} multiplications; expected at most {MOST_WORK:.0e}, about "
        f"an hour of two cores. Set {fewer}."
    )
