"""Drawings: everything of the network is there, goes the right way, and no word covers another."""

import itertools
import xml.etree.ElementTree as ET

import pytest
import torch
from torch import nn

from throughtime import GRU, LSTM, RNN, MinimalGatedUnit, Model, Output, Recurrent
from throughtime.cells import Cell
from throughtime.errors import OptionError
from throughtime.report import folded, unrolled

CLASSES, CHANNELS = tuple("abcdefghi"), tuple("uvwxyz")
SVG = "{http://www.w3.org/2000/svg}"


class Wordy(Cell):
    states = ("activation_of_the_cell", "memory", "slow")

    def step(self, x, *states):
        return states


def model(*layers, output=None, pooling="last"):
    return Model([*layers], output, classes=CLASSES, channels=CHANNELS, pooling=pooling)


NETWORKS = {
    "rnn": lambda: Recurrent(RNN, 6, 4),
    "backward": lambda: Recurrent(GRU, 6, 4, direction="backward", initial_state="zeros"),
    "both": lambda: Recurrent(LSTM, 6, 4, direction="both", merge="sum"),
    "stack": lambda: Recurrent(LSTM(projection=3), 6, 4, layers=6),
    "pair": lambda: Recurrent((RNN(), GRU()), 6, 4, direction="both", initial_state=torch.ones(())),
    "wordy": lambda: Recurrent(Wordy, 6, 4, layers=2, direction="both"),
    "model": lambda: model(Recurrent(LSTM, 6, 4, layers=2, direction="both")),
    "mean": lambda: model(Recurrent(GRU, 6, 4), output=Output(4, 9, sizes=(128,) * 9),
                          pooling="mean"),
    "mixed": lambda: model(Recurrent(MinimalGatedUnit, 6, 4, direction="both"),
                           Recurrent(LSTM, 8, 4), output=nn.Linear(4, 9), pooling="max"),
}  # fmt: skip
DRAW = {"folded": folded, "unrolled": unrolled, "two-steps": lambda net: unrolled(net, steps=2)}


def words(text: str) -> list[str]:
    texts = ET.fromstring(text).iter(SVG + "text")
    return ["".join(e.itertext()).replace("\u200b", "") for e in texts]


def arrows(text: str) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """For each arrow where it starts and where its tip is."""
    shapes = [*ET.fromstring(text)]
    tips = []
    for line, head in itertools.pairwise(shapes):
        if head.tag == SVG + "polygon":
            start = line.attrib["d"].removeprefix("M").split("L")[0].split()
            tip = head.attrib["points"].split()[0].split(",")
            tips.append((tuple(map(float, start)), tuple(map(float, tip))))
    return tips


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("draw", DRAW)
def test_no_word_covers_another_or_leaves_the_drawing(name, draw):
    root = ET.fromstring(DRAW[draw](NETWORKS[name]()))
    left, top, wide, tall = map(float, root.attrib["viewBox"].split())
    boxes = []
    for e in root.iter(SVG + "text"):
        letters = "".join(e.itertext()).replace("\u200b", "")
        size = float(e.attrib.get("font-size", 12.5))
        width = 0.52 * size * len(letters)
        part = {"start": 0.0, "middle": 0.5, "end": 1.0}[e.attrib["text-anchor"]]
        x, y = float(e.attrib["x"]) - part * width, float(e.attrib["y"])
        boxes.append((letters, x, y - 0.75 * size, x + width, y + 0.25 * size))
    for letters, x0, y0, x1, y1 in boxes:
        assert left <= x0 and x1 <= left + wide, letters
        assert top <= y0 and y1 <= top + tall, letters
    for (a, ax0, ay0, ax1, ay1), (b, bx0, by0, bx1, by1) in itertools.combinations(boxes, 2):
        assert ax1 <= bx0 or bx1 <= ax0 or ay1 <= by0 or by1 <= ay0, (a, b)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("draw", DRAW)
def test_every_arrow_goes_from_something_to_something(name, draw):
    text = DRAW[draw](NETWORKS[name]())
    root = ET.fromstring(text)
    boxes, layers = [], []
    for e in root.iter(SVG + "rect"):
        x, y, wide, tall = (float(e.attrib[k]) for k in ("x", "y", "width", "height"))
        boxes.append((x, y, x + wide, y + tall))
        if "plain" not in e.attrib["style"]:
            layers.append(boxes[-1])
    texts = [(float(e.attrib["x"]), float(e.attrib["y"])) for e in root.iter(SVG + "text")]
    lines = [e.attrib["d"].split("L")[-1].split() for e in root.iter(SVG + "path")]
    ends = [(float(x), float(y)) for x, y in lines]

    def touches(x, y, b, by=0.1):
        return b[0] - by <= x <= b[2] + by and b[1] - by <= y <= b[3] + by

    def near(x, y, places, across, down):
        return any(abs(a - x) <= across and abs(b - y) <= down for a, b in places)

    for (x0, y0), (x, y) in arrows(text):
        assert any(touches(x, y, b) for b in boxes) or near(x, y, texts, 1, 10), "the tip"
        at_box = any(touches(x0, y0, b) for b in boxes)
        assert at_box or near(x0, y0, ends, 0.1, 0.1) or near(x0, y0, texts, 10, 16), "its start"
        if y0 == y:  # it crosses no box
            between = [(b[0] + b[2]) / 2 for b in boxes if b[1] < y < b[3]]
            assert not any(min(x0, x) < middle < max(x0, x) for middle in between)
        assert not any(touches(x, y, b, -1) for b in boxes), "inside a box"
    for left, _, right, bottom in layers:
        tips = [x for _, (x, y) in arrows(text) if abs(y - bottom) < 0.1]
        assert any(left < x < right for x in tips), "something enters it from below"


@pytest.mark.parametrize("draw", DRAW)
def test_it_says_what_it_shows_and_takes_its_colours_from_the_page(draw):
    text = DRAW[draw](NETWORKS["model"]())
    root = ET.fromstring(text)
    assert root.attrib["role"] == "img" and root.attrib["fill"] == "currentColor"
    assert root[0].tag == SVG + "title" and "The network" in (root[0].text or "")
    said = root[1].text or ""
    for part in ("width 6", "layer 1", "layer 2", "LSTM f1 forward", "LSTM g2 backward", "h (4)",
                 "C (4)", "initial states learned", "linear, 8 → 9 on the last state"):  # fmt: skip
        assert part in said
    assert "id=" not in text and "\n\n" not in text  # many in one page, and in Markdown


def test_folded_has_each_layer_direction_width_and_loop():
    shown = words(folded(NETWORKS["model"]()))
    assert shown.count("LSTM") == shown.count("h, C") == 4
    assert {f"{direction}, 4 units" for direction in ("f1", "g1", "f2", "g2")} <= {*shown}
    assert {"6", "8, concat", "linear, 8 → 9", "h0, C0: learned"} <= {*shown}
    assert "output network on the last state" in shown
    shown = words(folded(NETWORKS["mixed"]()))
    assert shown.count("MinimalGatedUnit") == 2 and shown.count("LSTM") == 1
    assert "Linear, 4 → 9" in shown and "output network on the maximum over time" in shown
    assert "h0: given" in words(folded(NETWORKS["pair"]()))
    assert "h0: zero" in words(folded(NETWORKS["backward"]()))


@pytest.mark.parametrize("steps", [2, 3, 7])
def test_unrolled_has_a_replica_of_each_layer_at_every_step(steps):
    shown = words(unrolled(NETWORKS["both"](), steps))
    assert shown.count("f") == shown.count("g") == steps
    assert [w for w in shown if w[0] == "x"] == [f"x{t}" for t in range(1, steps)] + ["xT"]
    assert [w for w in shown if w[0] == "y"] == [f"y{t}" for t in range(1, steps)] + ["yT"]
    assert shown.count("h0, C0") == 2 and shown.count("h, C") == 2 * (steps - 2)
    assert "g: LSTM, 4 units, backward in time" in shown
    stack = words(unrolled(NETWORKS["stack"](), steps))
    assert all(stack.count(f"f{k}") == steps for k in range(1, 7))


def test_time_runs_as_the_direction_says():
    def across(net):
        return [tip[0] - start[0] for start, tip in arrows(unrolled(net)) if start[1] == tip[1]]

    forward, backward = across(NETWORKS["rnn"]()), across(NETWORKS["backward"]())
    assert len(forward) == len(backward) == 4  # from the initial state, and between four steps
    assert all(d > 0 for d in forward) and all(d < 0 for d in backward)
    both = across(NETWORKS["both"]())
    assert [d > 0 for d in both].count(True) == [d > 0 for d in both].count(False) == 4


def test_the_output_network_sees_what_pooling_says():
    def seen(net):
        """At which of the four steps an output enters the output network."""
        tips = arrows(unrolled(net))
        scores = min(tip[1] for _, tip in tips)
        height = min(tip[1] for _, tip in tips if tip[1] != scores)
        columns = sorted({tip[0] for _, tip in tips if tip[1] == height})
        return [round((x - columns[0]) / 84) for x in columns], len(columns)

    assert seen(NETWORKS["mean"]()) == ([0, 1, 2, 3], 4)
    assert seen(NETWORKS["model"]()) == ([0, 3], 2)  # g at the first step, f at the last
    assert seen(model(Recurrent(GRU, 6, 4)))[1] == 1


def test_names_from_a_file_are_text():
    layer = Recurrent(RNN, 6, 4)
    program = layer.directions[0][0].program
    object.__setattr__(program, "cell", "</svg><script>\x00")
    for draw in DRAW.values():
        assert "<script>" not in draw(layer)
        assert any("</svg>" in w for w in words(draw(layer)))


def test_what_cannot_be_drawn(types_unchecked):
    for draw in DRAW.values():
        with pytest.raises(OptionError, match=r"`report`: what is drawn is a Linear; expected a"):
            draw(nn.Linear(2, 3))
    for steps in (1, 0, 2.5, True):
        with pytest.raises(OptionError, match=r"`unrolled`: steps has .*; expected a whole number"):
            unrolled(NETWORKS["rnn"](), steps)  # type: ignore[arg-type]
