"""Whether the quantiles of a forecast hold: as many values below each as its level says."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import plotly.graph_objects as go

from throughtime.report.rounding import rounded
from throughtime.report.section import Figure, Part, TestedRun
from throughtime.report.sections.forecast import beside
from throughtime.report.sections.result import is_tested
from throughtime.report.style import GREY, figure, line
from throughtime.tasks.quantiles import middle
from throughtime.training import Run

name, title = "quantiles", "Quantiles"
SURE = 2.0  # standard errors, beyond which a difference is not called chance


def measure(tested: TestedRun) -> Mapping[str, Any]:
    return {}  # the results of a run have all of it


def write(run: Run, measured: Any) -> Iterator[Part]:
    if is_tested(run):
        yield Figure(
            "quantiles",
            "Share of values below each quantile",
            " ".join(says(run.results["test"])),
            below(beside(run)),
        )


def says(of: Mapping[str, Any]) -> Iterator[str]:
    """Whether intervals are too narrow or too wide, and whether the middle is too high or low.

    The values of one window err together, so windows are counted and not values where it is asked
    what can be chance.
    """
    yield (
        "Of the values that came, the share that is not above a quantile should be its level: on "
        "the diagonal it is. A click on a baseline in the legend shows it."
    )
    windows = of["sequences"]
    if of["intervals"]:
        (low, high), share = of["intervals"][0], of["coverage"][0]
        off = _beyond_chance(share, high - low, windows)
        means = {-1: "too narrow", 0: "neither too narrow nor too wide by more than can be chance",
                 1: "too wide"}  # fmt: skip
        yield (
            f"The interval from {low:g} to {high:g} should hold {high - low:.0%} of the values "
            f"and holds {share:.1%}: the intervals are {means[off]}."
        )
    m = middle(tuple(of["levels"]))
    level, share = of["levels"][m], of["below"][m]
    off = _beyond_chance(share, level, windows)
    if off:
        yield (
            f"Not above the quantile {level:g} are {share:.1%} of the values: the forecasts are "
            f"too {'high' if off > 0 else 'low'}."
        )


def _beyond_chance(share: float, level: float, windows: int) -> int:
    """1 for a share above a level by more than can be chance, -1 for one below it, else 0."""
    off = share - level
    sure = abs(off) > SURE * math.sqrt(level * (1 - level) / windows)
    return int(math.copysign(1, off)) if sure else 0


def below(named: Mapping[str, Mapping[str, Any]]) -> go.Figure:
    """The share of values not above each quantile over its level, beside the diagonal."""
    drawn = figure(400, hovermode="closest")
    drawn.add_trace(go.Scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="as it should be",
        line={"color": GREY, "dash": "dash"},
    ))  # fmt: skip
    for k, (called, of) in enumerate(named.items()):
        drawn.add_trace(line(
            of["levels"], rounded(of["below"]), called, k, dash="dash" if k else None,
            visible="legendonly" if k else True,
        ))  # fmt: skip
    drawn.update_xaxes(title="level of the quantile", range=[0, 1])
    drawn.update_yaxes(title="share of values not above it", range=[-0.02, 1.02])
    return drawn
