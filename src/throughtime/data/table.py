"""A long table, one row a step, read as sequences."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from throughtime.data.classes import encode, sort_classes, unknown
from throughtime.data.naming import quote
from throughtime.data.paths import is_pattern
from throughtime.data.reading import Reading
from throughtime.data.sequences import Sequences
from throughtime.data.target import Target
from throughtime.errors import DataError

if TYPE_CHECKING:
    from throughtime.data.frame import Table
    from throughtime.data.layout import Layout
    from throughtime.data.left_out import LeftOut


def read_table(
    data: Any,
    *,
    sequence: str | None = None,
    time: str | None = None,
    time_format: str | None = None,
    label: str | None = None,
    channels: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    require_label: bool = True,
    targets: Sequence[str] | None = None,
    attributes: Sequence[str] = (),
    tags: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    weights: str | None = None,
    categories: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    strict: bool = False,
    left_out: list["LeftOut"] | None = None,
    by_row: bool = False,
) -> Sequences:
    """The sequences in a long table: in a file, in several, or in a frame.

    A file is CSV, JSON lines, Parquet, `.npz` or `.ts`, told apart by its suffix. A CSV (`.csv`,
    `.tsv`, `.txt`) may have commas, semicolons, tabs or `|` between its columns, and decimal commas
    where that is not a comma. JSON lines (`.jsonl`, `.ndjson`) have an object in each line. Texts
    may be in gzip, with `.gz` behind the suffix.

    **Arguments:**

    - `data`: the path of a file; of a folder with files of one format, or a pattern such as
      `data/*.csv`, which are read as one table in order of their names; or a frame of polars, of
      pandas, or of any library whose frames have the stream of Arrow.
    - `sequence`: the column that names the sequence of each row. Sequences keep the order in
      which they first appear; their rows need not lie together. Needed unless the data say it:
      `.npz` and `.ts` files have the column `sequence`, and a frame of pandas an index of two
      levels, the sequence and the time. Where nothing says it and there is a `time`, the table is
      one sequence, called as the file is without its suffix.
    - `time`: the column to sort the steps of a sequence by: numbers, or ISO 8601 dates with or
      without a time and a zone, or months (2024-01), weeks (2024-W05), days of weeks
      (2024-W05-3) or quarters (2024 Q1), the same in all rows; without it they are in order of
      the rows.
    - `time_format`: how the times are written, in codes of strftime as polars reads them, for
      example `%d.%m.%Y %H:%M`; a Parquet column that holds dates is taken as it is.
    - `label`: the column with the class, text or whole numbers, the same in all rows of a
      sequence; without it the sequences have no labels.
    - `channels`: exactly these columns, in this order, others are ignored; without it every
      other column. Columns of true and false are numbers 1 and 0, columns of text categories;
      a missing value is nan.
    - `classes`: the classes of the training set; without it those in the table, sorted as
      numbers if all are whole numbers, else as text.
    - `require_label`: if False, a table without the column `label` has no labels.
    - `targets`: columns of numbers, each the same in all rows of a sequence, that are to be
      predicted, see `Target`; without a value where one is not known.
    - `attributes`: columns with a text, the same in all rows of a sequence, that are no input: the
      person that each recording is of, to split by, say.
    - `tags`: columns with a class or a number of each step that are to be predicted. Text and
      booleans are classes, numbers are numbers; `"COL:class"` has codes written as numbers as
      classes. Without a value where one is not known. A mapping from columns to their classes,
      none of a number, reads them as those of a training set.
    - `weights`: a column of numbers, 0 or more, that weigh the steps in training: a target too.
    - `categories`: channels whose whole numbers are codes, categories too; or, for a table to test
      on, the `categories` of the training set with their texts.
    - `strict`: if True, a channel without a value in some row is refused, and one of text unless
      `categories` names it.
    - `left_out`: a list that takes the sequences whose inputs cannot be read, a text where there
      should be a number, say, each with the reason; without it the first of them is an error. Give
      `categories` as in training with it.
    - `by_row`: whether a table may have neither `sequence` nor `time`: all rows are then one
      sequence, in their order.

    **Returns:** `Sequences`; numbers are rounded to float32.

    **Raises:** `DataError`, one line that names the file and, where there is one, the column
    and the row. In a CSV the header is row 1; in JSON lines and in Parquet the first row is
    row 1; in a frame it is row 0. Without `classes`, a table with labels needs at least two
    sequences and two classes.
    """
    with named(data):
        return _read(
            data, sequence, time, time_format, label, channels, classes,
            tuple(targets or ()),
            tags or (), weights, categories, tuple(attributes), require_label=require_label,
            strict=strict, left_out=left_out, by_row=by_row,
        )  # fmt: skip


def column_names(data: Any) -> list[str]:
    """The names of the columns of a table, in their order; `data` and errors as above."""
    from throughtime.data.columns import check_header
    from throughtime.data.formats import open_table

    with named(data):
        header = open_table(data).header()
        check_header(header)
        return header


@contextmanager
def named(data: Any) -> Iterator[None]:
    """Errors about a table begin with its path, or say that it is a frame."""
    try:
        yield
    except DataError as error:
        name = os.fspath(data) if isinstance(data, str | os.PathLike) else "the frame"
        raise DataError(f"{name if name.isprintable() else quote(name)}: {error}") from None


def _read(
    data: Any,
    sequence: str | None,
    time: str | None,
    time_format: str | None,
    label: str | None,
    channels: Sequence[str] | None,
    classes: Sequence[str] | None,
    numbers_of: tuple[str, ...],
    tags: Sequence[str] | Mapping[str, Sequence[str]],
    weights: str | None,
    categories: Sequence[str] | Mapping[str, Sequence[str]] | None,
    attributes: tuple[str, ...],
    *,
    require_label: bool,
    strict: bool,
    left_out: list["LeftOut"] | None,
    by_row: bool,
) -> Sequences:
    # Here and not above: they import polars.
    from throughtime.data.columns import check_header, find
    from throughtime.data.csv_file import Csv
    from throughtime.data.date_format import check_format
    from throughtime.data.decimals import with_points
    from throughtime.data.formats import open_table
    from throughtime.data.inputs import inputs
    from throughtime.data.layout import lay_out, one_text_each, spelled
    from throughtime.data.tags import step_targets, step_weights, tag_columns

    if time_format is not None:
        check_format(time, time_format)
    source = open_table(data)
    check_header(source.header())
    header = dict.fromkeys(source.header())  # in order, and quick to look a name up in
    sequence = sequence or source.sequence
    if time is None and sequence == source.sequence:
        time = source.time
    if sequence is None and time is None and not by_row:
        raise DataError(
            "sequence and time are both missing; expected the column that names the sequence of "
            "each row, or, for one long series, the column with its times alone. Name one (on the "
            "command line --sequence COLUMN or --time COLUMN, in Python sequence= or time=)."
        )
    if label not in header and not require_label:
        label = None
    roles = {"sequence": sequence, "time": time, "label": label}
    roles = {role: name for role, name in roles.items() if name is not None}
    tagged = tag_columns(tags, header)
    roles |= _numbered("target", numbers_of) | _numbered("tag", [c.name for c in tagged])
    roles |= {} if weights is None else {"weight": weights}
    roles |= _numbered("attribute", attributes)
    _check_roles(roles)
    for role, name in roles.items():
        find(header, role, name)
    chosen = channels is not None
    if channels is None:
        channels = [name for name in header if name not in roles.values()]
    for name in channels:
        find(header, "channels", name)
    for role, name in roles.items():
        if role.startswith(("label", "target", "tag", "weight")) and name in channels:
            kind = role.split()[0]
            raise DataError(
                f"channels has {quote(name)}, which is the {kind} column; expected columns that "
                f"the {kind} is to be told from. Leave it out of the channels."
            )
    if not channels:
        raise DataError(
            f"channels has no column; expected at least 1 beside {', '.join(roles)}. "
            "Add a column of numbers."
        )

    _check_once(channels)
    table = source.read(list(dict.fromkeys([*roles.values(), *channels])))
    if table.frame.height == 0:
        raise DataError("file has a header and no rows; expected at least 1. Add rows.")
    of_numbers = [name for name in channels if name not in (categories or ())]
    of_numbers += [*numbers_of, *(c.name for c in tagged if c.kind != "class")]
    of_numbers += [name for name in (time, weights) if name is not None]
    given = table
    table = with_points(given, of_numbers)
    decimal_commas = table is not given

    def read(part: "Table") -> tuple[Tensor, dict[str, tuple[str, ...]], "Layout"]:
        values, texts = inputs(
            part, channels, categories, strict=strict, chosen=chosen, timed=time is not None
        )
        layout = lay_out(part, sequence, time, time_format, _series(data))
        return torch.from_numpy(values), texts, layout

    places = None
    try:
        values, texts, layout = read(table)
    except DataError:
        if left_out is None or sequence is None:
            raise
        from throughtime.data.left_out import readable

        table, places, unreadable = readable(table, sequence, read)
        left_out += unreadable
        values, texts, layout = read(table)
    targets = _targets(table, layout, sequence, label, classes, numbers_of)
    targets |= step_targets(table, tagged, layout)
    targets |= {} if weights is None else {weights: step_weights(table, weights, layout)}
    order = torch.tensor(layout.order)
    return Sequences(
        values=values[order],
        offsets=torch.tensor([*layout.starts.tolist(), len(order)]),
        channels=tuple(channels),
        names=layout.names,
        targets=targets,
        attributes={
            name: tuple(one_text_each(
                table, name, layout, "attribute", "an attribute is of the whole sequence",
                "Correct it, name another sequence column, or leave this one out.",
            )) for name in attributes
        },
        times=None if time is None else spelled(table, time, layout),
        rows=order if places is None else torch.from_numpy(places)[order],
        categories=texts,
        moments=None if layout.moments is None else torch.tensor(layout.moments),
        reading=Reading(
            sequence=sequence,
            time=time,
            separator=source.separator if isinstance(source, Csv) else None,
            decimal_commas=decimal_commas,
            time_format=time_format,
            ignored=tuple(n for n in header if n not in channels and n not in roles.values()),
        ),
    )  # fmt: skip


def _targets(
    table: "Table",
    layout: "Layout",
    sequence: str | None,
    label: str | None,
    classes: Sequence[str] | None,
    numbers_of: tuple[str, ...],
) -> dict[str, Target]:
    """The class of each sequence, in the column `label`, and its numbers, in `numbers_of`."""
    from throughtime.data.layout import sequence_labels, sequence_numbers

    targets: dict[str, Target] = {}
    if label is not None:
        labels = sequence_labels(table, label, layout)
        if classes is None:
            classes = _training_classes(labels, layout.names, sequence, label)
        known = set(classes)
        for place, text in zip(layout.order[layout.starts], labels, strict=True):
            if text not in known:
                row = table.row(int(place))
                raise DataError(f"column {quote(label)}, row {row} {unknown(text, classes)}")
        targets[label] = Target(encode(labels, classes), tuple(classes))
    if numbers_of:
        numbers = sequence_numbers(table, numbers_of, layout)
        pairs = zip(numbers_of, torch.from_numpy(numbers).T, strict=True)
        targets |= {name: Target(values.contiguous()) for name, values in pairs}
    return targets


def _series(data: Any) -> str:
    """What the one sequence of a table is called: as its file, if it is one."""
    if not isinstance(data, str | os.PathLike) or is_pattern(os.fspath(data)):
        return "series"
    return os.path.basename(data).partition(".")[0] or "series"


def _numbered(role: str, names: Sequence[str]) -> dict[str, str]:
    """Columns of one role, each by what an error calls it."""
    return {f"{role} {k + 1}" if k else role: name for k, name in enumerate(names)}


def _check_roles(roles: dict[str, str]) -> None:
    for role, name in roles.items():
        for other in roles:
            if other != role and roles[other] == name:
                raise DataError(
                    f"{role} and {other} have the same column {quote(name)}; expected two "
                    "columns. Name another for one of them."
                )


def _check_once(channels: Sequence[str]) -> None:
    for name, count in Counter(channels).items():
        if count > 1:
            raise DataError(
                f"channels has {quote(name)} {count} times; expected every column once. Name it "
                "once."
            )


def _training_classes(
    labels: Sequence[str], names: Sequence[str], sequence: str | None, label: str
) -> tuple[str, ...]:
    if sequence is None:
        raise DataError(
            f"table is one sequence, because no column names several; expected at least 2 because "
            f"column {quote(label)} has a class for each. Name the sequence column."
        )
    if len(names) < 2:
        raise DataError(
            f"column {quote(sequence)} has one sequence, {quote(names[0])}; expected at "
            "least 2 to train on. Add sequences or name another sequence column."
        )
    classes = sort_classes(labels, f"column {quote(label)}")
    if len(classes) < 2:
        raise DataError(
            f"column {quote(label)} has one class, {quote(labels[0])}; expected at "
            "least 2 to tell apart. Add sequences of another class or name another label column."
        )
    return classes
