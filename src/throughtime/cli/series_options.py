"""What a forecast asks of the options of a table: checked before torch is imported."""

from typing import TYPE_CHECKING

from throughtime.errors import OptionError

if TYPE_CHECKING:
    from throughtime.cli.table_options import TableOptions

ONLY = (
    "horizon",
    "known",
    "windows",
    "season",
    "every",
    "by_row",
    "refit",
    "all_baselines",
)  # of a forecast
NOT_WITH = {  # options of a table that series cannot have, and why
    "test": "the last windows of each series are the test part",
    "part": "the last windows of each series are the test part",
    "group": "all series share one model, and each is cut over time",
    "split": "series are always cut over time",
    "gap": "a forecast begins right after what is known",
    "validation": "the windows before the test part are the validation part",
    "validation_file": "the windows before the test part are the validation part",
    "weight": "there are no tags",
}


def check(table: "TableOptions") -> None:
    """**Raises:** `OptionError` for options that do not go together."""
    given = table.given()
    if table.forecast is None:
        for name in ONLY:
            if name in given:
                raise OptionError(
                    f"{_option(name)} is given without --forecast; expected it there, because it "
                    f"is about the steps to come. Add --forecast COLUMN, or leave out "
                    f"{_option(name)}."
                )
        return
    for name, why in NOT_WITH.items():
        if name in given:
            raise OptionError(
                f"{_option(name)} is given with --forecast; expected it left out, because {why}. "
                f"Leave out {_option(name)}."
            )
    if table.horizon is None:
        raise OptionError(
            f"--forecast {table.forecast} is given without --horizon; expected how many steps "
            "ahead to forecast. Add --horizon 12, say."
        )
    if table.time is None and not table.by_row:
        raise OptionError(
            f"--forecast {table.forecast} is given without --time; expected the column with the "
            "times, because a forecast goes on where they end. Add --time COLUMN, or --by-row "
            "where each row is one step."
        )
    if table.every is not None and table.by_row:
        raise OptionError(
            f"--every {table.every} is given with --by-row; expected one of the two, because by "
            "row each row is one step. Leave one out."
        )
    if "windows" in given and table.test_share is not None:
        raise OptionError(
            f"--windows {table.windows} is given with --test-share {table.test_share}; expected "
            "one of the two, because both say how much is tested on. Leave one out."
        )
    both = [name for name in table.forecasts or () if name in (table.known_columns or ())]
    if both:
        raise OptionError(
            f"--known has {both[0]}, which --forecast has too; expected what is known ahead of "
            "time, and that is not. Leave it out of one."
        )


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
