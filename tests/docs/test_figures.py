"""The drawings of networks in the documentation are what `throughtime.report` draws.

`python tests/docs/test_figures.py` draws them again.
"""

from pathlib import Path

import pytest

from throughtime import LSTM, RNN, Model, Recurrent
from throughtime.report import folded, unrolled

FOLDER = Path(__file__).parents[2] / "docs" / "theory" / "figures"
CLASSES, CHANNELS = tuple("abcdefghi"), tuple("abcdefghijkl")
FIGURES = {
    "folded": lambda: folded(Recurrent(RNN, 12, 64)),
    "unrolled": lambda: unrolled(Recurrent(RNN, 12, 64)),
    "lstm": lambda: unrolled(Recurrent(LSTM, 12, 64)),
    "both": lambda: unrolled(Recurrent(RNN, 12, 64, direction="both")),
    "classifier": lambda: unrolled(
        Model(Recurrent(LSTM, 12, 64, direction="both"), classes=CLASSES, channels=CHANNELS)
    ),
}
# as an image it cannot take the colour of the page, but knows whether that is dark
COLOURS = (
    "<style>:root{color:#24292f}@media(prefers-color-scheme:dark){:root{color:#d0d7de}}</style>"
)


def drawn(name: str) -> str:
    head, rest = FIGURES[name]().split("\n", 1)
    return f"{head}\n{COLOURS}\n{rest}\n"


@pytest.mark.parametrize("name", FIGURES)
def test_figure(name):
    assert (FOLDER / f"{name}.svg").read_text() == drawn(name)


@pytest.mark.parametrize("name", FIGURES)
def test_figure_is_shown(name):
    pages = (page.read_text() for page in FOLDER.parent.glob("*.md"))
    assert any(f"(figures/{name}.svg)" in page for page in pages)


if __name__ == "__main__":
    for name in FIGURES:
        (FOLDER / f"{name}.svg").write_text(drawn(name))
