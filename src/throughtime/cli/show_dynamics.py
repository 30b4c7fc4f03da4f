"""What `throughtime dynamics` prints."""

import math
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from throughtime.cli.show import escape
from throughtime.errors import one_line

if TYPE_CHECKING:
    from throughtime.report import Dynamics


def show_dynamics(found: "Dynamics", most: int) -> None:
    """What was found in a sentence, what became of the starts, and the first points."""
    from throughtime.report.of_dynamics.words import HEAD, growth, rows, sentence

    print(one_line(sentence(found)))
    print(one_line(str(found.points.search)))
    if found.exponents is not None:
        print(growth(found.exponents))
    shown = rows(found.points, most)
    if not shown:
        return
    table = Table(box=None, pad_edge=False)
    for name in HEAD:
        table.add_column(name, justify="left" if name == "kind" else "right")
    for row in shown:
        table.add_row(*(escape(_cell(value)) for value in row))
    Console(highlight=False, width=10_000).print(table)  # at its own width, nothing is cut out
    if len(found.points) > len(shown):
        print(f"and {len(found.points) - len(shown)} more in dynamics.json")


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return "never" if math.isinf(value) else f"{value:.4g}"
    return str(value)
