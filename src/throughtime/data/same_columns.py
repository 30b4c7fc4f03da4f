"""Whether another table has the columns that a run was trained on."""

from collections.abc import Mapping
from typing import Any

from throughtime.data.naming import nearest, quote, quote_all
from throughtime.data.table import column_names, named
from throughtime.errors import DataError

ROLES = ("sequence", "time", "label")  # columns of which there is one each


def check_same_columns(
    path: str, columns: Mapping[str, Any], channels: tuple[str, ...], trained_in: str
) -> None:
    """**Raises:** `DataError` unless a table has all the columns of a run."""
    from throughtime.data.columns import or_no_header  # imports polars
    from throughtime.data.tags import column_of

    expected = {columns[role]: role for role in ROLES if columns[role] is not None}
    there = column_names(path)
    expected |= dict.fromkeys(columns["targets"] or (), "target")
    expected |= dict.fromkeys(
        (tag if tag in there else column_of(tag) for tag in columns["tags"] or ()), "tag"
    )
    expected |= dict.fromkeys(channels, "channel")
    missing = {name: role for name, role in expected.items() if name not in there}
    if not missing:
        return
    name = next(iter(missing))
    near = nearest(name, [n for n in there if n not in expected])
    if near is not None:
        fix = f"Rename {quote(near)} to {quote(name)}, if it is that column."
    elif [*missing.values()] == ["label"]:
        fix = "Add the labels, or use `throughtime predict`, which needs none."
    elif {*missing.values()} == {"tag"}:
        fix = "Add the tags, or use `throughtime predict`, which needs none."
    elif {*missing.values()} == {"target"}:
        fix = "Add the targets, or use `throughtime predict`, which needs none."
    else:
        fix = or_no_header(there, "Give a table with these columns.")
    with named(path):
        raise DataError(
            f"has the columns {quote_all(there)} and no {quote(name)}; expected "
            f"{quote_all(expected)}, because {trained_in} was trained on these. {fix}"
        )
