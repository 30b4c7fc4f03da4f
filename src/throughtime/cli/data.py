"""The data of a run, from what the command line says, or from what a run folder remembers."""

from typing import TYPE_CHECKING

from throughtime.errors import OptionError, one_line

if TYPE_CHECKING:
    from throughtime.data import Sequences
    from throughtime.data.left_out import LeftOut
    from throughtime.training import Run


TASKS = {
    "--label": "the class of each sequence",
    "--tag": "a class or a number at every step",
    "--target": "numbers of each sequence",
}
"""The options that name what is to be learned."""


def check_columns(
    path: str | None,
    *,
    test: str | None,
    test_share: float | None,
    sequence: str | None,
    time: str | None,
    date_format: str | None,
    label: str | None,
    targets: tuple[str, ...] | None,
    tags: tuple[str, ...] | None,
    weight: str | None,
    channels: tuple[str, ...] | None,
    categories: tuple[str, ...] | None,
    strict: bool,
) -> None:
    """**Raises:** `OptionError` for options that do not go together, before torch is imported."""
    given = {"--sequence": sequence, "--time": time, "--date-format": date_format,
             "--label": label, "--target": targets and ",".join(targets),
             "--tag": tags and ",".join(tags), "--weight": weight, "--channels": channels,
             "--categories": categories and ",".join(categories),
             "--strict": "" if strict else None,
             "--test": test, "--test-share": test_share}  # fmt: skip
    if path is None:
        for option, value in given.items():
            if value is not None:
                given_so = f"{option} {value}".strip()
                raise OptionError(
                    f"{given_so} is given without a table; expected one before it. Write "
                    "`throughtime train DATA ...`, or leave it out for the bundled data."
                )
        return
    check_test(test, test_share)
    if sequence is None:
        raise OptionError(
            f"{path}: --sequence is missing; expected the column that names each row's sequence. "
            "Add --sequence COLUMN."
        )
    named = [option for option in TASKS if given[option] is not None]
    if len(named) != 1:
        state, fix = "nothing says what to learn", "Add one."
        if len(named) == 2:
            state, fix = f"{' and '.join(named)} are both given", "Leave one out."
        elif named:
            state = f"{', '.join(named[:-1])} and {named[-1]} are given"
            fix = "Leave all but one out."
        each = "; ".join(f"{option} COLUMN, {what}" for option, what in TASKS.items())
        raise OptionError(f"{path}: {state}; expected one of {each}. {fix}")
    if weight is not None and tags is None:
        raise OptionError(
            f"--weight {weight} is given without --tag; expected tags, because it weighs the steps "
            "of these. Leave out --weight."
        )
    if date_format is not None and time is None:
        raise OptionError(
            f"--date-format {date_format!r} is given without --time; expected the column that is "
            "written so. Add --time COLUMN."
        )


def check_test(test: str | None, test_share: float | None) -> None:
    """**Raises:** `OptionError` for a test part that cannot be."""
    if test is not None and test_share is not None:
        raise OptionError(
            f"--test-share {test_share} is given with --test {test}; expected one of the two. "
            "Leave out --test-share."
        )
    if test_share is not None and not 0 < test_share < 1:
        raise OptionError(
            f"--test-share is {test_share}; expected a share between 0 and 1. Set 0.2."
        )


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
    model = run.model
    own = {**model.task.table_options(), "categories": model.encoder.texts}
    known = own if "from" in run.details else {}
    return source.read_again(fingerprints, known)


def with_targets(run: "Run", data: str | None) -> "Sequences":
    """The sequences of a table with the columns of a run's, or else of the run's test part."""
    if data is None:
        return read_again(run)[1]
    return another_table(run, data, targets=True)


def another_table(
    run: "Run", path: str, *, targets: bool, left_out: "list[LeftOut] | None" = None
) -> "Sequences":
    """The sequences of a table with the columns that a run was trained on.

    `left_out`: takes the sequences that cannot be read; an error without it.
    """
    from throughtime.data.source import remembered

    source, _ = remembered(run.details, run.folder)
    trained_in = f"the run in {one_line(str(run.folder))}"
    return source.table(
        path, run.model.channels, run.model.task.table_options(),
        categories=run.model.encoder.texts, targets=targets, trained_in=trained_in,
        left_out=left_out,
    )  # fmt: skip
