"""Columns of a table with a class or a number at every step.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import polars as pl
import torch

from throughtime.data.classes import sort_classes, unknown
from throughtime.data.columns import at, find, first, is_blank, numbers
from throughtime.data.frame import Table
from throughtime.data.layout import Layout
from throughtime.data.naming import quote
from throughtime.data.target import MISSING, Target
from throughtime.errors import DataError

Tags = Sequence[str] | Mapping[str, Sequence[str]]
KINDS = ("class", "number")
MOST = 1000  # classes of a column


class TagColumn(NamedTuple):
    """A column of tags.

    - `kind`: `"class"` or `"number"`; None where what stands in it decides.
    - `classes`: those to look tags up in; None for those of the table.
    """

    name: str
    kind: str | None = None
    classes: tuple[str, ...] | None = None


def tag_columns(tags: Tags, header: Collection[str]) -> list[TagColumn]:
    """The columns that `tags` names: `COL`, `COL:class`, `COL:number`, or of names with classes,
    none of a number. **Raises:** `DataError` for a column that is not there, or twice."""
    if isinstance(tags, Mapping):
        columns = [
            TagColumn(name, "class" if classes else "number", tuple(classes) or None)
            for name, classes in tags.items()
        ]
    else:
        columns = [_named(tag, header) for tag in tags]
    for column in columns:
        find(header, "tag", column.name)
    return columns


def column_of(tag: str) -> str:
    """The name in `COL:class` or `COL:number`, or all of a text that does not end so."""
    name, _, kind = tag.rpartition(":")
    return name if name and kind in KINDS else tag


def _named(tag: str, header: Collection[str]) -> TagColumn:
    name = column_of(tag)
    if tag in header or name == tag:
        return TagColumn(tag)
    return TagColumn(name, tag.removeprefix(f"{name}:"))


def step_targets(table: Table, columns: Sequence[TagColumn], layout: Layout) -> dict[str, Target]:
    """The target of each step in each of these columns, in the order of the layout.

    Text and booleans are classes, numbers are numbers, unless the column says its kind. A cell
    without a value is a tag that is not known.

    **Raises:** `DataError` for a column that is neither, and for one with no value in any row.
    """
    return {column.name: _target(table, column, layout) for column in columns}


def step_weights(table: Table, name: str, layout: Layout) -> Target:
    """The weight of each step in a column of numbers, 0 or more."""
    values = numbers(table, [name])[:, 0]
    if (values < 0).any():
        place = int((values < 0).argmax())
        raise DataError(
            f"{at(table, name, place)} has the weight {values[place]:g}; expected 0 or more. "
            "Correct it; 0 leaves a step out of training."
        )
    return Target(torch.from_numpy(values[layout.order]), each_step=True)


def _target(table: Table, column: TagColumn, layout: Layout) -> Target:
    given = table.frame[column.name]
    if given.dtype.is_nested() or given.dtype == pl.Binary:
        raise DataError(
            f"column {quote(column.name)} has type {given.dtype}; expected text, numbers or "
            "booleans because it is a tag column. Convert it or name another column."
        )
    known = ~pl.Series(is_blank(given))
    if column.classes is None and not known.any():
        raise DataError(
            f"column {quote(column.name)} has no value in any row; expected a tag in some. Fill it "
            "in or name another column."
        )
    if (column.kind or _kind(table, column.name, known)) == "class":
        return _classes(table, column, known, layout)
    values = numbers(table, [column.name], missing=True)[:, 0]
    return Target(torch.from_numpy(values[layout.order]), each_step=True)


def _kind(table: Table, name: str, known: pl.Series) -> str:
    """Whether a column holds classes or numbers.

    **Raises:** `DataError` for a text in a column most of which are numbers.
    """
    given = table.frame[name]
    if given.dtype.is_numeric():
        return "number"
    if given.dtype != pl.String:
        return "class"
    text = known & given.str.strip_chars().cast(pl.Float64, strict=False).is_null()
    count, whole = int(text.sum()), int(known.sum())
    if count == 0:
        return "number"
    if 2 * count < whole:
        place = first(text)
        raise DataError(
            f"{at(table, name, place)} has the text {quote(given[place])}; expected a number "
            f"because {whole - count} of the {whole} tags in the column are numbers. Correct it, "
            f"or write {quote(f'{name}:class')} if these are classes."
        )
    return "class"


def _classes(table: Table, column: TagColumn, known: pl.Series, layout: Layout) -> Target:
    texts = _texts(table.frame[column.name])
    there = texts.filter(known).unique().to_list()
    origin, classes = f"column {quote(column.name)}", column.classes
    if classes is None:
        classes = sort_classes(there, origin)
        if not 2 <= len(classes) <= MOST:
            got = f"one class, {quote(classes[0])}" if len(classes) == 1 else f"{len(classes)}"
            raise DataError(
                f"{origin} has {got}{' classes' * (len(classes) > 1)}; expected 2 to {MOST} to "
                "tell apart. Name another tag column."
            )
    places = {text: place for place, text in enumerate(classes)}
    strange = [text for text in there if text not in places]
    if strange:
        place = first(known & texts.is_in(strange).fill_null(False))
        raise DataError(f"{at(table, column.name, place)} {unknown(texts[place], classes)}")
    values = [places[text] if sound else MISSING for text, sound in zip(texts, known, strict=True)]
    return Target(torch.tensor(values)[torch.tensor(layout.order)], classes, each_step=True)


def _texts(given: pl.Series) -> pl.Series:
    """As text without blanks around it; whole numbers with zeros behind a point without these, as
    they are written where one of a column is missing."""
    texts = given.cast(pl.String).str.strip_chars()
    whole = texts.str.contains(r"^[+-]?[0-9]+\.0+$").fill_null(False)
    return pl.select(
        pl.when(whole).then(texts.str.replace(r"\.0+$", "")).otherwise(texts)
    ).to_series()
