"""How the parts of an equation are written: MathML and LaTeX."""

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Sequence
from html import escape

from throughtime.report.names import Name


class Notation(ABC):
    """Each method takes and returns pieces of text in this notation."""

    def name(self, name: Name) -> str:
        """A name with its subscripts and primes."""
        base, *below = (self.word(piece) for piece in name.pieces)
        if name.time == "t-1":
            below.append(self.row(self.word("t"), self.sign("−"), self.word("1")))
        elif name.time:
            below.append(self.word(name.time))
        return self.scripts(base, below, name.primes)

    def number(self, value: float) -> str:
        """Four digits of a number, which is not negative."""
        digits, _, exponent = f"{value:.4g}".partition("e")
        if not exponent:
            return self.word(digits)
        power = self.word(str(abs(int(exponent))))
        if int(exponent) < 0:
            power = self.row(self.sign("−"), power)
        ten = self.power(self.word("10"), power)
        return ten if digits == "1" else self.row(self.word(digits), self.sign("·"), ten)

    def function(self, name: str, options: str, inside: Sequence[str]) -> str:
        """`name(inside, ...)`, its options below the name."""
        called = self.scripts(self.word(name), [self.text(options)] if options else [], 0)
        return self.row(called, self.sign("applied"), self.fenced(self.commas(inside)))

    def commas(self, parts: Sequence[str]) -> str:
        """The parts with commas between them."""
        between = [piece for part in parts for piece in (self.sign(","), part)]
        return self.row(*between[1:])

    @abstractmethod
    def word(self, text: str) -> str:
        """A letter, slanted; a word, upright, or its Greek letter; a number."""

    @abstractmethod
    def text(self, text: str) -> str: ...

    @abstractmethod
    def sign(self, sign: str) -> str:
        """An operator; "times" and "applied" are not seen."""

    @abstractmethod
    def row(self, *parts: str) -> str: ...

    @abstractmethod
    def scripts(self, base: str, below: Sequence[str], primes: int) -> str: ...

    @abstractmethod
    def fenced(self, inside: str, left: str = "(", right: str = ")") -> str: ...

    @abstractmethod
    def fraction(self, above: str, below: str) -> str: ...

    @abstractmethod
    def power(self, base: str, exponent: str) -> str: ...

    @abstractmethod
    def root(self, inside: str) -> str: ...

    @abstractmethod
    def cases(self, condition: str, then: str, otherwise: str) -> str: ...

    @abstractmethod
    def table(self, rows: Sequence[tuple[str, str, str]]) -> str:
        """A row for each left side, sign and right side."""


class MathML(Notation):
    """Presentation MathML, of what MathML Core has."""

    def word(self, text: str) -> str:
        tag = "mn" if text[0].isdigit() else "mi"
        return f"<{tag}>{escape(_greek(text) or text)}</{tag}>"

    def text(self, text: str) -> str:
        return f"<mtext>{escape(text)}</mtext>"

    def sign(self, sign: str) -> str:
        return _UNSEEN.get(sign) or f"<mo>{escape(sign)}</mo>"

    def row(self, *parts: str) -> str:
        return parts[0] if len(parts) == 1 else f"<mrow>{''.join(parts)}</mrow>"

    def scripts(self, base: str, below: Sequence[str], primes: int) -> str:
        above = f"<mo>{'′' * primes}</mo>"
        if below:
            inner = f"{base}{self.commas(below)}"
            return f"<msubsup>{inner}{above}</msubsup>" if primes else f"<msub>{inner}</msub>"
        return f"<msup>{base}{above}</msup>" if primes else base

    def fenced(self, inside: str, left: str = "(", right: str = ")") -> str:
        tall = any(tag in inside for tag in ("<mfrac", "<msqrt", "<mtable"))
        stretchy = f'stretchy="{str(tall).lower()}"'  # a subscript alone makes no bracket grow
        return (
            f'<mrow><mo form="prefix" fence="true" {stretchy}>{left}</mo>{inside}'
            f'<mo form="postfix" fence="true" {stretchy}>{right}</mo></mrow>'
        )

    def fraction(self, above: str, below: str) -> str:
        return f"<mfrac>{above}{below}</mfrac>"

    def power(self, base: str, exponent: str) -> str:
        return f"<msup>{base}{exponent}</msup>"

    def root(self, inside: str) -> str:
        return f"<msqrt>{inside}</msqrt>"

    def cases(self, condition: str, then: str, otherwise: str) -> str:
        words = self.text("if\N{NO-BREAK SPACE}"), self.text("otherwise")
        rows = [(then, self.row(words[0], condition)), (otherwise, words[1])]
        table = "".join(f"<mtr>{_cell(a, 'left')}{_cell(b, 'left')}</mtr>" for a, b in rows)
        return f'<mrow><mo form="prefix" fence="true">{{</mo><mtable>{table}</mtable></mrow>'

    def table(self, rows: Sequence[tuple[str, str, str]]) -> str:
        sides = ("right", "center", "left")
        lines = [
            "".join(map(_cell, (left, self.sign(sign), right), sides)) for left, sign, right in rows
        ]
        body = "\n".join(f"<mtr>{line}</mtr>" for line in lines)
        return (
            '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">'
            f'<mtable displaystyle="true">\n{body}\n</mtable></math>'
        )


_UNSEEN = {
    "times": '<mo lspace="0.1em" rspace="0.1em">&#x2062;</mo>',
    "applied": "<mo>&#x2061;</mo>",
}


def _cell(inside: str, side: str) -> str:
    # columnalign is not in MathML Core; Chromium moves what is in a cell for its own word only
    style = f"text-align:{side};text-align:-webkit-{side};padding:0.3em 0.2em"
    return f'<mtd style="{style}">{inside}</mtd>'


class LaTeX(Notation):
    """LaTeX with amsmath."""

    def word(self, text: str) -> str:
        if _greek(text):
            return f"\\{text}"
        return (
            _plain(text) if len(text) == 1 or text[0].isdigit() else rf"\mathrm{{{_plain(text)}}}"
        )

    def text(self, text: str) -> str:
        return rf"\text{{{_plain(text)}}}"

    def sign(self, sign: str) -> str:
        return _LATEX_SIGNS.get(sign, sign)

    def row(self, *parts: str) -> str:
        return " ".join(part for part in parts if part)

    def scripts(self, base: str, below: Sequence[str], primes: int) -> str:
        return base + "'" * primes + (f"_{{{self.commas(below)}}}" if below else "")

    def fenced(self, inside: str, left: str = "(", right: str = ")") -> str:
        tall = any(command in inside for command in (r"\frac", r"\sqrt", r"\begin"))
        return rf"\left{left} {inside} \right{right}" if tall else f"{left}{inside}{right}"

    def fraction(self, above: str, below: str) -> str:
        return rf"\frac{{{above}}}{{{below}}}"

    def power(self, base: str, exponent: str) -> str:
        return f"{{{base}}}^{{{exponent}}}"

    def root(self, inside: str) -> str:
        return rf"\sqrt{{{inside}}}"

    def cases(self, condition: str, then: str, otherwise: str) -> str:
        rows = rf"{then} & \text{{if }} {condition} \\ {otherwise} & \text{{otherwise}}"
        return rf"\begin{{cases}} {rows} \end{{cases}}"

    def table(self, rows: Sequence[tuple[str, str, str]]) -> str:
        lines = (f"{left} &{self.sign(sign)} {right}" for left, sign, right in rows)
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


_LATEX_SIGNS = {
    "times": r"\,", "applied": "", "⊙": r"\odot", "·": r"\cdot", "−": "-", "∼": r"\sim",
    "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "∧": r"\land", "∨": r"\lor", "¬": r"\lnot",
}  # fmt: skip


def _greek(text: str) -> str | None:
    try:
        return unicodedata.lookup(f"GREEK SMALL LETTER {text}")
    except KeyError:
        return None


def _plain(text: str) -> str:
    return "".join(f"\\{c}" if c in "&%$#_{}" else " " if c in "\\^~" else c for c in text)
