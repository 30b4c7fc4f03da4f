"""`throughtime look`: how a table is read and divided, and nothing trained."""

import json as json_module
from typing import TYPE_CHECKING

import typer

from throughtime.cli.data import check_columns, check_paths
from throughtime.cli.table_options import TableOptions, with_table

if TYPE_CHECKING:
    from throughtime.data import Sequences
    from throughtime.data.look import Look
    from throughtime.data.source import Source
    from throughtime.tasks import Task


@with_table
def look(
    table: TableOptions,
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """How a table is read: the role of each column, times, missing values, the parts."""
    check_columns(table, task=False)
    check_paths(table)
    from throughtime.tasks import Classify, Forecast, Regress, Tag

    source = table.source()
    whole = source.whole()
    train, test = source.divide(whole)
    fitted, held = source.set_aside(train, test)
    task = Regress if table.target else Classify if table.label or table.data is None else None
    if source.series is not None:
        task = Forecast.of(fitted, source.series)
    elif table.each_step is not None:
        task = Tag.of(fitted, weights=table.weight)
    if json:
        seen = look_at(source, whole, fitted, held, test)
        print(json_module.dumps(seen.to_dict() | {"baselines": [*_titles(task)]}))
    else:
        show_look(look_at(source, whole, fitted, held, test), task)


def look_at(
    source: "Source", whole: "Sequences", fitted: "Sequences", held: "Sequences | None",
    test: "Sequences",
) -> "Look":  # fmt: skip
    """Look at a table and its parts."""
    from throughtime.data.look import look

    validation = {} if held is None else {"validation": held}
    return look(whole, {"training": fitted, **validation, "test": test}, source)


def show_look(look: "Look", task: "type[Task] | Task | None") -> None:
    """Print what there is to know of a table, and what a model has to beat on it."""
    for line in look.lines():
        print(line)
    season = getattr(task, "season", None)
    if season is not None:
        print(f"season: {f'{season:,} steps' if season > 1 else 'none'}")
    if titles := _titles(task):
        print(f"to beat: {', '.join(titles)}")


def _titles(task: "type[Task] | Task | None") -> list[str]:
    return [] if task is None else [*task.baseline_titles.values()]
