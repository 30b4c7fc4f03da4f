"""A trained model as a dynamical system: what its points, its plane and its basins are."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from throughtime.data import Batches, Sequences
from throughtime.dynamics import (
    Basins,
    FixedPoints,
    Flow,
    Lyapunov,
    Principal,
    StateMap,
    basins,
    fixed_points,
    flow,
    lyapunov_spectrum,
    plane,
    principal,
    run_each,
    visited,
)  # fmt: skip
from throughtime.report.of_dynamics.marks import kinds
from throughtime.training import Model
from throughtime.training.evaluate import check_channels
from throughtime.training.layer_inputs import (
    Typical,
    constant_channels,
    constant_input,
    layer_inputs,
)

BATCH = 64
VISITED = 50_000  # steps that are run to draw starts from, at most
SHOWN = 40  # sequences whose trajectories are kept
MEASURED, SHORTEST = 32, 5  # sequences for Lyapunov exponents, at most; steps that tell something


@dataclass(frozen=True, eq=False)
class Dynamics:
    """What there is to know of a network under a constant input.

    - `system`: the map; `values`: by channel the constant input in the units of the data, a
      category as its text; `input`: the same as the layer sees it, `(I,)`.
    - `points`: what `fixed_points` found, fixed ones first and of these the stable ones.
    - `trajectories`: of some sequences the states that they visit, `(T, S)` each.
    - `principal`: of the states visited.
    - `flow`, `basins`: in a plane through the point with the most unstable directions; None for
      a state of one number, and basins also without an attractor.
    - `exponents`: the largest Lyapunov exponents on the data; None where none were asked for, or
      the sequences are too short.
    """

    system: StateMap
    values: dict[str, float | str]
    input: Tensor
    points: FixedPoints
    trajectories: list[Tensor]
    principal: Principal
    flow: Flow | None
    basins: Basins | None
    exponents: Lyapunov | None

    def to_dict(self) -> dict[str, Any]:
        """All numbers as plain data."""
        points, found = self.points, self.basins
        return {
            "system": str(self.system),
            "direction": "backward" if self.system.backward else "forward",
            "input": {"channels": self.values, "layer": self.input.tolist()},
            "states": {name: [at.start, at.stop] for name, at in self.system.states.items()},
            "period": points.period,
            "search": points.search._asdict(),
            "points": [_point(points, k) for k in range(len(points))],
            "principal": {
                "mean": self.principal.mean.tolist(),
                "axes": self.principal.axes.T.tolist(),
                "share": self.principal.share.tolist(),
            },
            "basins": None if found is None else {
                "across": found.plane.across.tolist(),
                "up": found.plane.up.tolist(),
                "point": [[None if k < 0 else k for k in row] for row in found.labels.tolist()],
                "nowhere": found.nowhere,
                "steps": found.steps,
            },
            "lyapunov": None if self.exponents is None else {
                "exponents": [_number(v) for v in self.exponents.exponents.tolist()],
                "errors": [_number(v) for v in self.exponents.errors.tolist()],
                "converged": self.exponents.converged.tolist(),
            },
        }  # fmt: skip


def _number(value: float) -> float | None:
    """JSON has no infinity."""
    return value if math.isfinite(value) else None


def _point(points: FixedPoints, k: int) -> dict[str, Any]:
    values = points.eigenvalues[k]
    return {
        "kind": kinds(points)[k],
        "fixed": bool(points.fixed[k]),
        "unstable": int(points.unstable[k]),
        "q": float(points.q[k]),
        "ended": int(points.ended[k]),
        "state": points.states[k].tolist(),
        "eigenvalues": [[v.real, v.imag] for v in values.tolist()],
    }


def measure_dynamics(
    model: Model,
    sequences: Sequences,
    *,
    input: Typical | Mapping[str, str] = "median",
    direction: Literal["forward", "backward"] | None = None,
    starts: int = 512,
    between: float = 0.5,
    noise: float = 0.0,
    lyapunov: int = 8,
    seed: int = 0,
    **search: Any,
) -> Dynamics:
    """Run a trained model on sequences and look for its points under a constant input.

    **Arguments:**

    - `model`: with one `Recurrent`, as `throughtime.load` gives it; `sequences`: with its channels.
    - `input`: at which value each channel stays, see `constant_channels`.
    - `direction`: of a bidirectional layer, "forward" or "backward".
    - `starts`: how many of the states visited the search starts from; `between`, `noise` and
      `seed` as `throughtime.dynamics.visited` takes them.
    - `lyapunov`: how many exponents are measured on the sequences, 0 for none; of a smaller state
      all. They are measured over the first steps of up to 32 sequences, as many as half of the
      sequences have.
    - `search`: `period`, `tolerance`, `slow` and others of `throughtime.dynamics.fixed_points`.

    **Raises:** `OptionError` for a model that is no map of one state, see `StateMap`, and as the
    functions of `throughtime.dynamics` do; `DataError` for sequences with other channels.
    """
    check_channels("measure_dynamics", model, sequences)
    system = StateMap(model, direction)
    values = constant_channels(model, sequences, input)
    x = constant_input(model, values)
    order = _some(sequences.real_steps(), seed)
    drawn = {"between": between, "noise": noise, "seed": seed}
    begun = visited(system, inputs_of(model, order), starts, **drawn)
    points = _sorted(fixed_points(system.under(x), begun, **search))
    paths = []
    for inputs, lengths in inputs_of(model, _first(order, SHOWN)):
        states, real = run_each(system, inputs, lengths)
        paths += [states[real[:, b], b] for b in range(len(lengths))]
    components = principal(torch.cat(paths), 3)
    at = moved = None
    if system.size > 1:
        seen = torch.cat([*paths, points.states])
        at = plane(components, _middle(points, components), seen, n=41)
        moved = flow(points.map, at)
    stable = any(kind == "stable" for kind in kinds(points))
    ended = basins(points, at, steps=2000, near=0.05) if at is not None and stable else None
    growth = _exponents(model, system, order, min(lyapunov, system.size)) if lyapunov else None
    named = _named(model, values)
    return Dynamics(system, named, x, points, paths, components, moved, ended, growth)


def _exponents(model: Model, system: StateMap, sequences: Sequences, count: int) -> Lyapunov | None:
    """Over the steps that half of the sequences have, in the direction of the layer."""
    inputs = [(x[:, b], int(length)) for x, lengths in inputs_of(model, _first(sequences, BATCH))
              for b, length in enumerate(lengths)]  # fmt: skip
    steps = sorted(length for _, length in inputs)[len(inputs) // 2]
    if steps < SHORTEST:
        return None
    long = [x[:length] for x, length in inputs if length >= steps][:MEASURED]
    if system.backward:
        long = [x.flip(0) for x in long]
    return lyapunov_spectrum(system, torch.stack([x[:steps] for x in long], 1), count=count)


def inputs_of(model: Model, sequences: Sequences) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of what the layers are given, with their lengths."""
    device = next(model.parameters()).device
    for batch in Batches(sequences, BATCH, shuffle=False).epoch(0):
        yield layer_inputs(model, batch.x.to(device), batch.lengths.to(device))


def _some(sequences: Sequences, seed: int) -> Sequences:
    """Sequences in drawn order, as many as `VISITED` allows, and as much of the first."""
    beginning = torch.zeros_like(sequences.lengths)
    sequences = sequences.cut(beginning, sequences.lengths.clamp(max=VISITED))
    order = torch.randperm(len(sequences), generator=torch.Generator().manual_seed(seed))
    steps = sequences.lengths[order].cumsum(0)
    return sequences.select(order[: max(1, int((steps <= VISITED).sum()))])


def _first(sequences: Sequences, count: int) -> Sequences:
    return sequences.select(torch.arange(min(count, len(sequences))))


def _sorted(points: FixedPoints) -> FixedPoints:
    """Fixed ones first, of these the stable ones, then by unstable directions; of equal ones that
    first at which most starts ended."""
    keys = zip((~points.fixed).tolist(), points.unstable.tolist(), (-points.ended).tolist(),
               strict=True)  # fmt: skip
    order = sorted(range(len(points)), key=[*keys].__getitem__)
    return points.only(torch.tensor(order, dtype=torch.int64))


def _middle(points: FixedPoints, components: Principal) -> Tensor:
    """The point with the most unstable directions, or the mean of the states without points."""
    return points.states[int(points.unstable.argmax())] if len(points) else components.mean


def _named(model: Model, values: Tensor) -> dict[str, float | str]:
    texts = model.encoder.texts
    pairs = zip(model.channels, values.tolist(), strict=True)
    return {name: texts[name][int(v)] if name in texts else v for name, v in pairs}
