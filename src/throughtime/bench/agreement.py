"""Whether contestants compute the same: no time is worth anything before that."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from throughtime.bench.contestant import Contestant, Results
from throughtime.bench.task import Task, draw, label
from throughtime.errors import AgreementError

BOUNDS = {torch.float64: 1e-9, torch.float32: 1e-3}
"""The largest difference, as a share of the largest value of the same output or gradient."""


def exact(task: Task, contestants: Sequence[Contestant]) -> Results:
    """The results in float64, in which all that have it agree; throughtime comes first.

    **Raises:** `AgreementError` if they do not.
    """
    task = replace(task, dtype=torch.float64)
    material = draw(task)
    found = None
    for contestant in contestants:
        if contestant.agrees and contestant.runs(task):
            prepared = contestant.prepare(task, material)
            results = prepared.read(prepared.run())
            if found is None:
                found = results
            demand(task, contestant, results, found)
    assert found is not None
    return found


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
    found = {}
    for name, right in expected.items():
        if results[name].shape != right.shape:
            found[name] = float("inf")
            continue
        difference = float(np.abs(results[name] - right).max())
        found[name] = difference / (float(np.abs(right).max()) or 1.0)
    return found


def _error(task: Task, contestant: Contestant, what: str) -> AgreementError:
    what_runs = f"{label(task.cell)} at T,B,I,H={task.shape}"
    kind = "training" if task.training else "inference"
    dtype = str(task.dtype).removeprefix("torch.")
    return AgreementError(
        f"{contestant.title}, {what_runs}, {kind} in {dtype}: {what}; "
        "expected the same results as throughtime in float64. Nothing was timed: report it."
    )
