"""The commands in one place."""

import typer

from throughtime.cli.bench import bench
from throughtime.cli.compute import compute
from throughtime.cli.diagnose import diagnose
from throughtime.cli.dynamics import dynamics
from throughtime.cli.evaluate import evaluate
from throughtime.cli.forecast import forecast
from throughtime.cli.info import info
from throughtime.cli.look import look
from throughtime.cli.predict import predict
from throughtime.cli.report import report
from throughtime.cli.train import train

app = typer.Typer(
    help="Recurrent neural networks, done properly.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _version(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version."),
) -> None:
    if version:
        from importlib.metadata import version as of

        print(f"throughtime {of('throughtime')}")


for command in (
    train, look, evaluate, predict, forecast, report, diagnose, dynamics, info, compute, bench
):  # fmt: skip
    app.command()(command)
