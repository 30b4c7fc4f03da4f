"""How a table was read: what a person is told of it and nothing is computed from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """What was told from a file by itself.

    - `separator`: what stands between the columns of a text; None in other formats.
    - `decimal_commas`: whether numbers in it had them.
    - `ignored`: the columns that have no role, because others were named.
    """

    separator: str | None = None
    decimal_commas: bool = False
    ignored: tuple[str, ...] = ()
