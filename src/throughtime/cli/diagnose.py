"""`throughtime diagnose`: how far back in time the gradients of a trained model reach."""

import json as json_module

import typer

from throughtime.cli import device as devices
from throughtime.cli import options, paths
from throughtime.cli.data import with_targets

SHOWN = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def diagnose(
    run: str = typer.Argument(..., help="A run folder.", callback=paths.run_folder),
    data: str | None = typer.Argument(
        None,
        help="A labelled table with the columns of the training table; its test part else.",
        callback=paths.data,
    ),
    sequences: int = typer.Option(
        8, help="How many sequences, the longest ones.", callback=options.whole()
    ),
    steps: int = typer.Option(
        16, help="From how many steps of each to look back.", callback=options.whole()
    ),
    device: str = devices.option(float64=True),
    json: bool = typer.Option(False, "--json", help="Print JSON, with the curves over the lag."),
) -> None:
    """How far back in time the gradients of a trained model reach, in each layer."""
    from throughtime.cli.show import show_diagnosis
    from throughtime.data import collate
    from throughtime.diagnose import diagnose as measure

    loaded = devices.load(run, device)
    chosen = with_targets(loaded, data)
    longest = chosen.lengths.argsort(descending=True, stable=True)[:sequences]
    batch = collate(chosen, longest).to(devices.named(device))
    layers = measure(
        loaded.model, batch.x, batch.lengths,
        lambda out: loaded.model.task.loss(out, batch),
        n=steps, sequences=len(longest),
    )  # fmt: skip
    rows = [layer.to_dict() for layer in layers]
    counted = loaded.model.steps  # those of the layers, each of which may read several
    lengths = counted.lengths(batch.lengths).tolist()
    if json:
        print(json_module.dumps({"lengths": lengths, "steps": steps, "layers": rows}))
    else:
        show_diagnosis(rows, lengths, SHOWN, counted.at_once)
