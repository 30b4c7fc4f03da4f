"""What there is to know of a table before anything is trained on it: one screen, plain data."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from throughtime.data.look_columns import Column, columns
from throughtime.data.look_parts import Part, division, part
from throughtime.data.naming import counted
from throughtime.data.reading import Reading
from throughtime.data.separators import SEPARATORS
from throughtime.data.sequences import Sequences
from throughtime.data.source import Source
from throughtime.errors import one_line


@dataclass(frozen=True)
class Look:
    """How a table was read, and how it is divided.

    - `title`: the table.
    - `sequences`, `steps`: how many, in all; `shortest`, `longest`: their lengths.
    - `reading`: what was told from the file by itself.
    - `columns`: each with its role and what stands in it, alike ones in one row.
    - `division`: how the parts were made, in words; `parts`: what is in them.
    """

    title: str
    sequences: int
    steps: int
    shortest: int
    longest: int
    reading: Reading
    columns: tuple[Column, ...]
    division: tuple[str, ...]
    parts: tuple[Part, ...]

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """One screen for a person; nothing in it moves or colours a terminal."""
        span = f"{self.shortest:,}" + f" to {self.longest:,}" * (self.shortest < self.longest)
        span += " step" + "s" * (self.longest != 1)
        says = [f"{counted(self.sequences, 'sequence')} of {span}, {self.steps:,} in all"]
        if self.reading.separator not in (None, ","):
            says.append(f"{SEPARATORS[self.reading.separator]} between columns")
        if self.reading.decimal_commas:
            says.append("decimal commas")
        yield one_line(f"{self.title}: {', '.join(says)}")
        yield from _table([(column.title, column.says) for column in self.columns])
        yield from map(one_line, self.division)
        yield from _table([(one.name, one.says) for one in self.parts])

    def __str__(self) -> str:
        return "\n".join(self.lines())


def look(
    whole: Sequences, parts: Mapping[str, Sequences] | None = None, source: Source | None = None
) -> Look:
    """Look at sequences.

    **Arguments:**

    - `whole`: all of them.
    - `parts`: what they are divided into, by name.
    - `source`: the table and its columns that they were read from; without it only what the
      sequences themselves know is told.
    """
    lengths, parts = whole.lengths, parts or {}
    over_time = source is not None and source.is_over_time(whole)
    title = "sequences" if source is None else source.title
    if source is not None and source.bundled:
        title = "Japanese Vowels, training part"
    return Look(
        title=title,
        sequences=len(whole),
        steps=len(whole.values),
        shortest=int(lengths.min()),
        longest=int(lengths.max()),
        reading=whole.reading or Reading(),
        columns=columns(whole, source),
        division=division(whole, parts, source),
        parts=tuple(part(n, those, source, over_time=over_time) for n, those in parts.items()),
    )


def _table(rows: list[tuple[str, str]]) -> Iterator[str]:
    """Two columns, the first as wide as its widest entry."""
    clean = [(one_line(first), one_line(second)) for first, second in rows]
    width = max((len(first) for first, _ in clean), default=0)
    for first, second in clean:
        yield f"  {first:<{width}}  {second}"
