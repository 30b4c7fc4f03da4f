"""`throughtime predict`: what a trained model says of the sequences of a table."""

from typing import TYPE_CHECKING

import typer

from throughtime.cli import device as devices
from throughtime.cli import paths
from throughtime.cli.data import another_table
from throughtime.cli.predictions import check_output, say_left_out, with_left_out, write_rows

if TYPE_CHECKING:
    from throughtime.data.left_out import LeftOut


def predict(
    run: str = typer.Argument(..., help="A run folder.", callback=paths.run_folder),
    data: str = typer.Argument(
        ..., help="A table with the columns of the training table.", callback=paths.data
    ),
    output: str | None = typer.Option(
        None, help="A file: .csv, .parquet or .jsonl; printed as CSV unless given."
    ),
    device: str = devices.option(),
) -> None:
    """What a model says of each sequence: classes with probabilities, or numbers.

    A sequence that cannot be read costs the others nothing: it is named on stderr, and its row has
    no prediction and says why in a column error.
    """
    check_output("--output", output)
    from throughtime.cli.show import show_gaps
    from throughtime.training.evaluate import predict as predictions_of

    loaded = devices.load(run, device)
    left_out: list[LeftOut] = []
    sequences = another_table(loaded, data, targets=False, left_out=left_out)
    show_gaps(loaded.model, sequences)
    task = loaded.model.task
    header, rows = task.rows(predictions_of(loaded.model, sequences), sequences)
    header, rows = with_left_out(header, rows, sequences, left_out, each_step=task.each_step)
    write_rows(output, header, rows)
    say_left_out(left_out, len(sequences))
