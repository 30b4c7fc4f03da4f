"""`throughtime evaluate`: how good a trained model is."""

import json as json_module

import typer

from throughtime.cli import device as devices
from throughtime.cli import paths
from throughtime.cli.data import with_targets
from throughtime.cli.predictions import check_output, write_rows


def evaluate(
    run: str = typer.Argument(..., help="A run folder.", callback=paths.run_folder),
    data: str | None = typer.Argument(
        None,
        help="A labelled table with the columns of the training table; its test part else.",
        callback=paths.data,
    ),
    device: str = devices.option(),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
    predictions: str | None = typer.Option(
        None, help="A file for what is predicted beside what is true: .csv, .parquet or .jsonl."
    ),
) -> None:
    """The scores of a trained model on sequences of which the truth is known."""
    check_output("--predictions", predictions)
    from throughtime.cli.show import show_gaps, show_scores
    from throughtime.training.evaluate import predict

    loaded = devices.load(run, device)
    task = loaded.model.task
    sequences = task.prepare("evaluate", with_targets(loaded, data))
    predicted = predict(loaded.model, sequences)
    scores = task.scores(predicted, sequences)
    show_gaps(loaded.model, sequences)
    if predictions is not None:
        header, rows = task.rows(predicted, sequences)
        names, true = task.truth(sequences)
        pairs = zip(rows, true, strict=True)
        write_rows(predictions, [*header, *names], [[*row, *values] for row, values in pairs])
    if json:
        print(json_module.dumps(scores.to_dict()))
    else:
        show_scores(scores)
