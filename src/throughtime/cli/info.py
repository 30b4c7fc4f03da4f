"""`throughtime info`: what a run folder holds."""

import typer


def info(run: str = typer.Argument(..., help="A run folder.")) -> None:
    """The equations, sizes, parameters and results of a run."""
    from throughtime.cli.show import show_run
    from throughtime.training.run import read

    show_run(read(run))
