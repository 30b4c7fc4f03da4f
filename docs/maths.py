"""For mkdocs: formulas as MathML, so that a page needs no script and no network to show them."""

import html
import re

from latex2mathml.converter import convert

# what pymdownx.arithmatex makes of dollars, in pages and in docstrings
FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<latex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL
)


def on_page_content(content: str, **_) -> str:
    """The HTML of a page, with every formula in MathML."""
    content = FORMULA.sub(_mathml, content)
    if "arithmatex" in content:
        raise ValueError("a formula of pymdownx.arithmatex is not in the form that FORMULA reads")
    return content


def _mathml(found: re.Match) -> str:
    # of several forms of what TeX can do, the one that latex2mathml knows
    latex = html.unescape(found["latex"]).strip().replace("{aligned}", "{align*}")
    latex = latex.replace(r"\mathrm", r"\text")
    if found["tag"] == "span":
        return convert(latex)
    # columnalign is not in MathML Core; Chromium moves what is in a cell for its own word only
    aligned = r'style="text-align:\1;text-align:-webkit-\1"'
    block = re.sub(r'columnalign="(\w+)"', aligned, convert(latex, display="block"))
    return f'<div style="overflow:auto hidden;padding:0.3em 0">{block}</div>'
