"""Pieces of the page: what comes from outside is text, whoever forgets to escape it."""

import pytest
from markupsafe import Markup

from throughtime.report.markup import facts, heading, paragraphs, rendered, table


def test_paragraphs():
    assert paragraphs(["a <b>", "`c`"]) == "<p>a &lt;b&gt; <code>c</code></p>"
    assert paragraphs(["a"], "lead") == '<p class="lead">a</p>'
    assert paragraphs([]) == ""
    assert "<b>" not in paragraphs(["`<b>`"]) and "<code>&lt;b&gt;</code>" in paragraphs(["`<b>`"])


def test_headings_facts_and_tables_escape_what_they_are_given():
    for piece in (
        heading("<b>"),
        facts([("<b>", "<b>")]),
        table(["<b>"], [["<b>", "<b>"]], "<b>"),
        rendered("scores.html", metric="<b>", rows=[("<b>", 0.5, '"<b>')]),
    ):
        assert isinstance(piece, Markup)
        assert "<b>" not in piece and "&lt;b&gt;" in piece


def test_a_table():
    text = table(["a"], [["x", 0.123456, None, 3]], "of what")
    assert "<caption>of what</caption>" in text and '<th scope="col">a</th>' in text
    assert "<td>0.1235</td><td>–</td><td>3</td>" in text


def test_a_template_that_lacks_a_value_says_so():
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError, match="rows"):
        rendered("facts.html")
