"""Whether contestants compute the same: no time is worth anything before that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from throughtime.bench.contestant import Contestant, Prepared, Results
from throughtime.bench.modules import Reference
from throughtime.bench.shapes import Shape
from throughtime.bench.task import Task, draw, label
from throughtime.errors import AgreementError

BOUNDS = {torch.float64: 1e-9, torch.float32: 1e-3}
"""The largest difference, as a share of the largest value of the same output or gradient."""

ROUNDING, LIMIT = 1e-15, 1e-12  # in float32, 1e8 times as much: within its bound


@dataclass(frozen=True)
class Expected:
    """Results in float64, and the shape that they are of: a task's own, or one of fewer steps."""

    shape: Shape
    results: Results


def exact(task: Task, contestants: Sequence[Contestant]) -> Expected:
    """The results in float64, in which all that have it agree; throughtime comes first.

    **Raises:** `AgreementError` if they do not.
    """
    task = replace(task, shape=followed(task), dtype=torch.float64)
    agreed = None
    for contestant in contestants:
        if contestant.agrees and contestant.runs(task):
            results = _results(task, contestant)
            if agreed is None:
                agreed = results
            demand(task, contestant, results, agreed)
    assert agreed is not None
    return Expected(task.shape, agreed)


def followed(task: Task) -> Shape:
    """The shape, with fewer steps where a cell of one's own is chaotic.

    Such a cell makes any two programs differ after enough steps, were they a rounding error
    apart. The reference engine tells: it runs twice, on inputs that differ by `ROUNDING`, and
    those steps count in which its output moves by `LIMIT` at most.
    """
    if isinstance(task.cell, str):
        return task.shape
    forward = replace(task, training=False, both=False, ragged=False, dtype=torch.float64)
    material = draw(forward)
    outputs = []
    for x in (material.x, material.x * (1 + ROUNDING)):
        prepared = Reference().prepare(forward, replace(material, x=x))
        outputs.append(prepared.read(prepared.run())["y"])
    moved = np.abs(outputs[0] - outputs[1]).max((1, 2)) > LIMIT * np.abs(outputs[0]).max()
    steps = max(1, int(moved.argmax())) if moved.any() else task.shape.T
    return task.shape._replace(T=steps)


def check(task: Task, contestant: Contestant, prepared: Prepared, expected: Expected) -> None:
    """Run what is about to be timed once, and compare it with what is expected.

    Where that is of fewer steps, so is what is compared. **Raises:** `AgreementError`.
    """
    results = prepared.read(prepared.run())
    if not contestant.agrees:
        return
    if expected.shape != task.shape:
        task = replace(task, shape=expected.shape)
        results = _results(task, contestant)
    wanted = expected.results if task.training else {"y": expected.results["y"]}
    demand(task, contestant, results, wanted)


def _results(task: Task, contestant: Contestant) -> Results:
    prepared = contestant.prepare(task, draw(task))
    return prepared.read(prepared.run())


def demand(task: Task, contestant: Contestant, results: Results, expected: Results) -> None:
    """Stop unless a contestant's results are those expected, to the bound of the task's dtype.

    **Raises:** `AgreementError`, with the output or gradient that differs most.
    """
    if {*results} != {*expected}:
        name = min({*results} ^ {*expected})
        raise _error(task, contestant, f"only one of the two has {name}")
    errors = differences(results, expected)
    worst = max(errors, key=lambda name: (np.isnan(errors[name]), errors[name]))
    bound = BOUNDS[task.dtype]
    if not errors[worst] <= bound:
        raise _error(
            task, contestant,
            f"{worst} differs by {errors[worst]:.1e} of its largest value, more than {bound:.0e}",
        )  # fmt: skip


def differences(results: Mapping[str, np.ndarray], expected: Results) -> dict[str, float]:
    """For each name the largest difference as a share of the largest value; nan if any is."""
    largest = {}
    for name, right in expected.items():
        if results[name].shape != right.shape:
            largest[name] = float("inf")
            continue
        difference = float(np.abs(results[name] - right).max())
        largest[name] = difference / (float(np.abs(right).max()) or 1.0)
    return largest


def _error(task: Task, contestant: Contestant, what: str) -> AgreementError:
    what_runs = f"{label(task.cell)} at T,B,I,H={task.shape}"
    kind = "training" if task.training else "inference"
    dtype = str(task.dtype).removeprefix("torch.")
    return AgreementError(
        f"{contestant.title}, {what_runs}, {kind} in {dtype}: {what}; "
        "expected the same results as throughtime in float64. Nothing was timed: report it."
    )
