"""The result of a classifier beside its baselines, and why it did not learn."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from throughtime.report import naming
from throughtime.report.markup import paragraphs, rendered, table
from throughtime.report.section import Compared, Part, TestedRun, Written
from throughtime.report.sections import result
from throughtime.report.sections.input_gradient import nothing_arrives
from throughtime.report.sections.moment import Moments
from throughtime.report.style import plain
from throughtime.report.words import in_steps, span
from throughtime.tasks.scores import each_class
from throughtime.tasks.verdict import chance
from throughtime.training import Run, overlap

name, title = result.name, result.title

TITLES = {"majority": "commonest class", "linear": "linear: mean, spread, last step"}


def measure(tested: TestedRun) -> Mapping[str, Any]:
    return {}  # the results of a run have all of it


def write(run: Run, measured: Moments | None) -> Iterator[Part]:
    scores = run.results
    if not {"test", *TITLES} <= {*scores}:
        yield result.not_tested(run)
        return
    cell = naming.cell(run)
    yield paragraphs(beside_baselines(scores, cell))
    rows = [(label, scores[key]["accuracy"], "") for key, label in TITLES.items()]
    rows.append((cell, scores["test"]["accuracy"], "own"))
    yield rendered("scores.html", metric="accuracy", rows=rows)
    each = each_class(scores["test"]["classes"], scores["test"]["confusion"])
    head = ["class", *each.columns[1:]]
    yield table(head, [[plain(name), *values] for name, *values in each.rows], each.title)
    why = why_not_learned(scores, run.history, measured) if measured else []
    if why:
        aside = '<aside class="why"><h3>Why it did not learn</h3>{}</aside>'
        yield Markup(aside).format(paragraphs(why))


def compare(runs: Sequence[Compared], same_data: bool) -> Written:
    says = None
    if same_data:
        says = ranked([one.label for one in runs], [one.run.results for one in runs])
    return result.compare(runs, same_data, says, TITLES)


def beside_baselines(results: Mapping[str, Any], cell: str) -> list[str]:
    """The network beside what it has to beat."""
    test, linear, majority = results["test"], results["linear"], results["majority"]
    n, own = test["sequences"], test["accuracy"]
    says = [
        f"The {plain(cell)} is right on {own:.1%} of {n} test sequences; a linear baseline on "
        f"{linear['accuracy']:.1%}, the commonest class on {majority['accuracy']:.1%}."
    ]
    if chance(own, majority["accuracy"], n):
        says.append("It does no better than always saying the commonest class.")
        if not chance(linear["accuracy"], majority["accuracy"], n):
            says.append("The mean, spread and last value of each channel tell more.")
    else:
        says.append(_beside_linear(own, linear["accuracy"], n))
    return says + overlap.said(test)


def _beside_linear(own: float, linear: float, n: int) -> str:
    apart = own - linear
    by = abs(round(apart * n))
    what = f"{by} sequence{'s' * (by != 1)} of {n}"
    if by == 0:
        return "It does as well as the linear baseline, which knows nothing of order."
    if chance(own, linear, n):
        better = "better" if apart > 0 else "worse"
        return (
            f"That is {what} {better} than the linear baseline, which knows nothing of order: "
            "so small a difference can be chance."
        )
    if apart > 0:
        return (
            f"It beats the linear baseline by {what}: the order of the steps tells more than "
            "their mean, spread and last value."
        )
    return (
        f"The linear baseline beats it by {what}. Mean, spread and last value of each "
        "channel are enough here; the simpler model is to be preferred."
    )


def why_not_learned(
    results: Mapping[str, Any], history: Sequence[Mapping[str, Any]], measured: Moments
) -> list[str]:
    """Why a network that does no better than the commonest class does not; nothing for others.

    That the gradient does not reach is said only where three things hold: the accuracy is that of
    the commonest class; before and after training alike less than 1% of the gradient arrives at
    the input of more than half of the steps, all on one side; and the steps that it misses are
    named, because whether they are the ones that tell the class is not known from a gradient.
    """
    test, majority = results["test"], results["majority"]
    if not chance(test["accuracy"], majority["accuracy"], test["sequences"]):
        return []
    if test["accuracy"] > 0.9:
        return []  # the commonest class is nearly all there is
    loss = history[-1]["loss"] if history else math.inf
    guess = -math.log(max(majority["accuracy"], 1e-9))
    by_heart = loss < 0.5 * min(guess, majority_entropy(test))
    moments = [m for m in (measured["before"], measured["after"]) if m]
    reached, steps = max(moment["reach"] for moment in moments), measured["lengths"]
    both = "before training and after" if measured["before"] else "after training"
    if all(nothing_arrives(moment) for moment in moments):
        return [
            f"No gradient reaches the input, {both}: what the network says of a sequence does not "
            "depend on what is in it, so there is nothing that it could learn."
        ]
    if reached < min(steps) / 2:
        says = [_does_not_reach(measured["after"]["from"], reached, steps, both)]
        return [*says, _by_heart(loss, reached) if by_heart else _KEEP_THE_GRADIENT]
    if by_heart:
        return [
            f"It learned its training sequences by heart (loss {loss:.2g}) and nothing that holds "
            "for others: more data, a smaller network or more dropout may help."
        ]
    return [
        f"The gradient reaches {in_steps(reached)} back of {span(steps)}, so this is "
        "not what keeps the network from learning."
    ]


def _does_not_reach(start: str, reached: int, lengths: list[int], both: str) -> str:
    side, which = ("first", "earlier") if start == "end" else ("last", "later")
    return (
        f"The gradient does not reach. At the {start} of a sequence it is at its full size; "
        f"{in_steps(reached)} from there it is below 1% of that, {both}, and the sequences "
        f"looked at are {span(lengths)} steps long. What stands {which}, in the "
        f"{side} {min(lengths) - reached} steps, cannot be learned: if that is what tells the "
        "class, this is why the network does no better than guessing."
    )


def _by_heart(loss: float, reached: int) -> str:
    return (
        f"What it did learn (its training loss is {loss:.2g}) it learned by heart from "
        f"the {reached} steps that are reached."
    )


_KEEP_THE_GRADIENT = (
    "Gates that begin open keep a gradient for longer (`--cell 'LSTM(keep_bias=3.0)'`); "
    "`--pooling mean` gives every step a short way to the loss."
)


def majority_entropy(test: Mapping[str, Any]) -> float:
    """The loss, in nats, of saying the share of each class."""
    sums = [sum(row) for row in test["confusion"]]
    total = sum(sums)
    return -sum(s / total * math.log(s / total) for s in sums if s)


def ranked(labels: Sequence[str], results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Several networks on the same test sequences, best first."""
    order = sorted(range(len(labels)), key=lambda k: -results[k]["test"]["accuracy"])
    scores = [(plain(labels[k]), results[k]["test"]["accuracy"]) for k in order]
    n = results[0]["test"]["sequences"]
    each = ", ".join(f"{label} {accuracy:.1%}" for label, accuracy in scores)
    says = [f"Right on {n} test sequences: {each}."]
    (best, top), (_, second) = scores[:2]
    if chance(top, second, n):
        says.append(
            f"So small a lead as that of {best} can be chance."
            if top > second
            else "The first two are alike."
        )
    linear = max(r["linear"]["accuracy"] for r in results)
    if linear >= top:
        says.append(f"The linear baseline is right on {linear:.1%}: none of them beats it.")
    return says
