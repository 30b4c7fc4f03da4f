"""The few shapes that a drawing is made of, as SVG that takes its colours from the page.

Lines and words have the colour of the text around them. A page sets others with the CSS
properties `--drawing-forward`, `--drawing-backward` and `--drawing-plain`. Nothing has an id, so
that a page can hold many drawings.
"""

import math
from collections.abc import Sequence
from html import escape

COLOURS = {
    "forward": "var(--drawing-forward,#4b84c4)",
    "backward": "var(--drawing-backward,#c8743f)",
    "plain": "var(--drawing-plain,#8a8f98)",
}

Words = str | Sequence[tuple[str, str]]
"""Plain words, or letters each with its subscript: `[("h", "t-1"), ("C", "0")]`."""


class Canvas:
    """Shapes in the order in which they are drawn; y grows downwards."""

    def __init__(self) -> None:
        self._shapes: list[str] = []

    def box(self, x: float, y: float, width: float, height: float, colour: str = "plain") -> None:
        """A box whose upper left corner is at x, y."""
        paint = f"fill:{COLOURS[colour]};fill-opacity:0.16;stroke:{COLOURS[colour]}"
        self._shapes.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" '
            f'style="{paint};stroke-width:1.4"/>'
        )

    def words(
        self, x: float, y: float, words: Words, rest: str = "", *, anchor: str = "middle"
    ) -> None:
        """Letters with their subscripts, slanted and with commas between, or a small word; then
        the rest. Centred at height y.
        """
        letters = [] if isinstance(words, str) else words
        small = "" if letters else ' font-size="11" opacity="0.8"'
        spans = [escape(plain(words))] if isinstance(words, str) else []
        for k, (letter, below) in enumerate(letters):
            spans += [", "] * (k > 0)
            spans.append(f'<tspan font-style="italic">{escape(plain(letter))}</tspan>')
            if below:  # an empty span brings the line back up
                slant = ' font-style="italic"' if below.isalpha() else ""
                sub = f'<tspan font-size="9" dy="3"{slant}>{escape(plain(below))}</tspan>'
                spans.append(sub)
                spans.append('<tspan dy="-3">\u200b</tspan>')
        self._shapes.append(
            f'<text x="{x:g}" y="{y + 4:g}" text-anchor="{anchor}"{small}>'
            f"{''.join(spans)}{escape(plain(rest))}</text>"
        )

    def title(self, x: float, y: float, words: str) -> None:
        """What stands first in a box."""
        self._shapes.append(
            f'<text x="{x:g}" y="{y + 4:g}" text-anchor="middle">{escape(plain(words))}</text>'
        )

    def line(self, *points: tuple[float, float], dashed: bool = False) -> None:
        """A line through points, its corners rounded."""
        d = f"M{points[0][0]:g} {points[0][1]:g}"
        for before, corner, after in zip(points, points[1:], points[2:], strict=False):
            (x0, y0), (x1, y1) = _towards(corner, before, 7), _towards(corner, after, 7)
            d += f"L{x0:g} {y0:g}Q{corner[0]:g} {corner[1]:g} {x1:g} {y1:g}"
        d += f"L{points[-1][0]:g} {points[-1][1]:g}"
        dashes = ' stroke-dasharray="2 4"' if dashed else ""
        self._shapes.append(
            f'<path d="{d}" fill="none" stroke="currentColor" stroke-opacity="0.65" '
            f'stroke-width="1.2"{dashes}/>'
        )

    def arrow(self, *points: tuple[float, float], dashed: bool = False) -> None:
        """A line with a head at its last point."""
        (x, y), (bx, by) = points[-1], _towards(points[-1], points[-2], 7)
        self.line(*points[:-1], _towards(points[-1], points[-2], 4), dashed=dashed)
        side = ((y - by) / 2, (bx - x) / 2)
        corners = [(x, y), (bx + side[0], by + side[1]), (bx - side[0], by - side[1])]
        shape = " ".join(f"{a:g},{b:g}" for a, b in corners)
        self._shapes.append(f'<polygon points="{shape}" fill="currentColor" opacity="0.75"/>')

    def svg(self, width: float, top: float, bottom: float, title: str, description: str) -> str:
        """The whole between two heights. It shrinks with the page."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" fill="currentColor" '
            f'viewBox="0 {top:g} {width:g} {bottom - top:g}" width="{1.2 * width:g}" '
            'style="max-width:100%;height:auto;font-family:sans-serif" font-size="12.5">\n'
            f"<title>{escape(plain(title))}</title>\n<desc>{escape(plain(description))}</desc>\n"
            + "\n".join(self._shapes)
            + "\n</svg>"
        )


def plain(text: str) -> str:
    """Without what cannot be printed: names may come from a file."""
    return "".join(c for c in text if c.isprintable())


def width(words: Words) -> float:
    """About how wide words are."""
    if isinstance(words, str):
        return 6.0 * len(words)
    return sum(7.5 * len(a) + 5.5 * len(b) for a, b in words) + 7.0 * (len(words) - 1)


def shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _towards(a: tuple[float, float], b: tuple[float, float], by: float) -> tuple[float, float]:
    far = math.dist(a, b)
    part = min(by, far / 2) / far if far else 0.0
    return a[0] + part * (b[0] - a[0]), a[1] + part * (b[1] - a[1])
