"""What was found of a network as a dynamical system, in a sentence and as rows of numbers."""

import math
from collections import Counter
from typing import Any

from throughtime.dynamics import FixedPoints, Lyapunov
from throughtime.dynamics.point import time_constants, turning_periods
from throughtime.report.of_dynamics.marks import MARKS, kinds
from throughtime.report.of_dynamics.measure import Dynamics
from throughtime.report.style import plain

HEAD = ("point", "kind", "unstable", "q", "|eigenvalue|", "time constant", "turns in", "starts")
CHANNELS = 4  # of the constant input that are named
ROUNDING = 1e-9  # an angle up to this is that of a real eigenvalue


def counts(points: FixedPoints) -> str:
    """How many points or cycles there are of each kind: "8 stable points, 12 saddle points"."""
    number = Counter(kinds(points))
    what = "point" if points.period == 1 else f"cycle of period {points.period}"
    parts = []
    for kind in MARKS:
        if n := number[kind]:
            many = what if n == 1 else what.replace(what.split()[0], f"{what.split()[0]}s", 1)
            parts.append(f"{n} {kind} {many}")
    return ", ".join(parts) or f"no {what}"


def constant(found: Dynamics) -> str:
    """The constant input in words."""
    pairs = [f"{plain(name, 24)} = {value if isinstance(value, str) else f'{value:.4g}'}"
             for name, value in found.values.items()]  # fmt: skip
    more = len(pairs) - CHANNELS
    return ", ".join(pairs[:CHANNELS]) + (f" and {more} more" if more > 0 else "")


def sentence(found: Dynamics) -> str:
    """What was found, for someone who reads nothing else."""
    says = f"While the input stays at {constant(found)}, the network has {counts(found.points)}."
    stable = kinds(found.points).count("stable")
    if found.points.period > 1 or not len(found.points):
        return says
    if stable > 1:
        return f"{says} It can rest at {stable} of them: at which one is what it remembers."
    if stable:
        return f"{says} There it rests, and what came before is forgotten on the way."
    return f"{says} It rests at none of those that were found."


def growth(of: Lyapunov) -> str:
    """What the largest Lyapunov exponent says, for someone who reads nothing else."""
    value, error = float(of.exponents[0]), float(of.errors[0])
    known = f"{value:.3g} ± {error:.1g} a step"
    if not abs(value) > 2 * error:
        says = "as far as the steps tell, small differences between states neither grow nor fade"
    elif value > 0:
        says = (
            f"small differences between states grow by a factor e in {1 / value:.3g} steps: chaos"
        )
    elif math.isinf(value):
        return "The data decide the state at once: a small difference is gone after one step."
    else:
        says = f"small differences between states fade by a factor e in {-1 / value:.3g} steps"
    unsure = "" if bool(of.converged[0]) else " (not settled: more or longer sequences would tell)"
    return f"On the data the largest Lyapunov exponent is {known}{unsure}: {says}."


def rows(points: FixedPoints, most: int) -> list[list[Any]]:
    """A row for each of the first points, below `HEAD`; None for what there is not."""
    of, table = kinds(points), []
    for k in range(min(most, len(points))):
        first = points.eigenvalues[k, 0]
        turns = abs(float(first.angle())) > ROUNDING
        table.append([
            k + 1, of[k], int(points.unstable[k]), float(points.q[k]), float(first.abs()),
            float(time_constants(first, points.period)),
            float(turning_periods(first, points.period)) if turns else None, int(points.ended[k]),
        ])  # fmt: skip
    return table
