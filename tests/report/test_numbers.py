"""The table beside a figure says, cell by cell, what the figure shows."""

import re

import plotly.graph_objects as go
import pytest
from plotly.subplots import make_subplots

from throughtime import report
from throughtime.report.markup import table
from throughtime.report.numbers import numbers


def tables(figure):
    """Of each table its caption, and its rows with the head first."""
    read = []
    for text in re.findall(r"<table.*?</table>", numbers(figure), re.DOTALL):
        caption = re.search("<caption>(.*?)</caption>", text)
        rows = re.findall("<tr>(.*?)</tr>", text, re.DOTALL)
        cells = [re.findall("<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
        read.append((caption and caption[1], cells))
    return read


def test_curves_of_two_panels():
    made = make_subplots(2, 1, subplot_titles=["above", "below"])
    made.add_scatter(x=[8, 1], y=[0.123456, None], name="a", row=1, col=1)
    made.add_scatter(x=[16, 1], y=[5, 1e-7], name="b", row=1, col=1)
    made.add_scatter(x=[1], y=[2.0], name="c", row=2, col=1)
    made.update_xaxes(title="epoch", row=2, col=1)
    assert tables(made) == [
        ("above", [["epoch", "a", "b"], ["1", "–", "1e-07"], ["8", "0.1235", "–"],
                   ["16", "–", "5"]]),
        ("below", [["epoch", "c"], ["1", "2"]]),
    ]  # fmt: skip


def test_words_that_are_drawn_are_no_numbers_and_titles_need_their_panels():
    made = go.Figure(go.Scatter(x=[1], y=[2], name="a"))
    made.add_scatter(x=[1], y=[2], mode="text", text=["here"], name="words")
    made.add_annotation(text="a note", yref="paper")
    made.add_annotation(text="another", yref="paper")
    assert tables(made) == [(None, [["", "a"], ["1", "2"]])]


def test_more_rows_than_sixty_are_thinned_out_and_it_says_so():
    made = go.Figure(go.Scatter(x=[*range(200)], y=[*range(200)], name="a"))
    ((caption, rows),) = tables(made)
    count = len(rows) - 1
    assert count <= 60 and caption == f"({count} of 200)"
    assert rows[1] == ["0", "0"] and rows[-1] == ["199", "199"]
    assert tables(go.Figure(go.Scatter(x=[*range(60)], y=[*range(60)], name="a")))[0][0] is None


def test_bars_that_lie_and_bars_that_stand():
    lying = go.Figure(go.Bar(y=[0, 1], x=[0.25, 0.75], orientation="h", name="open"))
    lying.add_bar(y=[1, 0], x=[0.5, 1.0], orientation="h", name="closed")
    lying.update_yaxes(tickvals=[0, 1], ticktext=["keep", "write"])
    lying.update_xaxes(title="share")
    assert tables(lying)[0][1] == [
        ["share", "open", "closed"], ["keep", "0.25", "1"], ["write", "0.75", "0.5"],
    ]  # fmt: skip
    part = {"lengths": [[3], [2]], "classes": [4, 5]}
    other = {"lengths": [[3], [2]], "classes": [6, 7]}
    standing = report.classes({"data": {"train": part, "test": other, "classes": ["a", "b"]}})
    assert tables(standing)[0][1] == [
        ["class", "training", "test"], ["a", "4", "6"], ["b", "5", "7"],
    ]  # fmt: skip


def test_a_confusion_has_classes_on_both_sides():
    scores = {"classes": ["a", "b"], "confusion": [[3, 1], [0, 7]]}
    assert tables(report.confusion(scores))[0][1] == [
        ["true \\ predicted", "a", "b"], ["a", "3", "1"], ["b", "0", "7"],
    ]  # fmt: skip


def test_a_map_of_channels_has_a_row_for_each_step():
    values = [[float(10 * k + t) for t in range(3)] for k in range(7)]
    one = {"name": "s", "at": [0, 4, 8], "values": values}
    ((caption, rows),) = tables(report.sequences([one], [f"c{k}" for k in range(7)], ["title"]))
    assert caption == "title" and rows[0] == ["step", *(f"c{k}" for k in range(7))]
    assert rows[1:] == [[str(a), *(f"{10 * k + t}" for k in range(7))]
                        for t, a in enumerate((0, 4, 8))]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (0.0, "0"), (1 / 3, "0.3333"), (123456.0, "1.235e+05"), (123456, "123456"),
     ("<b>", "&lt;b&gt;")],
)  # fmt: skip
def test_a_cell(value, shown):
    assert f"<td>{shown}</td>" in table(["a", "b"], [["row", value]])


def test_a_table_names_itself_and_its_kind():
    text = table(["a", "b"], [["row", 1]], "of what", kind="facts")
    assert '<table class="facts"><caption>of what</caption>' in text
    assert '<th scope="row">row</th><td>1</td>' in text and '<th scope="col">b</th>' in text
    assert "<caption>" not in table(["a"], [])
