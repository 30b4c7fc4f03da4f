"""Whether a result beats its baselines, in one sentence, and how far chance alone moves it."""

import math
from collections.abc import Mapping
from typing import Any

from throughtime.errors import one_line
from throughtime.tasks.scores import Metric

SURE = 2.0  # standard errors, beyond which a difference is not called chance


def verdict(
    results: Mapping[str, Any], metric: Metric, titles: Mapping[str, str], name: str = "this model"
) -> str:
    """What the results of a test come to: the model beside the best of its baselines.

    **Arguments:**

    - `results`: plain data, as `Run.results` has it: `test`, and each baseline by its name.
    - `metric`: the number that decides.
    - `titles`: of the baselines, by their names in `results`.
    - `name`: what to call the model.
    """
    test = results["test"]
    own = test[metric.name]
    says = f"{name}, {metric.name} {own:.4f}{_range(test, metric)}"
    best = _best_baseline(results, metric, titles)
    if best is None:
        return f"{says}; there is no baseline to beat."
    other = results[best][metric.name]
    beside = f"the best baseline, {one_line(titles[best])}, {other:.4f}"
    better, unsure = _beside(own, other, test, metric)
    if better and not unsure:
        return f"{says}, beats {beside}."
    if better:
        return f"{says}, is ahead of {beside}, by so little that it can be chance."
    if own == other:
        return f"{says}, does not beat {beside}: they are alike."
    if unsure:
        return f"{says}, does not beat {beside}; so small a difference can be chance."
    return f"{says}, does not beat {beside}: prefer that, it is simpler."


def beaten(results: Mapping[str, Any], metric: Metric, titles: Mapping[str, str]) -> bool:
    """Whether the best baseline is, by more than can be chance; where there is none, it is."""
    best = _best_baseline(results, metric, titles)
    if best is None:
        return True
    test = results["test"]
    better, unsure = _beside(test[metric.name], results[best][metric.name], test, metric)
    return better and not unsure


def _best_baseline(
    results: Mapping[str, Any], metric: Metric, titles: Mapping[str, str]
) -> str | None:
    scores = {key: results[key][metric.name] for key in titles if key in results}
    return (max if metric.higher else min)(scores, key=scores.__getitem__) if scores else None


def _beside(own: float, other: float, test: Mapping[str, Any], metric: Metric) -> tuple[bool, bool]:
    """Whether the first is better, and whether the difference can be chance."""
    n = _answers(test, metric)
    better = own > other if metric.higher else own < other
    return better, n > 0 and chance(own, other, n)


def chance(a: float, b: float, n: int) -> bool:
    """Whether two shares of n answers are within what sampling alone makes of them."""
    return abs(a - b) <= SURE * math.sqrt((a * (1 - a) + b * (1 - b)) / n + 1 / n**2)


def interval(share: float, n: int) -> tuple[float, float]:
    """Where the share of all answers lies whose share among n is this, with 95% confidence.

    ??? cite "Reference"
        Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927.
    """
    z = 1.959964  # of the normal distribution, 2.5% is above it
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def _answers(test: Mapping[str, Any], metric: Metric) -> int:
    """How many independent answers a share is of; 0 where it is no share."""
    return test.get(metric.share_of, 0) if metric.share_of else 0


def _range(test: Mapping[str, Any], metric: Metric) -> str:
    n = _answers(test, metric)
    if not n:
        return ""
    low, high = interval(test[metric.name], n)
    return f" (of {n}; {low:.3f} to {high:.3f} with 95% confidence)"
