"""The page: whole, offline, small, and text from outside is text."""

import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser

import plotly.graph_objects as go
import pytest
from report.conftest import HOSTILE, copied, trained

from throughtime.report import report, write
from throughtime.report.page import page
from throughtime.report.section import Figure, Written
from throughtime.report.style import plain, safe
from throughtime.training import load, try_next
from throughtime.training.run import read


class Page(HTMLParser):
    """Elements with their attributes, and the texts of scripts and of everything else."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self.text, self.inside = [], [], "", None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts[-1] += data
        elif self.inside != "style":
            self.text += data

    def all(self, tag):
        return [a for t, a in self.elements if t == tag]

    @property
    def figures(self):
        return json.loads(self.scripts[0])


EVERY = {"lengths", "classes", "sequences", "curves", "matrix", "at_input", "gradient", "jacobian",
         "replicas", "saturation", "over_time", "initial"}  # fmt: skip


def test_every_figure_is_there_with_its_numbers(plain_run):
    text = report(*plain_run)
    page = Page(text)
    assert EVERY <= {*page.figures}
    plots = {a["id"]: a for a in page.all("div") if a.get("class") == "plot"}
    assert {*plots} == {*page.figures}
    for name, attributes in plots.items():
        assert len(attributes["aria-label"]) > 20, name
        assert attributes["tabindex"] == "0" and attributes["role"] == "img"
    for figure in re.findall(r"<figure>.*?</figure>", text, re.DOTALL):
        assert figure.count("<td>") >= 2 and "The numbers" in figure
    headings = [a["href"][1:] for a in page.all("a") if a["href"].startswith("#")]
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert {*headings} <= {*ids} and len(ids) == len({*ids})


def test_what_a_reader_can_choose_stands_above_the_figure(plain_run, failed_run):
    text = report(*plain_run)
    figures = dict(re.findall(r'<figcaption id="(\w+)-says">(.*?)</figure>', text, re.DOTALL))
    for name, choices in (("gradient", []), ("over_time", ["sequence", "what"]), ("lengths", [])):
        shown = figures[name].split('<div class="plot"')[0]
        assert ('<div class="choice">' in shown) == bool(choices)
        assert re.findall('<select name="(.*?)" data-figure="(.*?)"', shown) == [
            (key, name) for key in choices
        ]
    assert "Gates and states over time" in figures["over_time"]
    own = report(*failed_run)
    assert "Gates and states over time" not in own and "<strong>States over time" in own


def test_it_is_small_and_asks_for_nothing(plain_run):
    text = report(*plain_run)
    assert len(text.encode()) < 6_000_000
    page = Page(text)
    for tag, attributes in page.elements:
        for key in ("src", "href", "action", "data", "poster", "srcset"):
            assert attributes.get(key, "#").startswith("#"), tag
    (policy,) = [a["content"] for a in page.all("meta") if "http-equiv" in a]
    assert policy.startswith("default-src 'none'") and "http" not in policy
    for script in page.scripts[1:]:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]


def test_hostile_text_is_text(hostile_run):
    text = report(*hostile_run)
    page = Page(text)
    assert len(page.all("script")) == 3, "none was added, none ended early"
    assert not page.all("img") and len(page.all("svg")) == 2, "the two drawings"
    for tag, attributes in page.elements:
        assert not [k for k in attributes if k.startswith("on")], tag
    assert "<img src=x" not in text and "<svg onload" not in text and "<script>window" not in text
    for name in HOSTILE:
        assert plain(name) in page.text or plain(name, 24) in page.text
    assert "&lt;" in json.dumps(page.figures) and "\u202e" not in text and "\x00" not in text

    def texts(value):
        if isinstance(value, dict):
            value = value.values()
        for v in value if not isinstance(value, str) else ():
            yield from [v] if isinstance(v, str) else texts(v) if isinstance(v, list | dict) else ()

    for shown in texts(page.figures):
        plotly_own = shown.replace("<br>", "").replace("<extra></extra>", "")
        assert "<" not in plotly_own, shown


def test_what_it_comes_to_is_first_and_what_is_inside_is_folded(plain_run, failed_run):
    for run, measured in (plain_run, failed_run):
        text = report(run, measured)
        page = Page(text)
        order = [a["href"][1:] for a in page.all("a") if a["href"].startswith("#")][1:]
        assert order == ["result", "data", "learning", "confusion", "gradients", "gates",
                         "network", "reproduce"]  # fmt: skip
        first = re.search(r'<p class="lead">(.*?)</p>', text)
        assert first is not None and html.unescape(first[1]) == run.results["verdict"]
        assert text.index("lead") < text.index("What to try next") < text.index('id="data"')
        for proposed in try_next(run, measured):
            assert proposed.replace("`", "") in page.text
        for section in re.findall("<section.*?</section>", text, re.DOTALL):
            name = section.split('"')[1]
            folded = '<details class="folded"><summary><h2' in section
            assert folded == (name in ("gradients", "gates", "network"))
            assert "<details open" not in section and section.count("<h2") == 1
            assert section.count("<details") == section.count("</details>")


def test_precision_recall_and_f1_of_each_class(plain_run):
    """Also of a run that was tested before these were kept: they are those of the confusion."""
    run, measured = plain_run
    test = run.results["test"]
    older = {**run.results, "test": {k: v for k, v in test.items() if k in OLD}}
    texts = [report(run, measured)]
    run.results, kept = older, run.results
    texts.append(report(run, measured))
    run.results = kept
    for text in texts:
        for k, name in enumerate(test["classes"]):
            cells = (f"{test[key][k]:.4f}" for key in ("precision", "recall", "F1"))
            row = "".join(f"<td>{cell}</td>" for cell in cells)
            assert f'<tr><th scope="row">{name}</th>{row}<td>20</td></tr>' in text


OLD = ("sequences", "accuracy", "loss", "classes", "confusion", "also_in_training")


def test_a_folder_with_a_hostile_name(hostile_run):
    page = Page(report(load(hostile_run[0].folder), hostile_run[1]))
    assert "<img src=x onerror=alert(1)>" in page.text


@pytest.mark.parametrize("text", [*HOSTILE, "</script><b>", "<!--<script>", "\u2028\u2029"])
def test_no_text_of_a_figure_becomes_a_part_of_the_page(text):
    """Whatever a figure was given: here the names come as they are."""
    made = go.Figure(go.Scatter(x=[1, 2], y=[3, 4], name=text))
    figure = Figure(text, text, text, made, choices=[(text, text, [(text, text)])])
    whole = page(text, text, [Written("one", text, [figure])])
    shown = Page(whole)
    assert len(shown.all("script")) == 3 and not shown.all("img") and not shown.all("b")
    assert shown.figures[text]["data"][0]["name"] == text
    data = whole[whole.index('id="figures">') :].partition("</script>")[0]
    assert not {"<", "\u2028", "\u2029"} & {*data.partition(">")[2]}


def test_the_probability_beside_a_confusion(plain_run):
    run, measured = plain_run
    said = Page(report(run, measured)).text
    for pair in measured["confusions"]:
        assert (
            f"Sequence {pair['it']['name']}, which the network is "
            f"{pair['it']['probability']:.0%} sure of, beside"
        ) in said


@pytest.mark.parametrize("text", HOSTILE)
def test_safe(text):
    assert not re.search(r"[<>\"'\x00\n\u202e]", safe(text))
    assert "&" not in safe(text).replace("&amp;", "").replace("&lt;", "").replace(
        "&gt;", "").replace("&quot;", "").replace("&#x27;", "")  # fmt: skip


def test_plain_text_is_cut_in_the_middle():
    assert plain("x" * 40) == "x" * 40
    assert plain("a" * 50 + "b" * 50) == "a" * 19 + "…" + "b" * 19


def test_an_unfinished_run(tmp_path, plain_run):
    run = read(plain_run[0].folder)
    run.results = {}
    text = report(run, missing="It was killed.")
    page = Page(text)
    assert "Not tested yet" in page.text and "It was killed." in page.text
    assert {*page.figures} == {"curves", "initial"}
    assert "The equations of layer 1 forward" in page.text


def test_the_result_and_the_reason(failed_run, plain_run):
    failed = Page(report(*failed_run)).text
    assert "Why it did not learn" in failed and "The gradient does not reach." in failed
    assert "Why it did not learn" not in Page(report(*plain_run)).text


def test_without_data_the_rest_is_there(plain_run):
    page = Page(report(load(plain_run[0].folder), missing="The table is gone."))
    assert {*page.figures} == {"curves", "matrix", "initial"} and "The table is gone." in page.text


def test_a_run_without_learned_states_and_gates(tmp_path):
    from throughtime import RNN

    both = copied(20), copied(20, seed=1000)
    run, measured = trained(tmp_path / "r", *both, RNN, hidden=4, epochs=1, initial_state="zeros")
    page = Page(report(run, measured))
    assert EVERY - {*page.figures} == {"lengths", "saturation", "initial"}
    assert "Every state begins at 0" in page.text and "This cell has no gates" in page.text


def test_writing(tmp_path):
    write(tmp_path / "a.html", "text")
    assert (tmp_path / "a.html").read_text() == "text"


def test_a_run_shows_itself_in_a_notebook(hostile_run, plain_run):
    page = Page(hostile_run[0]._repr_html_())
    assert not page.all("img") and "onerror" in page.text
    shown = plain_run[0]._repr_html_()
    assert f"{plain_run[0].results['test']['accuracy']:.4f}" in shown and "4 of 4" in shown
