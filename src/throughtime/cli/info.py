"""`throughtime info`: what a run folder holds."""

import typer

from throughtime.cli import paths


def info(run: str = typer.Argument(..., help="A run folder.", callback=paths.run_folder)) -> None:
    """The equations, sizes, parameters and results of a run."""
    from throughtime.cli.show import show_run
    from throughtime.training.run import read

    show_run(read(run))
