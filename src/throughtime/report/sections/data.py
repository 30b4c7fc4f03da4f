"""The data: how long, of which class, which channels never change, what sequences look like."""

from collections.abc import Iterator
from typing import Any, NotRequired, TypedDict

import plotly.graph_objects as go

from throughtime.data import Sequences
from throughtime.data.naming import counted
from throughtime.report import given
from throughtime.report.markup import paragraphs
from throughtime.report.section import Figure, Part, TestedRun
from throughtime.report.sequence import (
    LINES,
    Drawn,
    by_channel,
    classes_of,
    described,
    examples,
    sequences,
)
from throughtime.report.style import COLOURS, PAPER, figure, named_ticks, plain
from throughtime.report.words import span
from throughtime.training import Run, gaps

name, title = "data", "Data"

BINS = 40  # bars of lengths, at most
EXAMPLES = 6  # sequences that are drawn
CHANNELS = 6  # named in a sentence, at most
PARTS = {"train": "training", "test": "test"}


class Counted(TypedDict):
    """One part of the data.

    - `lengths`: the lengths that occur, and how many sequences have each.
    - `classes`: how many sequences each class has; empty without classes.
    """

    lengths: list[list[int]]
    classes: list[int]


class Data(TypedDict):
    """What the report keeps of the data; earlier versions kept no constant channels."""

    channels: list[str]
    classes: list[str]
    constant: NotRequired[list[str]]
    train: Counted
    test: Counted
    drawn: list[Drawn]


class DataMeasured(TypedDict):
    data: Data


def measure(tested: TestedRun) -> DataMeasured:
    train, test = tested.train, tested.test
    return {
        "data": {
            "channels": list(test.channels),
            "classes": classes_of(test)[0],
            "constant": _constant(train),
            "train": _counted(train),
            "test": _counted(test),
            "drawn": [described(test, k) for k in examples(test, EXAMPLES)],
        }
    }


def _counted(part: Sequences) -> Counted:
    steps, counts = part.lengths.unique(return_counts=True)
    classes, labels = classes_of(part)
    return {
        "lengths": [steps.tolist(), counts.tolist()],
        "classes": [labels.count(k) for k in range(len(classes))],
    }


def _constant(part: Sequences) -> list[str]:
    """The channels that never change."""
    same = (part.values == part.values[0]).all(0).tolist()
    return [name for name, never in zip(part.channels, same, strict=True) if never]


def write(run: Run, measured: DataMeasured | None) -> Iterator[Part]:
    if measured is None:
        return
    data = measured["data"]
    steps = [s for part in PARTS for s in data[part]["lengths"][0]]
    inputs = run.results.get("test", {}).get(gaps.KEY, {})
    never = constant_channels(data.get("constant", []))
    yield paragraphs([size(data), *never, *gaps.said(run.model, inputs)])
    if min(steps) < max(steps):
        yield Figure(
            "lengths", "How long", "How many sequences have how many steps.", lengths(measured)
        )
    if data["classes"]:
        says = balance(data["train"]["classes"])
        yield Figure("classes", "How many of each class", says, classes(measured))
    drawn, channels = data["drawn"], data["channels"]
    titles = [f"{_of_class(s)}sequence {s['name']}, {s['steps']} steps" for s in drawn]
    yield Figure(
        "sequences",
        "What they look like",
        " ".join(what_is_drawn(data)),
        (by_channel if _in_panels(data) else sequences)(drawn, channels, titles),
    )


def _of_class(drawn: Drawn) -> str:
    return f"class {drawn['label']}: " if "label" in drawn else ""


def size(data: Data) -> str:
    """How many sequences, channels and classes there are."""
    count = {part: sum(data[part]["lengths"][1]) for part in PARTS}
    steps = [s for part in PARTS for s in data[part]["lengths"][0]]
    channels, kinds = len(data["channels"]), len(data["classes"])
    return (
        f"{count['train']} training and {counted(count['test'], 'test sequence')} of {span(steps)} "
        f"steps, "
        f"{channels} channel{'s' * (channels != 1)}{f', {kinds} classes' if kinds else ''}."
    )


def constant_channels(channels: list[str]) -> list[str]:
    """The channels from which nothing can be learned."""
    if not channels:
        return []
    names = ", ".join(plain(channel) for channel in channels[:CHANNELS])
    if len(channels) > CHANNELS:
        names += f" and {len(channels) - CHANNELS} more"
    one = len(channels) == 1
    return [
        f"Channel{'' if one else 's'} {names}: the same value in every training step, so the "
        f"network learns nothing from {'it' if one else 'them'}."
    ]


def balance(counts: list[int]) -> str:
    """Whether all classes are equally common."""
    low, high = min(counts), max(counts)
    return (
        f"Every class has {low} training sequences."
        if low == high
        else f"The classes have {low} to {high} training sequences."
    )


def what_is_drawn(data: Data) -> list[str]:
    """Which sequences, channels and steps are drawn."""
    drawn, channels = data["drawn"], data["channels"]
    shown = len(drawn[0]["values"])
    says = [_which_are_drawn(data)]
    if shown > LINES:
        says.append("Each row is a channel, from its least value in the sequence to its greatest.")
    elif _in_panels(data):
        says.append("Each panel is a channel, on its own scale.")
    if shown < len(channels):
        says.append(f"The first {shown} of {len(channels)} channels.")
    if any(len(s["at"]) < s["steps"] for s in drawn):
        says.append("Long sequences are thinned out.")
    return says


def _in_panels(data: Data) -> bool:
    """Whether each channel has a panel; one alone is drawn for each sequence, more are colours."""
    return 1 < len(data["drawn"][0]["values"]) <= LINES


def _which_are_drawn(data: Data) -> str:
    count = len(data["drawn"])
    if not data["classes"]:
        return f"The first {count} test sequences." if count > 1 else "The first test sequence."
    return f"The first test sequence of {'each class' if count < EXAMPLES else 'six classes'}."


def lengths(measured: DataMeasured) -> go.Figure:
    """How many sequences have how many steps, in training and test."""
    given.measured("lengths", measured, "data")
    drawn = figure(280, barmode="group", bargap=0.15)
    every = [s for part in PARTS for s in measured["data"][part]["lengths"][0]]
    wide = (max(every) - min(every)) // BINS + 1
    for k, part in enumerate(PARTS):
        binned: dict[int, int] = {}
        for steps, count in zip(*measured["data"][part]["lengths"], strict=True):
            first = steps - (steps - min(every)) % wide
            binned[first] = binned.get(first, 0) + count
        drawn.add_bar(x=list(binned), y=list(binned.values()), name=PARTS[part], **_bar(k))
    drawn.update_xaxes(title="steps" if wide == 1 else f"steps, from here on to {wide - 1} more")
    drawn.update_yaxes(title="sequences", rangemode="tozero")
    return drawn


def classes(measured: DataMeasured) -> go.Figure:
    """How many sequences each class has, in training and test."""
    given.measured("classes", measured, "data")
    names = measured["data"]["classes"]
    drawn = figure(280, barmode="group", bargap=0.25)
    for k, part in enumerate(PARTS):
        counts = measured["data"][part]["classes"]
        drawn.add_bar(x=list(range(len(names))), y=counts, name=PARTS[part], **_bar(k))
    drawn.update_xaxes(title="class", **named_ticks(names, 16))
    drawn.update_yaxes(title="sequences", rangemode="tozero")
    return drawn


def _bar(k: int) -> dict[str, Any]:
    """Told apart without colour as well."""
    pattern = {"shape": ("", "/")[k], "fillmode": "overlay", "fgcolor": PAPER, "size": 6}
    return {"marker": {"color": COLOURS[k], "pattern": pattern}}
