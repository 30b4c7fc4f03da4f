"""Confusion: which classes are taken for which, and the commonest of these as sequences."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

import plotly.graph_objects as go
from torch import Tensor

from throughtime.data import Sequences
from throughtime.report import given
from throughtime.report.markup import heading
from throughtime.report.rounding import rounded
from throughtime.report.section import Compared, Figure, Part, TestedRun, Written
from throughtime.report.sections.data import DataMeasured
from throughtime.report.sequence import Drawn, described, sequences
from throughtime.report.style import (
    DIVERGING,
    INK,
    SEQUENTIAL,
    figure,
    named_ticks,
    plain,
    safe,
)
from throughtime.tasks.confusion import confusion_of
from throughtime.training import Run

name, title = "confusion", "Confusion"

COUNTED = 20  # classes whose counts are written into the matrix
PAIRS = 3  # of the commonest confusions


class Pair(TypedDict):
    """Sequences of one class that are taken for another.

    - `it`: the one of them that the network is surest of.
    - `of_true`, `of_taken`: the surest right ones of both classes.
    """

    true: str
    taken: str
    count: int
    it: Drawn
    of_true: Drawn | None
    of_taken: Drawn | None


class Confusions(TypedDict):
    confusions: list[Pair]


class ConfusionMeasured(Confusions, DataMeasured):
    """The section also reads what the channels are called."""


def measure(tested: TestedRun) -> Confusions:
    test, probabilities = tested.test, tested.predictions
    assert test.labels is not None
    n, chosen, labels = len(test.classes), probabilities.argmax(-1), test.labels
    counts = confusion_of(labels, chosen, n)
    counts.fill_diagonal_(0)
    pairs: list[Pair] = []
    for place in counts.flatten().argsort(descending=True, stable=True)[:PAIRS].tolist():
        true, taken = divmod(place, n)
        it = _surest(test, probabilities, true, taken) if counts[true, taken] else None
        if it is None:
            break
        pairs.append(
            {
                "true": test.classes[true],
                "taken": test.classes[taken],
                "count": int(counts[true, taken]),
                "it": it,
                "of_true": _surest(test, probabilities, true, true),
                "of_taken": _surest(test, probabilities, taken, taken),
            }
        )
    return {"confusions": pairs}


def _surest(test: Sequences, probabilities: Tensor, label: int, taken: int) -> Drawn | None:
    """Of the sequences of a class that are taken for another, the one that is surest of that."""
    those = ((test.labels == label) & (probabilities.argmax(-1) == taken)).nonzero()[:, 0]
    if not len(those):
        return None
    k = int(those[probabilities[those, taken].argmax()])
    return {**described(test, k), "probability": rounded(float(probabilities[k, taken]))}


def write(run: Run, measured: ConfusionMeasured | None) -> Iterator[Part]:
    if "test" not in run.results:
        return
    says = " ".join(what_is_confused(run.results))
    yield Figure("matrix", "What is taken for what", says, confusion(run.results["test"]))
    pairs = measured["confusions"] if measured else []
    if pairs:
        yield heading("The commonest confusions, as sequences")
    for k, pair in enumerate(pairs):
        assert measured is not None
        times = "once" if pair["count"] == 1 else f"{pair['count']} times"
        yield Figure(
            f"confused{k}",
            f"{plain(pair['true'])} taken for {plain(pair['taken'])}, {times}",
            f"Sequence {plain(pair['it']['name'])}, which the network is "
            f"{pair['it'].get('probability', 0):.0%} sure of, beside the surest right ones of "
            "both classes.",
            confused(measured, k),
        )


def compare(runs: Sequence[Compared], same_data: bool) -> Written:
    first, *others = runs
    scores = first.run.results["test"]
    parts = [
        Figure(
            f"difference{k}",
            f"{plain(other.label)} beside {plain(first.label)}",
            "How many test sequences more (orange) or fewer (blue) it takes for each class.",
            confusion(other.run.results["test"], scores),
        )
        for k, other in enumerate(others if same_data else ())
    ]
    return Written("confusions", "Confusions", parts)


def what_is_confused(results: Mapping[str, Any]) -> list[str]:
    """How many sequences are taken for one of another class, and for which most often."""
    test = results["test"]
    names, counts = test["classes"], test["confusion"]
    n = len(names)
    wrong = [(counts[i][j], i, j) for i in range(n) for j in range(n) if i != j and counts[i][j]]
    if not wrong:
        return ["No test sequence is taken for one of another class."]
    total = sum(c for c, *_ in wrong)
    count, i, j = max(wrong, key=lambda w: (w[0], -w[1], -w[2]))
    says = [
        f"{total} of {test['sequences']} test sequences are taken for one of another class. "
        f"The commonest confusion: {plain(names[i])} taken for {plain(names[j])}, "
        f"{count} of {sum(counts[i])}."
    ]
    used = [j for j in range(n) if any(row[j] for row in counts)]
    if len(used) == 1:
        says.append(f"Every sequence is taken for {plain(names[used[0]])}.")
    return says


def confusion(scores: Mapping[str, Any], beside: Mapping[str, Any] | None = None) -> go.Figure:
    """True classes in rows, predicted ones in columns; colours are shares of a row.

    **Arguments:** `beside`: other scores on the same sequences, to show the difference from.

    **Raises:** `CallError` for anything but scores as plain data.
    """
    given.scores("confusion", "scores", scores)
    if beside is not None:
        given.scores("confusion", "beside", beside)
    names, counts = scores["classes"], scores["confusion"]
    n = len(names)
    scale: dict[str, Any] = {"colorscale": SEQUENTIAL, "zmin": 0, "zmax": 1}
    colours = [[c / max(sum(row), 1) for c in row] for row in counts]
    sign, hover = "", "%{text}: %{customdata} (%{z:.1%})<extra></extra>"
    if beside is not None:
        pairs = zip(counts, beside["confusion"], strict=True)
        counts = [[a - b for a, b in zip(*rows, strict=True)] for rows in pairs]
        most = max(1, *(abs(c) for row in counts for c in row))
        scale = {"colorscale": DIVERGING, "zmin": -1, "zmax": 1}
        colours = [[c / most for c in row] for row in counts]
        sign, hover = "+", "%{text}: %{customdata:+d}<extra></extra>"
    drawn = figure(min(140 + 38 * n, 760))
    drawn.add_heatmap(
        z=rounded(colours),
        x=list(range(n)),
        y=list(range(n)),
        customdata=counts,
        text=[[f"{safe(a)} taken for {safe(b)}" for b in names] for a in names],
        hovertemplate=hover,
        xgap=1,
        ygap=1,
        name="",
        showscale=False,
        **scale,
    )
    if n <= COUNTED:
        _write_counts(drawn, counts, colours, sign)
    drawn.update_xaxes(title="predicted", range=[-0.5, n - 0.5], **named_ticks(names, 16))
    down = {"range": [n - 0.5, -0.5], "showgrid": False, **named_ticks(names, 16)}
    drawn.update_yaxes(title="true", **down)
    return drawn


def _write_counts(
    drawn: go.Figure, counts: list[list[int]], colours: list[list[float]], sign: str
) -> None:
    """Each count that is not 0 into its field, light on a dark one."""
    n = len(counts)
    fields = [(i, j) for i in range(n) for j in range(n) if counts[i][j]]
    drawn.add_scatter(
        x=[j for _, j in fields],
        y=[i for i, _ in fields],
        mode="text",
        hoverinfo="skip",
        text=[f"{counts[i][j]:{sign}d}" for i, j in fields],
        showlegend=False,
        textfont={"color": ["#ffffff" if abs(colours[i][j]) > 0.5 else INK for i, j in fields]},
    )


def confused(measured: ConfusionMeasured, k: int = 0) -> go.Figure:
    """The k-th commonest confusion: a sequence of it between the surest ones of its two classes.

    **Raises:** `CallError` for anything but what `measure` or `kept` returned, `OptionError` for
    a `k` that there is not.
    """
    given.measured("confused", measured, "data", "confusions")
    given.place("confused", "k", k, len(measured["confusions"]), "confusions")
    pair = measured["confusions"][k]
    true, taken = plain(pair["true"], 20), plain(pair["taken"], 20)
    rows = [
        (f"a sure {true}", pair["of_true"]),
        (f"{true}, taken for {taken}", pair["it"]),
        (f"a sure {taken}", pair["of_taken"]),
    ]
    known = [(f"{what}: {s['name']}", s) for what, s in rows if s is not None]
    channels = measured["data"]["channels"]
    return sequences([s for _, s in known], channels, [t for t, _ in known])
