"""The page: one HTML file that opens from disk, asks for nothing, and reads without its figures."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from typing import Any, NamedTuple

import plotly.graph_objects as go

from throughtime.report.numbers import numbers
from throughtime.report.style import plain

Choice = tuple[str, str, list[tuple[str, str]]]
"""The key in `meta` of the traces, what to call it, and (value, name) of each."""


class Figure(NamedTuple):
    """A figure on the page.

    - `says`: what one sees, in a sentence or two; read out in its place.
    - `tables`: its numbers, HTML; read from the figure unless given.
    """

    name: str
    title: str
    says: str
    figure: go.Figure
    tables: str | None = None
    choices: Sequence[Choice] = ()


class Section(NamedTuple):
    """A heading and what is under it: HTML, and figures."""

    name: str
    title: str
    parts: Sequence[str | Figure]


def page(title: str, under: str, sections: Sequence[Section]) -> str:
    """The whole file. Titles are text from outside and are escaped here; parts are HTML."""
    figures = [p for s in sections for p in s.parts if isinstance(p, Figure)]
    data = "{" + ",".join(f"{json.dumps(f.name)}:{_json(f.figure)}" for f in figures) + "}"
    from plotly.offline import get_plotlyjs

    own = files("throughtime.report")
    scripts = [get_plotlyjs(), (own / "page.js").read_text()]
    contents = "".join(f'<li><a href="#{s.name}">{escape(s.title)}</a></li>' for s in sections)
    body = "".join(
        f'<section id="{s.name}" aria-labelledby="{s.name}-title">'
        f'<h2 id="{s.name}-title">{escape(s.title)}</h2>'
        + "".join(_figure(p) if isinstance(p, Figure) else p for p in s.parts)
        + "</section>\n"
        for s in sections
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(scripts)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(plain(title, 90))}</title>
<style>{(own / "page.css").read_text()}</style>
</head>
<body>
<a class="skip" href="#page">To the text</a>
<div class="sheet">
<nav aria-label="Contents"><ol>{contents}</ol>
<button id="theme" type="button">Dark or light</button></nav>
<main id="page">
<h1>{escape(plain(title, 90))}</h1>
<p class="under">{escape(under)}</p>
<noscript><p class="note">Figures need JavaScript; below each are its numbers.</p></noscript>
{body}</main>
</div>
<script type="application/json" id="figures">{data}</script>
<script>{scripts[0]}</script>
<script>{scripts[1]}</script>
</body>
</html>
"""


def paragraphs(sentences: Iterable[str], kind: str = "") -> str:
    """Sentences of text as one paragraph of HTML; what is in backticks is code."""
    text = re.sub("`([^`]+)`", r"<code>\1</code>", escape(" ".join(sentences)))
    return f"<p{kind and f' class={chr(34)}{kind}{chr(34)}'}>{text}</p>" if text else ""


def facts(rows: Iterable[tuple[str, object]]) -> str:
    """Names and values as HTML."""
    shown = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(plain(value, 400))}</td></tr>'
        for name, value in rows
    )
    return f'<table class="facts"><tbody>{shown}</tbody></table>'


def _figure(f: Figure) -> str:
    layout: Any = f.figure.layout
    choices = "".join(
        f"<label>{escape(label)}<select name={_quoted(key)} data-figure={_quoted(f.name)}>"
        + "".join(f"<option value={_quoted(v)}>{escape(name)}</option>" for v, name in values)
        + "</select></label>"
        for key, label, values in f.choices
    )
    tables = numbers(f.figure) if f.tables is None else f.tables
    return (
        f'<figure><figcaption id="{f.name}-says"><strong>{escape(f.title)}</strong>'
        f"{escape(f.says)}</figcaption>"
        + (f'<div class="choice">{choices}</div>' if choices else "")
        + f'<div class="plot" id="{f.name}" style="min-height:{layout.height}px" tabindex="0" '
        f'role="img" aria-label={_quoted(f"{f.title}. {f.says}")}></div>'
        f"<details><summary>The numbers</summary>{tables}</details></figure>\n"
    )


def _quoted(text: str) -> str:
    return f'"{escape(text)}"'


def _json(figure: go.Figure) -> str:
    """A figure as JSON inside a script element: nothing in it can end the element."""
    text = figure.to_json()
    assert text is not None
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _policy(scripts: Iterable[str]) -> str:
    """No request to anywhere, and no script but these, whatever stands in the data."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'"
        for s in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
