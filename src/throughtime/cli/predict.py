"""`throughtime predict`: the class of each sequence of a table, as CSV with probabilities."""

import csv
import sys

import typer

from throughtime.cli import paths
from throughtime.cli.data import remembered
from throughtime.errors import RunError


def predict(
    run: str = typer.Argument(..., help="A run folder.", callback=paths.run_folder),
    data: str = typer.Argument(
        ..., help="A table with the columns of the training table.", callback=paths.table
    ),
    output: str | None = typer.Option(None, help="A CSV file; printed unless given."),
) -> None:
    """The class of each sequence with the probability of every class, as CSV."""
    paths.output("--output", output)
    from throughtime.training.evaluate import predict as probabilities_of
    from throughtime.training.run import load

    loaded = load(run)
    source, _ = remembered(loaded.details, run)
    sequences = source.table(data, loaded, labelled=False)
    probabilities = probabilities_of(loaded.model, sequences)
    classes = loaded.model.classes
    header = ["sequence", "predicted", *(f"p_{c}" for c in classes)]
    chosen = probabilities.argmax(-1).tolist()
    rows = (
        [name, classes[k], *(f"{p:.6f}" for p in ps)]
        for name, k, ps in zip(sequences.names, chosen, probabilities.tolist(), strict=True)
    )
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
