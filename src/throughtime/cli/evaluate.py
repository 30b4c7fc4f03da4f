"""`throughtime evaluate`: how often a trained model is right."""

import json as json_module

import typer

from throughtime.cli import device as devices
from throughtime.cli import paths
from throughtime.cli.data import with_targets


def evaluate(
    run: str = typer.Argument(..., help="A run folder.", callback=paths.run_folder),
    data: str | None = typer.Argument(
        None,
        help="A labelled table with the columns of the training table; its test part else.",
        callback=paths.table,
    ),
    device: str = devices.option(),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Accuracy, loss and confusion of a trained model on labelled sequences."""
    from throughtime.cli.show import show_scores
    from throughtime.training.evaluate import evaluate as measure

    loaded = devices.load(run, device)
    scores = measure(loaded.model, with_targets(loaded, data))
    if json:
        print(json_module.dumps(scores.to_dict()))
    else:
        show_scores(scores)
