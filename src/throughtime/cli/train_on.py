"""`throughtime train TABLE --from RUN`: a finished model is trained on with new data.

The model is that of the run, with all that was fitted to its data: how inputs and targets are
scaled, which classes there are. So are the columns. How it is trained is said anew.
"""

from typing import TYPE_CHECKING, Any

import typer

from throughtime.cli.options import given
from throughtime.errors import OptionError, one_line

if TYPE_CHECKING:
    from throughtime.data.source import Source
    from throughtime.training import Model

SAID_ANEW = (  # all else is the model's, or that of the columns
    "data", "test", "test_share", "part", "group", "split", "gap", "validation_file",
    "epochs", "minutes", "batch_size", "optimiser", "learning_rate",
    "weight_decay", "schedule", "clip", "class_weights", "label_smoothing", "validation",
    "patience", "bptt", "scale_by_replicas", "seed", "threads", "device", "run",
    "checkpoint_seconds", "quiet", "origin",
)  # fmt: skip


def check(context: typer.Context, folder: str, data: str | None) -> None:
    """**Raises:** `OptionError` without a table, or for an option that the run has already."""
    if data is None:
        raise OptionError(
            f"--from {folder} is given without a table; expected one before it, with the columns "
            f"of that run. Write `throughtime train DATA --from {folder}`."
        )
    for name, option in given(context).items():
        if name not in SAID_ANEW:
            raise OptionError(
                f"--from {folder} is given with {option}; expected it left out, because the model "
                f"and the columns are those of that run. Leave out {option}."
            )


def begin(folder: str, other: "Source") -> "tuple[Model, Source, dict[str, Any]]":
    """The model of the run in a folder, where the data are that it is trained on with, which the
    `other` table and its parts say, and what the details of the new run say of the old one.

    **Raises:** `RunError` for a run that is not finished, `DataError` for another table.
    """
    from throughtime.data.source import remembered
    from throughtime.training.run import load

    run = load(folder)
    source, _ = remembered(run.details, run.folder)
    trained_in = f"the run in {one_line(folder)}"
    source = source.with_table(other, channels=run.model.channels, trained_in=trained_in)
    return run.model, source, {"cell": run.details.get("cell"), "from": folder}
