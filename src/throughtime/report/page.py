"""The page: one HTML file that opens from disk, asks for nothing, and reads without its figures."""

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence

import plotly.graph_objects as go
from markupsafe import Markup

from throughtime.report.markup import file, rendered
from throughtime.report.numbers import numbers
from throughtime.report.section import Figure, Part, Written


def page(title: str, under: str, sections: Sequence[Written]) -> str:
    """The whole file.

    **Arguments:**

    - `title`, `under`: text, the heading of the page and what stands below it.
    - `sections`: those that have no part are left out.
    """
    from plotly.offline import get_plotlyjs

    sections = [section for section in sections if section.parts]
    figures = [part for s in sections for part in s.parts if isinstance(part, Figure)]
    data = ",".join(f"{_in_script(json.dumps(f.name))}:{_json(f.figure)}" for f in figures)
    scripts = [Markup(get_plotlyjs()), Markup(file("page.js"))]
    whole = rendered(
        "page.html",
        title=title,
        under=under,
        sections=[s._replace(parts=[_html(part) for part in s.parts]) for s in sections],
        policy=_policy(scripts),
        style=Markup(file("page.css")),
        figures=Markup(f"{{{data}}}"),
        scripts=scripts,
    )
    return str(whole)  # to its reader it is a file, not a piece of a page


def _html(part: Part) -> str:
    if not isinstance(part, Figure):
        return part
    tables = numbers(part.figure) if part.tables is None else part.tables
    return rendered("figure.html", figure=part, tables=tables)


def _json(figure: go.Figure) -> str:
    """A figure as JSON inside a script element."""
    text = figure.to_json()
    assert text is not None
    return _in_script(text)


def _in_script(json_text: str) -> str:
    """JSON so written that nothing in it can end the script element that it stands in."""
    safe = json_text.replace("<", "\\u003c")
    return safe.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


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
