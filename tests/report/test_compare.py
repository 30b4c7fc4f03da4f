"""Runs side by side: each curve belongs to its run, its layer and its moment."""

import copy
import re

import pytest
from report.test_page import Page

from throughtime.errors import OptionError
from throughtime.report import compare
from throughtime.report.sections.gradients import gradients_beside


def test_gradients_of_one_layer_and_direction(plain_run):
    measured = plain_run[1]
    layers = measured["after"]["layers"]
    assert len(layers) == 4
    for k, layer in enumerate(layers):
        made = gradients_beside(["one", "two"], [measured, measured], layer["where"])
        curves = [t for t in made.data if t.name]
        assert [t.name for t in curves] == [
            "one, before", "one, after", "two, before", "two, after",
        ]  # fmt: skip
        for curve, when in zip(curves, ("before", "after") * 2, strict=True):
            assert list(curve.x) == measured[when]["layers"][k]["gradient"]["lag"]
            assert (curve.line.dash == "dot") == (when == "before")
    without = copy.deepcopy(measured)
    without["before"] = None
    without["after"]["layers"][0]["gradient"] = None
    where = layers[0]["where"]
    assert not [t for t in gradients_beside(["one"], [without], where).data if t.name]


def test_a_page_of_two_runs(plain_run, failed_run):
    (plain, measured), (failed, _) = plain_run, failed_run
    text = compare([plain, failed], [measured, None])
    page = Page(text)
    assert "LSTM" in page.text and "RNN" in page.text
    assert "RNN: not measured. Write its own report first" in page.text
    assert "LSTM: not measured" not in page.text
    assert "These runs were not tested on the same sequences" in page.text
    assert not [name for name in page.figures if name.startswith("difference")]
    names = [t["name"] for t in page.figures["curves"]["data"]]
    assert [n for n in names if n.startswith("LSTM, ")] and [
        n for n in names if n.startswith("RNN, ")
    ]
    rows = set(re.findall('<th scope="row">(.*?)</th>', text))
    assert {"hidden_size", "layers", "direction"} <= rows
    assert rows.isdisjoint({"optimiser", "torch"}), "settings that do not differ"


def test_runs_of_one_name_are_told_apart_by_their_number(plain_run):
    run, measured = plain_run
    page = Page(compare([run, run], [measured, measured]))
    folder = run.folder.name
    assert f"1: {folder}" in page.text and f"2: {folder}" in page.text
    assert "None." in page.text, "no setting differs"
    assert [name for name in page.figures if name.startswith("difference")] == ["difference0"]


def test_one_run_is_not_compared(plain_run):
    with pytest.raises(OptionError, match="runs has 1 run; expected 2 or more"):
        compare([plain_run[0]], [None])
