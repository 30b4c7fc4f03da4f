"""What the numbers of a run say, in sentences. Each is justified by the numbers alone."""

import math
from typing import Any

from throughtime.report.style import plain
from throughtime.training import overlap

CHANNELS = 6  # named in a sentence, at most
SURE = 2.0  # standard errors beyond which a difference is not called chance


def result(results: dict[str, Any], cell: str) -> list[str]:
    """The network beside what it has to beat."""
    test, linear, majority = results["test"], results["linear"], results["majority"]
    n, own = test["sequences"], test["accuracy"]
    said = [
        f"The {plain(cell)} is right on {own:.1%} of {n} test sequences; a linear baseline on "
        f"{linear['accuracy']:.1%}, the commonest class on {majority['accuracy']:.1%}."
    ]
    apart = own - linear["accuracy"]
    by = abs(round(apart * n))
    what = f"{by} sequence{'s' * (by != 1)} of {n}"
    if chance(own, majority["accuracy"], n):
        said.append("It does no better than always saying the commonest class.")
        if not chance(linear["accuracy"], majority["accuracy"], n):
            said.append("The mean, spread and last value of each channel tell more.")
    elif by == 0:
        said.append("It does as well as the linear baseline, which knows nothing of order.")
    elif chance(own, linear["accuracy"], n):
        better = "better" if apart > 0 else "worse"
        said.append(
            f"That is {what} {better} than the linear baseline, which knows nothing of order: "
            "so small a difference can be chance."
        )
    elif apart > 0:
        said.append(
            f"It beats the linear baseline by {what}: the order of the steps tells more than "
            "their mean, spread and last value."
        )
    else:
        said.append(
            f"The linear baseline beats it by {what}. Mean, spread and last value of each "
            "channel are enough here; the simpler model is to be preferred."
        )
    return said + overlap.said(test)


def constant(channels: list[str]) -> list[str]:
    """The channels from which nothing can be learned."""
    if not channels:
        return []
    names = ", ".join(plain(name) for name in channels[:CHANNELS])
    if len(channels) > CHANNELS:
        names += f" and {len(channels) - CHANNELS} more"
    one = len(channels) == 1
    return [
        f"Channel{'' if one else 's'} {names}: the same value in every training step, so the "
        f"network learns nothing from {'it' if one else 'them'}."
    ]


def chance(a: float, b: float, n: int) -> bool:
    """Whether two accuracies on n sequences are within what sampling alone makes of them."""
    return abs(a - b) <= SURE * math.sqrt((a * (1 - a) + b * (1 - b)) / n + 1 / n**2)


def learning(history: list[dict[str, Any]], options: Any) -> list[str]:
    """How the loss went, and what there is to do about it."""
    if not history:
        return ["No epoch is finished yet."]
    first, last = history[0], history[-1]
    said = [
        f"The training loss went from {first['loss']:.3g} to {last['loss']:.3g} in "
        f"{len(history)} epoch{'s' * (len(history) != 1)}, {last['seconds']:.1f} s."
    ]
    held = [row["validation_loss"] for row in history if "validation_loss" in row]
    if held:
        best = min(range(len(held)), key=held.__getitem__)
        said.append(
            f"The validation loss was lowest, {held[best]:.3g}, in epoch {best + 1}; the "
            "weights are those."
        )
        if len(held) - best > 5 and held[-1] > 1.1 * held[best]:
            said.append("It rose afterwards while the training loss fell: overfitting.")
    quarter = len(history) // 4
    gained = history[-1 - quarter]["loss"] - last["loss"]
    if not held and quarter >= 2 and gained > 0.05 * first["loss"]:
        said.append("It was still falling: more epochs may help.")
    if options.clip is not None:
        clipped = sum(row.get("gradient_norm", 0) > options.clip for row in history)
        if clipped:
            said.append(
                f"In {clipped} of {len(history)} epochs some gradient was longer than "
                f"{options.clip:g} and was clipped."
            )
    return said


def confusions(results: dict[str, Any]) -> list[str]:
    """What is taken for what."""
    test = results["test"]
    names, counts = test["classes"], test["confusion"]
    n = len(names)
    wrong = [(counts[i][j], i, j) for i in range(n) for j in range(n) if i != j and counts[i][j]]
    if not wrong:
        return ["No test sequence is taken for one of another class."]
    total = sum(c for c, *_ in wrong)
    count, i, j = max(wrong, key=lambda w: (w[0], -w[1], -w[2]))
    said = [
        f"{total} of {test['sequences']} test sequences are taken for one of another class. "
        f"The commonest confusion: {plain(names[i])} taken for {plain(names[j])}, "
        f"{count} of {sum(counts[i])}."
    ]
    used = [j for j in range(n) if any(row[j] for row in counts)]
    if len(used) == 1:
        said.append(f"Every sequence is taken for {plain(names[used[0]])}.")
    return said


def gradients(found: dict[str, Any]) -> list[str]:
    """How far back the gradient of the loss reaches in each layer and direction."""
    said = [f"Back from the last step of the {_sequences(found['lengths'])}."]
    known = [(k, layer) for k, layer in enumerate(found["after"]["layers"]) if layer["gradient"]]
    if len(known) > 2:
        known.sort(key=lambda e: e[1]["gradient"]["horizon"] or math.inf)
        known = [known[0], known[-1]]
        said[0] = said[0][:-1] + ": the shortest and the longest of all layers and directions."
    for k, layer in known:
        after = _reach(layer["gradient"])
        text = f"{layer['where'].capitalize()}: after training {after}"
        if found["before"]:
            text += f"; before, {_reach(found['before']['layers'][k]['gradient'])}"
        said.append(text + ".")
    return said


def at_input(found: dict[str, Any]) -> list[str]:
    """How many steps the gradient of the loss reaches at the input."""
    start, steps, reach = found["after"]["from"], min(found["lengths"]), found["after"]["reach"]
    said = [
        "The gradient of the loss at the input of each step, all layers and directions together."
    ]
    if _nothing_arrives(found["after"]):
        return [*said, "It is 0 at every step: what the network says does not depend on them."]
    if reach >= steps:
        return [*said, f"It reaches all {steps} steps with 1% of its largest value or more."]
    return [
        *said,
        f"{_steps(reach)} from the {start} of a sequence it is below 1% of its largest "
        f"value, and stays there for the other {steps - reach}.",
    ]


def _sequences(lengths: list[int]) -> str:
    count = (
        f"{len(lengths)} longest test sequences" if len(lengths) > 1 else "longest test sequence"
    )
    return f"{count}, {span(lengths)} steps"


def _reach(curve: dict[str, Any]) -> str:
    if curve["horizon"] is not None:
        return f"the gradient falls below 1% after {_steps(curve['horizon'])}"
    if curve["verdict"] == "exploding":
        factor = math.exp(curve["rate"])
        return f"the gradient grows by a factor of {factor:.3g} a step"
    left = [v for v in curve["relative"] if v is not None]
    if not left:  # every step is compared with the last one
        return "the gradient is 0 at the last step, so that no step can be compared with it"
    return f"{left[-1]:.0%} of the gradient is left after {_steps(curve['lags'])}, the whole length"


def _nothing_arrives(one: dict[str, Any]) -> bool:
    """Whether the gradient at the input is 0 at every step."""
    return not any(one["at_input"]["relative"])


def _steps(n: int) -> str:
    return f"{n} step{'s' * (n != 1)}"


def why_not_learned(
    results: dict[str, Any], history: list[dict[str, Any]], found: dict[str, Any]
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
    said = []
    loss = history[-1]["loss"] if history else math.inf
    guess = -math.log(max(majority["accuracy"], 1e-9))
    by_heart = loss < 0.5 * min(guess, majority_entropy(test))
    steps = min(found["lengths"])
    reached = max(found[when]["reach"] for when in ("before", "after") if found[when])
    start = found["after"]["from"]
    side, which = ("first", "earlier") if start == "end" else ("last", "later")
    both = "before training and after" if found["before"] else "after training"
    if all(_nothing_arrives(found[when]) for when in ("before", "after") if found[when]):
        said.append(
            f"No gradient reaches the input, {both}: what the network says of a sequence does not "
            "depend on what is in it, so there is nothing that it could learn."
        )
    elif reached < steps / 2:
        said.append(
            f"The gradient does not reach. At the {start} of a sequence it is at its full size; "
            f"{_steps(reached)} from there it is below 1% of that, {both}, and the sequences "
            f"looked at are {span(found['lengths'])} steps long. What stands {which}, in the "
            f"{side} {steps - reached} steps, cannot be learned: if that is what tells the class, "
            "this is why the network does no better than guessing."
        )
        if by_heart:
            said.append(
                f"What it did learn (its training loss is {loss:.2g}) it learned by heart from "
                f"the {reached} steps that are reached."
            )
        else:
            said.append(
                "Gates that begin open keep a gradient for longer (`--cell "
                "'LSTM(keep_bias=3.0)'`); `--pooling mean` gives every step a short way to the "
                "loss."
            )
    elif by_heart:
        said.append(
            f"It learned its training sequences by heart (loss {loss:.2g}) and nothing that holds "
            "for others: more data, a smaller network or more dropout may help."
        )
    else:
        said.append(
            f"The gradient reaches {_steps(reached)} back of {span(found['lengths'])}, so this is "
            "not what keeps the network from learning."
        )
    return said


def majority_entropy(test: dict[str, Any]) -> float:
    """The loss, in nats, of saying the share of each class."""
    sums = [sum(row) for row in test["confusion"]]
    total = sum(sums)
    return -sum(s / total * math.log(s / total) for s in sums if s)


def span(lengths: list[int]) -> str:
    low, high = min(lengths), max(lengths)
    return str(high) if low == high else f"{low} to {high}"


def gates(found: dict[str, Any]) -> list[str]:
    """Which gates are hardly used."""
    every = [
        (layer["where"], name, gate)
        for layer in found["after"]["layers"]
        for name, gate in layer["gates"].items()
    ]
    if not every:
        return ["This cell has no gates; below are its states."]
    stuck = [
        f"{plain(name)} ({where}) is {'open' if g['open'] > 0.9 else 'closed'}"
        for where, name, g in every
        if max(g["open"], g["closed"]) > 0.9
    ]
    if stuck:
        return [f"Nearly always: {', '.join(stuck)}. A gate that does not move decides nothing."]
    where, name, g = max(every, key=lambda e: e[2]["open"] + e[2]["closed"])
    return [
        f"The most decided gate is {plain(name)} ({where}): {g['closed']:.0%} of its values are "
        f"below 0.1 and {g['open']:.0%} above 0.9."
    ]


def ranked(names: list[str], results: list[dict[str, Any]]) -> list[str]:
    """Several networks on the same test sequences, best first."""
    order = sorted(range(len(names)), key=lambda k: -results[k]["test"]["accuracy"])
    scores = [(plain(names[k]), results[k]["test"]["accuracy"]) for k in order]
    n = results[0]["test"]["sequences"]
    said = [
        f"Right on {n} test sequences: " + ", ".join(f"{name} {a:.1%}" for name, a in scores) + "."
    ]
    (best, top), (_, second) = scores[:2]
    if chance(top, second, n):
        said.append(
            f"So small a lead as that of {best} can be chance."
            if top > second
            else "The first two are alike."
        )
    linear = max(r["linear"]["accuracy"] for r in results)
    if linear >= top:
        said.append(f"The linear baseline is right on {linear:.1%}: none of them beats it.")
    return said
