"""Tags: what is true and what is predicted at every step, where the errors are, each class."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

import plotly.graph_objects as go
import torch
from markupsafe import Markup
from torch import Tensor

from throughtime.data import Sequences
from throughtime.data.target import MISSING
from throughtime.report.markup import heading, table
from throughtime.report.rounding import rounded, thinned
from throughtime.report.section import Figure, Part, TestedRun
from throughtime.report.style import COLOURS, GREY, figure, line, panels, plain, safe
from throughtime.training import Run

name, title = "tags", "Every step"
STEPS = 600  # of a sequence that is drawn, at most
BINS = 20  # along a sequence
ROWS = 60  # of a table of bands, at most
HUES = tuple(colour for colour in COLOURS if colour != GREY)


class Shown(TypedDict):
    """A test sequence; None where nothing is known.

    - `error`: the share of its steps that are wrong, or the root mean squared error.
    - `at`: the steps that are kept; `true` and `predicted` at these: places of classes, or numbers.
    """

    name: str
    error: float
    at: list[int]
    true: list[Any]
    predicted: list[Any]


class Target(TypedDict):
    """What is shown of a target of each step.

    - `classes`: their names; empty for a number.
    - `sequences`: the worst of the test sequences, one in the middle, and the best.
    - `position`: the mean error in equal parts of a sequence, from its start to its end; None of
      one in which nothing is known.
    """

    target: str
    classes: list[str]
    sequences: list[Shown]
    position: list[float | None]


def measure(tested: TestedRun) -> Mapping[str, Any]:
    each, parts = [], tested.model.task.parts  # type: ignore[attr-defined]
    for part, own in zip(
        parts, tested.predictions.split([p.width for p in parts], -1), strict=True
    ):
        target = tested.test.targets[part.name]
        predicted = own.argmax(-1) if target.classes else own[:, 0]
        known = part.known(target.values)
        error = (predicted - target.values).abs().double()
        error = (error > 0).double() if target.classes else error
        each.append(
            {
                "target": part.name,
                "classes": list(target.classes),
                "sequences": _shown(tested.test, target.values, predicted, known, error),
                "position": _by_position(tested.test, known, error),
            }
        )
    return {"tags": each}


def _shown(
    test: Sequences, true: Tensor, predicted: Tensor, known: Tensor, error: Tensor
) -> list[Shown]:
    """The worst sequence, one in the middle, and the best, among those of which a step is known."""
    owner = torch.repeat_interleave(torch.arange(len(test)), test.lengths)[known]
    count = torch.bincount(owner, minlength=len(test))
    of_classes = not true.is_floating_point()
    each = error[known] if of_classes else error[known].square()
    mean = torch.zeros(len(test), dtype=each.dtype).index_add_(0, owner, each) / count
    mean = mean if of_classes else mean.sqrt()
    order = mean.nan_to_num(-1).argsort(descending=True, stable=True)[: int((count > 0).sum())]
    places = dict.fromkeys([0, len(order) // 2, len(order) - 1])
    shown: list[Shown] = []
    for k in order[list(places)].tolist():
        first = int(test.offsets[k])
        at = thinned(int(test.lengths[k]), STEPS)
        steps = first + torch.tensor(at)
        wanted = rounded(true[steps])
        if of_classes:
            wanted = [None if place == MISSING else place for place in wanted]
        shown.append(
            {
                "name": test.names[k],
                "error": rounded(float(mean[k])),
                "at": at,
                "true": wanted,
                "predicted": rounded(predicted[steps]),
            }
        )
    return shown


def _by_position(test: Sequences, known: Tensor, error: Tensor) -> list[float | None]:
    lengths = test.lengths
    owner = torch.repeat_interleave(torch.arange(len(test)), lengths)
    step = torch.arange(len(owner)) - test.offsets[owner]
    bins = min(BINS, int(lengths.max()))
    part = (step * bins // lengths[owner])[known]
    count = torch.bincount(part, minlength=bins)
    mean = torch.bincount(part, error[known], minlength=bins) / count
    each = rounded(mean.nan_to_num())
    return [value if n else None for value, n in zip(each, count.tolist(), strict=True)]


def write(run: Run, measured: Any) -> Iterator[Part]:
    scores = run.results.get("test", {}).get("targets", {})
    targets: Sequence[Target] = measured["tags"] if measured else []
    for k, target in enumerate(targets):
        of = plain(target["target"])
        drawn = bands(target) if target["classes"] else curves(target)
        yield heading(of)
        if target["classes"] and target["target"] in scores:
            yield each_class(scores[target["target"]])
        says = "The test sequence with the most errors, one in the middle, and the best."
        if any(len(s["at"]) == STEPS for s in target["sequences"]):
            says += " Long sequences are thinned out."
        tables = _tables(target) if target["classes"] else None
        yield Figure(f"tags{k}", f"True and predicted: {of}", says, drawn, tables)
        yield Figure(
            f"position{k}", f"Errors along a sequence: {of}", _where(target), position(target)
        )


def each_class(scores: Mapping[str, Any]) -> Markup:
    """Precision, recall and F1 of each class as a table, and those of spans where there are any."""
    counts = [sum(row) for row in scores["confusion"]]
    names = [plain(one) for one in scores["classes"]]
    columns = (names, scores["precision"], scores["recall"], scores["F1"], counts)
    made = table(["class", "precision", "recall", "F1", "steps"], zip(*columns, strict=True))
    spans = scores.get("spans")
    if spans is None:
        return made
    each = [spans[f"{rate}_each"] for rate in ("precision", "recall", "F1")]
    whole = ("all", spans["precision"], spans["recall"], spans["F1"], sum(spans["true"]))
    rows = [whole, *zip(map(plain, spans["types"]), *each, spans["true"], strict=True)]
    return made + table(["type of span", "precision", "recall", "F1", "spans"], rows)


def bands(target: Target) -> go.Figure:
    """True classes as a band of colours over a band of those that are predicted."""
    shown, classes = target["sequences"], target["classes"]
    hue = _hues(target)
    drawn = _panels(shown, [f"{1 - s['error']:.1%} right" for s in shown], 84)
    top = len(HUES)
    scale = [[k / top, colour] for k, colour in enumerate((*HUES, GREY))]
    for row, s in enumerate(shown, 1):
        both = (s["predicted"], s["true"])
        drawn.add_trace(
            go.Heatmap(
                x=s["at"], y=[0, 1], zmin=0, zmax=top, colorscale=scale, showscale=False, name="",
                z=[[None if v is None else hue[v] for v in values] for values in both],
                text=[["not known" if v is None else safe(classes[v]) for v in b] for b in both],
                hovertemplate="step %{x}<br>%{text}<extra></extra>",
            ), row, 1,
        )  # fmt: skip
    names = {h: "others" if h == len(HUES) else classes[c] for c, h in sorted(hue.items())}
    for h, text in names.items():
        marker = {"color": (*HUES, GREY)[h], "symbol": "square", "size": 11}
        drawn.add_trace(
            go.Scatter(x=[None], y=[None], mode="markers", name=safe(text), marker=marker), 1, 1
        )
    drawn.update_yaxes(tickvals=[0, 1], ticktext=["predicted", "true"], showgrid=False)
    drawn.update_layout(hovermode="closest")
    return drawn


def _panels(shown: Sequence[Shown], says: Sequence[str], tall: int) -> go.Figure:
    """A panel for each sequence, one below the other, with its name and what is said of it."""
    height = 80 + (tall + 40) * len(shown)
    each = zip(shown, says, strict=True)
    titles = [safe(f"sequence {plain(s['name'])}, {what}", 90) for s, what in each]
    drawn = panels(len(shown), height, 44, subplot_titles=titles)
    drawn.update_annotations(font_size=13, x=0, xanchor="left")
    drawn.update_layout(margin_t=32, legend_y=1 + 26 / height)
    drawn.update_xaxes(ticks="")
    drawn.update_xaxes(title="step", ticks="outside", row=len(shown), col=1)
    return drawn


def _hues(target: Target) -> dict[int, int]:
    """The colour of each class that is drawn; the last is that of all but the commonest."""
    there: dict[int, int] = {}
    for s in target["sequences"]:
        for value in (*s["true"], *s["predicted"]):
            if value is not None:
                there[value] = there.get(value, 0) + 1
    own = len(HUES) if len(there) <= len(HUES) else len(HUES) - 1
    commonest = sorted(sorted(there, key=lambda c: -there[c])[:own])
    return {c: commonest.index(c) if c in commonest else len(HUES) for c in there}


def _tables(target: Target) -> Markup:
    """The bands as numbers: stretches of steps with the same true and predicted class."""
    classes = [plain(one) for one in target["classes"]]
    return Markup().join(_stretches(s, classes) for s in target["sequences"])


def _stretches(s: Shown, classes: Sequence[str]) -> Markup:
    rows: list[list[Any]] = []
    for at, true, predicted in zip(s["at"], s["true"], s["predicted"], strict=True):
        pair = ["not known" if true is None else classes[true], classes[predicted]]
        if rows and rows[-1][2:] == pair:
            rows[-1][1] = at
        else:
            rows.append([at, at, *pair])
    caption = f"sequence {plain(s['name'])}"
    if len(rows) > ROWS:
        caption = f"{caption}, the first {ROWS} of {len(rows)} stretches"
    return table(["from step", "to step", "true", "predicted"], rows[:ROWS], caption)


def curves(target: Target) -> go.Figure:
    """True numbers and those that are predicted, over the steps."""
    shown = target["sequences"]
    drawn = _panels(shown, [f"RMSE {s['error']:.3g}" for s in shown], 100)
    for row, s in enumerate(shown, 1):
        for k, kind in enumerate(("true", "predicted")):
            dash = "dash" if k else None
            one = line(s["at"], s[kind], kind, k, dash=dash, showlegend=row == 1, legendgroup=kind)
            drawn.add_trace(one, row, 1)
    return drawn


def position(target: Target) -> go.Figure:
    """The mean error over the place in a sequence, from its start to its end."""
    parts = len(target["position"])
    middle = [round(100 * (k + 0.5) / parts, 1) for k in range(parts)]
    drawn = figure(260)
    what = "share of steps wrong" if target["classes"] else "mean absolute error"
    drawn.add_trace(line(middle, target["position"], what))
    drawn.update_xaxes(title="% of the sequence", range=[0, 100])
    drawn.update_yaxes(title=what, rangemode="tozero")
    return drawn


def _where(target: Target) -> str:
    """Where in a sequence the errors are largest, in a sentence."""
    errors = [-1.0 if e is None else e for e in target["position"]]
    worst = max(range(len(errors)), key=errors.__getitem__)
    said = f"{errors[worst]:.1%} of the steps" if target["classes"] else f"{errors[worst]:.3g}"
    ends = f"{100 * worst / len(errors):.0f}% to {100 * (worst + 1) / len(errors):.0f}%"
    return (
        f"Errors are largest, {said} on average, from {ends} of the way along the test sequences."
    )
