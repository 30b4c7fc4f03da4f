"""The data of a run, from what the command line says, or from what a run folder remembers."""

from typing import TYPE_CHECKING, Any

from throughtime.cli import made, paths, series_options
from throughtime.errors import OptionError, RunError, one_line

if TYPE_CHECKING:
    from throughtime.cli.table_options import TableOptions
    from throughtime.data import Sequences
    from throughtime.data.left_out import LeftOut
    from throughtime.training import Model, Run


TASKS = {
    "label": "the class of each sequence",
    "tag": "a class or a number at every step",
    "target": "numbers of each sequence",
    "forecast": "numbers whose next values are to be forecast",
}
"""The options that name what is to be learned."""

ANY = ("data", "validation", "seed")  # what the bundled data may be given with
WITH_MADE = (*ANY, "test_share")  # and a made data set
APART = (  # options that are not given together, and why
    ("test_share", "test", "the table to test on is whole"),
    ("test", "part", "the column names the test part"),
    ("test_share", "part", "the column names the test part"),
    ("split", "part", "the column says what is set aside"),
    ("validation_file", "part", "the column names the validation part"),
    ("validation", "validation_file", "the table to validate on is whole"),
)


def check_columns(table: "TableOptions", *, task: bool = True) -> None:
    """Options that do not go together, said before torch is imported.

    `task`: whether one has to be named. **Raises:** `OptionError`.
    """
    given = table.given()
    if table.data is None:
        for name, value in given.items():
            if name not in ANY:
                given_so = _option(name) + ("" if value is True else f" {value}")
                raise OptionError(
                    f"{given_so} is given without a table; expected one before it. Write "
                    "`throughtime train DATA ...`, or leave it out for the bundled data."
                )
        return
    check_parts(table)
    series_options.check(table)
    if table.made is not None:
        for name in given:
            if name not in WITH_MADE:
                raise OptionError(
                    f"{_option(name)} is given with {table.made.name}; expected it left out, "
                    "because a made data set has no table with columns. Leave out "
                    f"{_option(name)}."
                )
        return
    _check_sequence(table)
    named = [_option(name) for name in TASKS if name in given]
    if len(named) > 1 or (task and not named):
        state, fix = "nothing says what to learn", "Add one."
        if len(named) == 2:
            state, fix = f"{' and '.join(named)} are both given", "Leave one out."
        elif named:
            state = f"{', '.join(named[:-1])} and {named[-1]} are given"
            fix = "Leave all but one out."
        each = "; ".join(f"{_option(name)} COLUMN, {what}" for name, what in TASKS.items())
        raise OptionError(f"{table.data}: {state}; expected one of {each}. {fix}")
    if table.weight is not None and table.tag is None:
        raise OptionError(
            f"--weight {table.weight} is given without --tag; expected tags, because it weighs the "
            "steps of these. Leave out --weight."
        )
    if table.date_format is not None and table.time is None:
        raise OptionError(
            f"--date-format {table.date_format!r} is given without --time; expected the column "
            "that is written so. Add --time COLUMN."
        )


def _check_sequence(table: "TableOptions") -> None:
    """**Raises:** `OptionError` without a column that is needed to tell the sequences."""
    if table.sequence is not None or table.forecast is not None:
        return
    needing = [name for name in ("label", "target", "group", "part") if getattr(table, name)]
    if needing:
        raise OptionError(
            f"{table.data}: --sequence is missing; expected the column that names each row's "
            f"sequence, because {_option(needing[0])} is of a whole sequence, and the table is one "
            "without it. Add --sequence COLUMN."
        )
    if table.time is None:
        raise OptionError(
            f"{table.data}: --sequence is missing; expected the column that names each row's "
            "sequence, or --time alone where the table is one long series. Add --sequence COLUMN "
            "or --time COLUMN."
        )


def check_parts(table: "TableOptions") -> None:
    """**Raises:** `OptionError` for parts that cannot be."""
    given = table.given()
    for name, other, why in APART:
        if name in given and other in given:
            raise OptionError(
                f"{_option(name)} {given[name]} is given with {_option(other)} {given[other]}; "
                f"expected one of the two, because {why}. Leave out {_option(name)}."
            )
    if table.test_share is not None and not 0 < table.test_share < 1:
        raise OptionError(
            f"--test-share is {table.test_share}; expected a share between 0 and 1. Set 0.2."
        )
    _check_over_time(table)


def _check_over_time(table: "TableOptions") -> None:
    """**Raises:** `OptionError` for a split over time that cannot be, or that nothing is of."""
    of_sequences = table.label is not None or table.target is not None
    over_time = table.split == "time" or table.sequence is None
    if table.split == "time" and table.group is not None:
        raise OptionError(
            f"--split time is given with --group {table.group}; expected one of the two, because a "
            "group may last from the first to the last moment. Leave one out."
        )
    if table.split == "time" and of_sequences and table.sequence and table.time is None:
        raise OptionError(
            "--split time is given without --time; expected the column with the times, because "
            "the sequences that begin last are set aside. Add --time COLUMN."
        )
    for name in ("gap", "split"):
        if not getattr(table, name):
            continue
        if name == "gap" and not over_time:
            raise OptionError(
                f"--gap {table.gap} is given without --split time; expected it there, because "
                "other parts lie in no order. Add --split time, or leave out --gap."
            )
        if table.test is not None and not table.validation:
            raise OptionError(
                f"{_option(name)} {getattr(table, name)} is given with --test {table.test} and "
                "without --validation; expected a part to set aside. Add --validation 0.2, or "
                f"leave out {_option(name)}."
            )


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def check_paths(table: "TableOptions") -> None:
    """**Raises:** `ThroughtimeError` for files that are not there and a format of dates that cannot
    be read, for which polars is imported but not torch.
    """
    for path in (table.test, table.validation_file):
        paths.table(path)
    if table.date_format is not None:
        check_date_format(table.date_format)


def check_date_format(date_format: str) -> None:
    """**Raises:** `OptionError` for a format that polars, which is imported for it, cannot read."""
    from throughtime.data.date_format import fault
    from throughtime.data.naming import quote

    wrong = fault(date_format)
    if wrong is not None:
        raise OptionError(f"--date-format is {quote(date_format)}{wrong}")


def read_again(run: "Run") -> "tuple[Sequences, Sequences]":
    """The training and the test sequences of a run, as they were."""
    from throughtime.data.source import remembered

    source, fingerprints = remembered(run.details, run.folder)
    return source.read_again(fingerprints, known(run))


def known(run: "Run") -> dict[str, Any]:
    """What the model of a run knew of its targets and categories before it read a table."""
    return told(run.model) if "from" in run.details else {}


def told(model: "Model") -> dict[str, Any]:
    """What a table is to be told of targets and categories so that it is read as in training."""
    return {**model.task.table_options(), "categories": model.encoder.texts}


def with_targets(run: "Run", data: str | None) -> "Sequences":
    """The sequences of a table with the columns of a run's, or else of the run's test part."""
    if data is None:
        return read_again(run)[1]
    return another_table(run, data, targets=True)


def another_table(
    run: "Run", path: str, *, targets: bool, left_out: "list[LeftOut] | None" = None
) -> "Sequences":
    """The sequences of a table with the columns that a run was trained on, or of a made data set;
    this is drawn with the seed after the run's, unless it has one, so that it is a new draw.

    `left_out`: takes the sequences that cannot be read; an error without it.
    """
    from throughtime.data.made.registry import make
    from throughtime.data.source import remembered

    source, _ = remembered(run.details, run.folder)
    if (drawn := made.named(path)) is not None:
        seed = source.made_options.get("seed", source.seed) + 1
        return make(drawn.name, {"seed": seed} | drawn.options)
    trained_in = f"the run in {one_line(str(run.folder))}"
    table = source.table(
        path, run.model.channels, run.model.task.table_options(),
        categories=run.model.encoder.texts, targets=targets, trained_in=trained_in,
        left_out=left_out,
    )  # fmt: skip
    if source.series is None:
        return table
    if not targets:
        raise RunError(
            f"{run.folder}: is a run of --forecast; expected another for `throughtime predict`, "
            "because a forecast is of the steps after a table. Use `throughtime forecast`."
        )
    return source.series.parts(table, restrict=False)[1]
