"""`throughtime forecast`: the next steps of series."""

import sys

import typer

from throughtime.cli import device as devices
from throughtime.cli import options, paths
from throughtime.cli.predictions import check_output, write_rows
from throughtime.errors import OptionError, RunError, one_line


def forecast(
    run: str = typer.Argument(..., help="A run folder.", callback=paths.run_folder),
    data: str | None = typer.Argument(
        None,
        help="A table with the columns of the training table; that table as it is now else.",
        callback=paths.table,
    ),
    known: str | None = typer.Option(
        None,
        help="A table with what is known of the steps to come: series, times, known columns.",
        callback=paths.table,
    ),
    template: str | None = typer.Option(
        None, help="Only write the rows of the --known table to this file, to be filled in."
    ),
    count: int | None = typer.Option(
        None,
        "--paths",
        help="Draw so many possible futures of each series in place of quantiles.",
        callback=options.whole(say=100),
    ),
    seed: int = typer.Option(0, help="Of the --paths.", callback=options.whole(0)),
    output: str | None = typer.Option(
        None, help="A file: .csv, .parquet or .jsonl; printed as CSV unless given."
    ),
    device: str = devices.option(),
) -> None:
    """The next steps of each series of a table: a forecast and its quantiles.

    Each series goes on from its own last value. A series that the model was not trained on is
    forecast as any other.
    """
    check_output("--output", output)
    check_output("--template", template)
    if template is not None:
        for option, given in {"--output": output, "--paths": count}.items():
            if given is not None:
                raise OptionError(
                    f"{option} {given} is given with --template; expected it left out, because a "
                    f"template holds no forecast. Leave out {option}."
                )
    from dataclasses import replace

    from throughtime.cli.show import show_gaps
    from throughtime.data import future
    from throughtime.data.source import remembered
    from throughtime.tasks import Forecast
    from throughtime.training.evaluate import predict

    loaded = devices.load(run, device)
    trained_in = f"the run in {one_line(run)}"
    task = loaded.model.task
    if not isinstance(task, Forecast):
        raise RunError(
            f"{run}: is a run of the task {task.name!r}; expected one of --forecast. Use "
            "`throughtime predict`."
        )
    source, _ = remembered(loaded.details, loaded.folder)
    series = source.ahead_of(data, loaded.model.channels, loaded.model.encoder.texts, trained_in)
    assert source.series is not None
    given = source.series.known
    tables = [series]
    if known is not None:
        table = source.known_ahead(known, loaded.model.encoder.texts, trained_in=trained_in)
        if source.sequence is None:  # one series is called as its file
            table = replace(table, names=series.names)
        tables.append(table)
    ahead = future.with_known(future.ended(series, task.targets), task.horizon, given, *tables)
    if template is not None:
        if not given:
            raise OptionError(
                f"--template {template} is given, and the run in {run} has no --known columns; "
                "expected some, because a template is for these. Leave it out: the forecast needs "
                "no other table."
            )
        header, rows = future.template(ahead, task.horizon, given, source.sequence, source.time)
        write_rows(template, header, rows)
        print(f"{len(rows):,} rows to fill in: {one_line(template)}", file=sys.stderr)
        return
    future.check_known(ahead, task.horizon, given)
    show_gaps(loaded.model, ahead)
    predicted = predict(loaded.model, ahead)
    if count is None:
        write_rows(output, *task.rows(predicted, ahead))
    else:
        write_rows(output, *task.path_rows(predicted, ahead, count, seed))
