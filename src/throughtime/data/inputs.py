"""The channels of a table as numbers: numbers, truth values, and the places of categories.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from jaxtyping import Float32

from throughtime.data.channels import are_moments, leave_out, not_a_channel
from throughtime.data.columns import NotANumber, at, first, numbers
from throughtime.data.frame import Table
from throughtime.data.naming import quote, quote_all
from throughtime.data.vocabulary import vocabulary
from throughtime.errors import DataError

# In a column of numbers or truth values a missing one is often written so, in any case.
MISSING = ("", "na", "n/a", "nan", "null", "none", "?")
TRUTH = {"false": 0.0, "true": 1.0}
MOST = 10_000  # texts of a category; and no more than half of the rows, but
FEW = 100  # so many in any table

Categories = Sequence[str] | Mapping[str, Sequence[str]]


def inputs(
    table: Table,
    names: Sequence[str],
    categories: Categories | None,
    *,
    strict: bool,
    chosen: bool,
    timed: bool,
) -> tuple[Float32[np.ndarray, "N C"], dict[str, tuple[str, ...]]]:
    """The columns `names` as numbers, nan where a value is missing, and the texts of categories.

    - `categories`: with their texts, those of the training part, and no other column is one; names
      alone are added to the columns of text.
    - `strict`: whether a missing value and a column of text that is not named are refused.
    - `chosen`: whether a person named the columns; `timed`: whether there is a time column.

    **Raises:** `DataError`, one line, as `read_table` does.
    """
    known = categories if isinstance(categories, Mapping) else None
    for name in categories or ():
        if name not in names:
            raise DataError(
                f"categories has {quote(name)}; expected one of the channels {quote_all(names)}. "
                "Name one of them."
            )
    free = not strict and known is None  # whether a column of text is a category by itself
    values, texts = None, {}
    if not categories:
        try:
            values = numbers(table, names, missing=not strict)
        except NotANumber:  # texts or truth values: each column is looked at
            pass
    if values is None:
        texts = {name: _texts(table, table.frame[name]) for name in categories or ()}
        rest = _by_kind(table, names, texts, strict=strict, free=free, timed=timed or chosen)
        values = np.empty((table.frame.height, len(names)), np.float32)
        values[:, [name in rest for name in names]] = _numbers(
            table, rest, names, strict=strict, chosen=chosen, timed=timed, free=free
        )
    if strict:
        _refuse_gaps(table, texts)
    of_texts: dict[str, tuple[str, ...]] = {}
    for name in [name for name in names if name in texts]:
        if known is None:
            of_texts[name] = _vocabulary(texts[name], [n for n in names if n != name])
        else:
            of_texts[name] = tuple(known[name])
        values[:, names.index(name)] = _places(texts[name], of_texts[name])
    if known is None:
        _refuse_empty(names, values)
    return values, of_texts


def _by_kind(
    table: Table, names: Sequence[str], texts: dict[str, pl.Series], *, strict: bool, free: bool,
    timed: bool,
) -> dict[str, pl.Series]:  # fmt: skip
    """The columns that are to be numbers; those of text are put to the `texts` where they are
    `free` to be categories."""
    rest: dict[str, pl.Series] = {}
    columns = {column.name: column for column in table.frame.get_columns()}
    for name in [name for name in names if name not in texts]:
        column = _as_numbers(columns[name], strict=strict)
        if free and _is_text(column):
            _refuse_moments(table, names, name, timed=timed)
            texts[name] = _texts(table, columns[name])
        else:
            rest[name] = column
    return rest


def _as_numbers(column: pl.Series, *, strict: bool) -> pl.Series:
    """Truth values as 0 and 1, and nothing where a value is missing; other columns as they are."""
    if column.dtype in (pl.Boolean, pl.Null):
        return column.cast(pl.Float64)
    if column.dtype != pl.String:
        return column
    read = column.cast(pl.Float64, strict=False)
    if read.null_count() == column.null_count() and not read.is_nan().any():
        return column  # numbers only, as most columns are
    lower = column.str.strip_chars().str.to_lowercase()
    missing = lower.is_in(MISSING).fill_null(True)
    kinds = set(lower.filter(~missing).unique().head(len(TRUTH) + 1))
    if kinds and kinds <= {*TRUTH} and not (strict and missing.any()):
        return lower.replace_strict(TRUTH, default=None, return_dtype=pl.Float64)
    known = lower.filter(~missing)
    if strict or (len(known) and not known.cast(pl.Float64, strict=False).count()):
        return column  # in a column of text `none` may be one of the texts
    return column.set(missing, None)


def _is_text(column: pl.Series) -> bool:
    """Whether a column is one of texts, none of which is a number."""
    if column.dtype != pl.String:
        return False
    given = column.str.strip_chars()
    given = given.filter(given != "")
    return len(given) > 0 and given.cast(pl.Float64, strict=False).null_count() == len(given)


def _refuse_moments(table: Table, names: Sequence[str], name: str, *, timed: bool) -> None:
    """**Raises:** `DataError` for a column of dates, each of which is seldom met again."""
    if not are_moments(table, name):
        return
    place = first(table.frame[name].is_not_null())
    fix = leave_out([n for n in names if n != name])
    if not timed:
        fix = not_a_channel(table, names, name, timed=timed)
    raise DataError(
        f"{at(table, name, place)} has the date {quote(table.frame[name][place])}; expected a "
        f"number, or a text of a category. {fix}"
    )


def _refuse_gaps(table: Table, texts: Mapping[str, pl.Series]) -> None:
    for name, column in texts.items():
        if column.null_count():
            raise DataError(
                f"{at(table, name, first(column.is_null()))} has no value; expected a text. Fill "
                "it in or remove the row."
            )


def _numbers(
    table: Table, columns: Mapping[str, pl.Series], names: Sequence[str], *, strict: bool,
    chosen: bool, timed: bool, free: bool,
) -> Float32[np.ndarray, "N C"]:  # fmt: skip
    if not columns:
        return np.empty((table.frame.height, 0), np.float32)
    read = replace(table, frame=pl.DataFrame([*columns.values()]))
    try:
        return numbers(read, [*columns], missing=not strict)
    except NotANumber as error:
        mend = error.fix
        if not chosen:
            mend = not_a_channel(table, names, error.column, timed=timed)
        if free and table.frame[error.column].dtype == pl.String:
            mend += (
                " If its numbers are codes, name it as a category (on the command line "
                f"--categories {quote(error.column)}, in Python categories=)."
            )
        raise DataError(f"{error} {mend}") from None


def _texts(table: Table, given: pl.Series) -> pl.Series:
    """A column as text without blanks around it, null where there is none."""
    name = given.name
    if given.dtype.is_float():
        given = given.fill_nan(None)
        if not (given == given.round()).fill_null(True).all():
            place = first((given != given.round()).fill_null(False))
            raise DataError(
                f"{at(table, name, place)} has the number {given[place]:g}; expected text or whole "
                "numbers because it is a category. Leave it out of the categories."
            )
        given = given.cast(pl.Int64, strict=False)
    elif given.dtype.is_nested() or given.dtype.is_temporal() or given.dtype == pl.Binary:
        raise DataError(
            f"column {quote(name)} has type {given.dtype}; expected text or whole numbers because "
            "it is a category. Convert it or leave it out."
        )
    column = given.cast(pl.String).str.strip_chars()
    return column.set(column == "", None)


def _vocabulary(texts: pl.Series, others: Sequence[str]) -> tuple[str, ...]:
    """The texts that a category has.

    **Raises:** `DataError` if they are too many to learn; `others`: columns to learn from instead.
    """
    distinct, rows = texts.drop_nulls().unique(), len(texts)
    most = min(MOST, max(FEW, rows // 2))
    if len(distinct) > most:
        raise DataError(
            f"column {quote(texts.name)} has {len(distinct):,} different texts in {rows:,} rows; "
            f"expected at most {most:,} in a category because each is learned from the steps that "
            f"have it. {leave_out(others)} Or write one text for all that are alike."
        )
    return vocabulary(distinct)


def _places(texts: pl.Series, names: Sequence[str]) -> np.ndarray:
    """The place of each text among `names`, -1 where it is none, nan where there is no text."""
    places = texts.cast(pl.Enum(names), strict=False).to_physical().cast(pl.Float32)
    return np.where(texts.is_null().to_numpy(), np.nan, places.fill_null(-1).to_numpy())


def _refuse_empty(names: Sequence[str], values: np.ndarray) -> None:
    """**Raises:** `DataError` for a column without a value, of which nothing can be learned."""
    known = np.isfinite(values).sum(0).tolist()
    if not all(known):
        others = [name for name, count in zip(names, known, strict=True) if count]
        raise DataError(
            f"column {quote(names[known.index(0)])} has no value in any row; expected one in some, "
            f"to learn from. {leave_out(others)}"
        )
