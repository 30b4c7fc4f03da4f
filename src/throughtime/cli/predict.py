"""`throughtime predict`: what a trained model says of the sequences of a table, as CSV."""

import csv
import sys

import typer

from throughtime.cli import device as devices
from throughtime.cli import paths
from throughtime.cli.data import another_table
from throughtime.errors import RunError


def predict(
    run: str = typer.Argument(..., help="A run folder.", callback=paths.run_folder),
    data: str = typer.Argument(
        ..., help="A table with the columns of the training table.", callback=paths.table
    ),
    output: str | None = typer.Option(None, help="A CSV file; printed unless given."),
    device: str = devices.option(),
) -> None:
    """The class of each sequence with the probability of every class, as CSV."""
    paths.output("--output", output)
    from throughtime.training.evaluate import predict as predictions_of

    loaded = devices.load(run, device)
    sequences = another_table(loaded, data, targets=False)
    header, rows = loaded.model.task.rows(predictions_of(loaded.model, sequences), sequences)
    if output is None:
        csv.writer(sys.stdout, lineterminator="\n").writerows([header, *rows])
        return
    try:
        with open(output, "w", newline="") as f:
            csv.writer(f, lineterminator="\n").writerows([header, *rows])
    except OSError as e:
        raise RunError(
            f"{output}: cannot be written ({e.strerror or e}); expected a file in a folder that "
            "may be written to. Choose another with --output."
        ) from e
