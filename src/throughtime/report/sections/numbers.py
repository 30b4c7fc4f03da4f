"""Numbers: what is predicted over what is true, and by how much it errs, for each target."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import plotly.graph_objects as go

from throughtime.report.markup import heading, table
from throughtime.report.rounding import rounded, thinned
from throughtime.report.section import Figure, Part, TestedRun
from throughtime.report.style import COLOURS, GREY, figure, plain, safe
from throughtime.tasks import quantiles
from throughtime.training import Run

name, title = "numbers", "Numbers"
POINTS = 2000  # of a figure, at most


class Pairs(TypedDict):
    """What is true of the test sequences, and what is predicted, where the first is known.

    - `low`, `high`: the outermost quantiles, where there are two or more.
    """

    target: str
    names: list[str]
    true: list[float]
    predicted: list[float]
    low: NotRequired[list[float]]
    high: NotRequired[list[float]]


def measure(tested: TestedRun) -> Mapping[str, Any]:
    return {"numbers": [_pairs(tested, k, n) for k, n in enumerate(tested.test.targets)]}


def _pairs(tested: TestedRun, k: int, target: str) -> Pairs:
    true = tested.test.targets[target].values
    known = (~true.isnan()).nonzero()[:, 0]
    shown = known[thinned(len(known), POINTS)]
    levels = getattr(tested.model.task, "quantiles", ())
    predicted = tested.predictions[shown, k]
    pairs: Pairs = {
        "target": target,
        "names": [tested.test.names[place] for place in shown.tolist()],
        "true": rounded(true[shown]),
        "predicted": rounded(predicted[:, quantiles.middle(levels)] if levels else predicted),
    }
    if len(levels) < 2:
        return pairs
    return {**pairs, "low": rounded(predicted[:, 0]), "high": rounded(predicted[:, -1])}


def write(run: Run, measured: Any) -> Iterator[Part]:
    yield from _of_quantiles(run)
    for k, pairs in enumerate(measured["numbers"] if measured else ()):
        yield Figure(
            f"numbers{k}",
            f"Predicted over true: {plain(pairs['target'])}",
            " ".join(_says(run, pairs)),
            predicted(pairs),
        )
        yield Figure(
            f"residuals{k}",
            f"Errors over predicted: {plain(pairs['target'])}",
            "Predicted less true. A band about 0 that is as wide everywhere is what chance leaves; "
            "a slope or a bend is something that the network has not learned.",
            residuals(pairs),
        )


def _of_quantiles(run: Run) -> Iterator[Part]:
    """The share of the true numbers in each interval; pinball losses, beside the baselines'."""
    of = run.results.get("test", {}).get("quantiles")
    if not of:
        return
    yield heading("Quantiles")
    targets = run.results["test"]["targets"]
    head = ["", *(f"in {low:g} to {high:g}" for low, high in of["intervals"]), "pinball loss"]
    titles = run.model.task.baseline_titles
    beside = {t: run.results[n]["quantiles"] for n, t in titles.items() if n in run.results}
    rows = [
        [
            plain(target),
            *(f"{share:.1%}" for share in of["coverage"][k]),
            of["pinball"][k],
            *(one["pinball"][k] for one in beside.values()),
        ]
        for k, target in enumerate(targets)
    ]
    caption = (
        "The share of the true numbers in each interval, which should be near the difference of "
        "its two levels; a lower pinball loss is better."
    )
    yield table([*head, *(f"that of the {title}" for title in beside)], rows, caption)


def _says(run: Run, pairs: Pairs) -> list[str]:
    errors = [p - t for p, t in zip(pairs["predicted"], pairs["true"], strict=True)]
    worst = max(range(len(errors)), key=lambda place: abs(errors[place]))
    ranges = " Bars reach from its lowest quantile to its highest." if "low" in pairs else ""
    return [
        f"Each point is a test sequence; on the line the prediction is exact.{ranges}",
        f"The largest error, {errors[worst]:.3g}, is that of sequence "
        f"{plain(pairs['names'][worst])}; the errors are {sum(errors) / len(errors):.3g} on "
        "average, which is far from 0 where the network is always too low or too high.",
    ]


def predicted(pairs: Pairs) -> go.Figure:
    """What is predicted over what is true, one point a sequence, and the line of exact ones."""
    every: Sequence[float] = [*pairs["true"], *pairs["predicted"]]
    bars = None
    if "low" in pairs and "high" in pairs:
        middles = pairs["predicted"]
        bars = {
            "type": "data", "symmetric": False, "thickness": 0.8, "width": 0, "color": GREY,
            "array": [h - p for h, p in zip(pairs["high"], middles, strict=True)],
            "arrayminus": [p - low for low, p in zip(pairs["low"], middles, strict=True)],
        }  # fmt: skip
    ends = [min(every), max(every)]
    drawn = figure(380, hovermode="closest")
    drawn.add_trace(go.Scatter(
        x=ends, y=ends, mode="lines", name="exact", line={"color": GREY, "dash": "dash"},
    ))  # fmt: skip
    drawn.add_trace(go.Scatter(
        x=pairs["true"], y=pairs["predicted"], mode="markers", name="test sequences",
        text=[safe(one) for one in pairs["names"]], marker={"color": COLOURS[0], "size": 6},
        error_y=bars,
    ))  # fmt: skip
    drawn.update_xaxes(title="true")
    drawn.update_yaxes(title="predicted")
    return drawn


def residuals(pairs: Pairs) -> go.Figure:
    """Predicted less true, over what is predicted, one point a sequence."""
    drawn = figure(300, hovermode="closest", showlegend=False)
    errors = [p - t for p, t in zip(pairs["predicted"], pairs["true"], strict=True)]
    drawn.add_hline(0, line={"color": GREY, "dash": "dash", "width": 1})
    drawn.add_trace(go.Scatter(
        x=pairs["predicted"], y=rounded(errors), mode="markers", name="test sequences",
        text=[safe(one) for one in pairs["names"]], marker={"color": COLOURS[0], "size": 6},
    ))  # fmt: skip
    drawn.update_xaxes(title="predicted")
    drawn.update_yaxes(title="predicted - true")
    return drawn
