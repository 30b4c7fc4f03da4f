"""Pieces of the page as HTML, from the templates beside it; text from outside is escaped."""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from throughtime.report.style import plain


def file(name: str) -> str:
    """The text of one of the files that the page is made of."""
    return (files("throughtime.report") / "templates" / name).read_text()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(file),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = plain
    return environment


def rendered(template: str, **values: Any) -> Markup:
    """A template with its values: text is escaped, `Markup` stands as it is."""
    return Markup(_environment().get_template(template).render(values))


def paragraphs(sentences: Iterable[str], kind: str = "") -> Markup:
    """Sentences of text as one paragraph of HTML; what is in backticks is code.

    **Arguments:** `kind`: its class in the style sheet.
    """
    escaped = str(escape(" ".join(sentences)))  # as `Markup` it would be escaped once more
    text = re.sub("`([^`]+)`", r"<code>\1</code>", escaped)
    if not text:
        return Markup()
    return Markup('<p class="{}">{}</p>' if kind else "<p>{1}</p>").format(kind, Markup(text))


def heading(text: str) -> Markup:
    """A heading inside a section."""
    return Markup("<h3>{}</h3>").format(text)


def facts(rows: Iterable[tuple[str, object]]) -> Markup:
    """Names and values as a table."""
    return rendered("facts.html", rows=rows)


def table(
    head: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "", *, kind: str = "numbers"
) -> Markup:
    """A table; the first cell of a row names it, None is a dash.

    **Arguments:** `kind`: its class in the style sheet: `"numbers"`, or `"facts"` for texts.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    return rendered("table.html", head=head, rows=cells, caption=caption, kind=kind)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
