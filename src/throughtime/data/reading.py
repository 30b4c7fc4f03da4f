"""How a table was read: what a person is told of it and nothing is computed from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """What was told from a file by itself, and the columns that say where its steps are.

    - `sequence`, `time`: the columns by which steps were put into sequences, named by a person or
      by the file; None without one.
    - `separator`: what stands between the columns of a text; None in other formats.
    - `decimal_commas`: whether numbers in it had them.
    - `ignored`: the columns that have no role, because others were named.
    """

    sequence: str | None = None
    time: str | None = None
    separator: str | None = None
    decimal_commas: bool = False
    ignored: tuple[str, ...] = ()
