"""Numbers: what is predicted over what is true, for each target."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

import plotly.graph_objects as go

from throughtime.report.rounding import rounded, thinned
from throughtime.report.section import Figure, Part, TestedRun
from throughtime.report.style import COLOURS, GREY, figure, plain, safe
from throughtime.training import Run

name, title = "numbers", "Numbers"
POINTS = 2000  # of a figure, at most


class Pairs(TypedDict):
    """What is true of the test sequences, and what is predicted, where the first is known."""

    target: str
    names: list[str]
    true: list[float]
    predicted: list[float]


def measure(tested: TestedRun) -> Mapping[str, Any]:
    return {"numbers": [_pairs(tested, k, n) for k, n in enumerate(tested.test.targets)]}


def _pairs(tested: TestedRun, k: int, target: str) -> Pairs:
    true = tested.test.targets[target].values
    known = (~true.isnan()).nonzero()[:, 0]
    shown = known[thinned(len(known), POINTS)]
    return {
        "target": target,
        "names": [tested.test.names[place] for place in shown.tolist()],
        "true": rounded(true[shown]),
        "predicted": rounded(tested.predictions[shown, k]),
    }


def write(run: Run, measured: Any) -> Iterator[Part]:
    for k, pairs in enumerate(measured["numbers"] if measured else ()):
        yield Figure(
            f"numbers{k}",
            f"Predicted over true: {plain(pairs['target'])}",
            " ".join(_says(run, pairs)),
            predicted(pairs),
        )


def _says(run: Run, pairs: Pairs) -> list[str]:
    errors = [p - t for p, t in zip(pairs["predicted"], pairs["true"], strict=True)]
    worst = max(range(len(errors)), key=lambda place: abs(errors[place]))
    return [
        "Each point is a test sequence; on the line the prediction is exact.",
        f"The largest error, {errors[worst]:.3g}, is that of sequence "
        f"{plain(pairs['names'][worst])}; the errors are {sum(errors) / len(errors):.3g} on "
        "average, which is far from 0 where the network is always too low or too high.",
    ]


def predicted(pairs: Pairs) -> go.Figure:
    """What is predicted over what is true, one point a sequence, and the line of exact ones."""
    every: Sequence[float] = [*pairs["true"], *pairs["predicted"]]
    ends = [min(every), max(every)]
    drawn = figure(380, hovermode="closest")
    drawn.add_trace(go.Scatter(
        x=ends, y=ends, mode="lines", name="exact", line={"color": GREY, "dash": "dash"},
    ))  # fmt: skip
    drawn.add_trace(go.Scatter(
        x=pairs["true"], y=pairs["predicted"], mode="markers", name="test sequences",
        text=[safe(one) for one in pairs["names"]], marker={"color": COLOURS[0], "size": 6},
    ))  # fmt: skip
    drawn.update_xaxes(title="true")
    drawn.update_yaxes(title="predicted")
    return drawn
